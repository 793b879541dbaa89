//! API Gateway's event (HTTP API, payload 2.0), as far as we read it, and the answer to it.
//!
//! `lambda_http::run` would make a URI of it and give up, with the whole process, on a query that is
//! none, such as `?status=<open>`. Whatever a caller sends has to get an answer.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;

use crate::auth::Source;
use crate::respond::{Reply, Timings};

/// How long before Lambda's own deadline we answer `timeout`: long enough to write it out.
const MARGIN: Duration = Duration::from_millis(300);

/// The time for a request where Lambda names none; API Gateway waits for 30 s.
const LONGEST: Duration = Duration::from_secs(29);

/// A request as it came in.
pub(crate) struct Incoming {
    /// API Gateway's id for it, or Lambda's where there is no gateway.
    pub(crate) request_id: String,
    /// Where the gateway says that it came from.
    pub(crate) source: Source,
    pub(crate) method: String,
    pub(crate) path: String,
    /// As it was sent, without the `?`.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Until when an answer has to be there.
    pub(crate) deadline: Instant,
    /// When Lambda ends this invocation, in milliseconds since 1970.
    pub(crate) ends: i64,
}

impl Incoming {
    pub(crate) fn of(event: LambdaEvent<ApiGatewayV2httpRequest>) -> Self {
        let LambdaEvent { payload, context } = event;
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(LONGEST);
        let left = left.min(LONGEST);
        let id = payload.request_context.request_id.filter(|id| !id.is_empty());
        Self {
            request_id: id.unwrap_or(context.request_id),
            source: Source::of(payload.request_context.http.source_ip.as_deref()),
            method: payload.request_context.http.method.to_string(),
            path: payload.raw_path.unwrap_or_default(),
            query: payload.raw_query_string.unwrap_or_default(),
            headers: payload.headers,
            body: body(payload.body.unwrap_or_default(), payload.is_base64_encoded),
            deadline: Instant::now() + left.saturating_sub(MARGIN),
            ends: since_1970(SystemTime::now() + left),
        }
    }
}

/// What is said to be base64 and is not is left as it is; as JSON it will be refused.
fn body(text: String, is_base64: bool) -> Vec<u8> {
    let decoded = is_base64.then(|| BASE64_STANDARD.decode(&text).ok()).flatten();
    decoded.unwrap_or_else(|| text.into_bytes())
}

fn since_1970(moment: SystemTime) -> i64 {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The whole HTTP response. Cannot fail: a header value that is no header value is left out.
pub(crate) fn response(
    reply: Reply,
    request_id: &str,
    timings: &Timings,
) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Names that customers chose are text, whatever a browser makes of them.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(reply.headers);
    for (name, value) in [("x-request-id", request_id), ("server-timing", &timings.header())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = reply.status.as_u16().into();
    response.headers = headers;
    response.body = Some(Body::Text(reply.body));
    response
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::Query;

    fn event(change: &Value) -> LambdaEvent<ApiGatewayV2httpRequest> {
        let mut fields = json!({
            "version": "2.0", "routeKey": "GET /v1/billing/summary", "rawPath": "/v1/billing/summary",
            "rawQueryString": "", "headers": { "host": "api.example.com" }, "isBase64Encoded": false,
            "requestContext": {
                "accountId": "1", "apiId": "a", "requestId": "the-gateways", "stage": "$default", "timeEpoch": 1,
                "http": { "method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x" },
            },
        });
        fields
            .as_object_mut()
            .expect("an object")
            .extend(change.as_object().expect("an object").clone());
        let mut context = Context::default();
        context.request_id = "lambdas".to_owned();
        LambdaEvent::new(serde_json::from_value(fields).expect("an event"), context)
    }

    #[test]
    fn the_gateways_request_id_counts_and_lambdas_where_there_is_none() {
        assert_eq!(Incoming::of(event(&json!({}))).request_id, "the-gateways");
        let bare = json!({ "requestContext": { "http": { "method": "GET" } } });
        assert_eq!(Incoming::of(event(&bare)).request_id, "lambdas");
    }

    #[test]
    fn a_body_is_taken_as_it_was_sent() {
        let body = |change: Value| Incoming::of(event(&change)).body;
        assert_eq!(body(json!({})), b"");
        assert_eq!(body(json!({ "body": "{}" })), b"{}");
        assert_eq!(body(json!({ "body": "e30=", "isBase64Encoded": true })), b"{}");
        assert_eq!(body(json!({ "body": "{}", "isBase64Encoded": true })), b"{}");
    }

    #[test]
    fn without_a_deadline_the_gateways_patience_counts() {
        let left = Incoming::of(event(&json!({}))).deadline.duration_since(Instant::now());
        assert!(left <= LONGEST && left + Duration::from_secs(2) > LONGEST);
    }

    proptest! {
        #[test]
        fn whatever_a_caller_sends_can_be_read(query: String, path: String, text: String, base64: bool) {
            let change = json!({ "rawQueryString": query, "rawPath": path, "body": text, "isBase64Encoded": base64 });
            let incoming = Incoming::of(event(&change));
            prop_assert_eq!(&incoming.query, &query);
            let _ = Query::parse(&incoming.query).only(&["limit"]);
        }
    }
}
