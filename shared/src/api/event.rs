//! API Gateway's event (HTTP API, payload 2.0) and the response to it.
//!
//! `lambda_http::run` would build a URI and panic on a malformed query such as `?status=<open>`. Every
//! request needs a response, so this module reads the event itself.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use lambda_runtime::LambdaEvent;
use tokio::time::Instant;

use super::reply::Reply;

/// Time before Lambda's deadline at which a request ends with `timeout`: enough to send the response.
const MARGIN: Duration = Duration::from_millis(300);

/// Longest duration of a request. API Gateway waits for 30 s.
const MAX_DURATION: Duration = Duration::from_secs(29);

/// A request.
pub(crate) struct Incoming {
    /// API Gateway's request ID, or Lambda's without a gateway.
    pub(crate) request_id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// The undecoded query, without the `?`.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Time by which the response has to be ready.
    pub(crate) deadline: Instant,
    /// End of this invocation, in milliseconds since 1970.
    pub(crate) ends: i64,
}

impl Incoming {
    pub(crate) fn of(event: LambdaEvent<ApiGatewayV2httpRequest>) -> Self {
        let LambdaEvent { payload, context } = event;
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(MAX_DURATION);
        let left = left.min(MAX_DURATION);
        let id = payload.request_context.request_id.filter(|id| !id.is_empty());
        Self {
            request_id: id.unwrap_or(context.request_id),
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

/// Decodes base64. A malformed body stays as it is, and is then refused as JSON.
fn body(text: String, is_base64: bool) -> Vec<u8> {
    let decoded = is_base64.then(|| BASE64_STANDARD.decode(&text).ok()).flatten();
    decoded.unwrap_or_else(|| text.into_bytes())
}

fn since_1970(moment: SystemTime) -> i64 {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Builds the HTTP response. Malformed header values are left out, so it cannot fail.
pub(crate) fn response(
    reply: Reply,
    request_id: &str,
    server_timing: &str,
) -> ApiGatewayV2httpResponse {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Bodies contain names that customers chose, which no browser may interpret as HTML.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.extend(reply.headers);
    for (name, value) in [("x-request-id", request_id), ("server-timing", server_timing)] {
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
    use crate::api::query::Query;

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
    fn gateways_request_id_wins_over_lambdas() {
        assert_eq!(Incoming::of(event(&json!({}))).request_id, "the-gateways");
        let bare = json!({ "requestContext": { "http": { "method": "GET" } } });
        assert_eq!(Incoming::of(event(&bare)).request_id, "lambdas");
    }

    #[test]
    fn body_is_decoded() {
        let body = |change: Value| Incoming::of(event(&change)).body;
        assert_eq!(body(json!({})), b"");
        assert_eq!(body(json!({ "body": "{}" })), b"{}");
        assert_eq!(body(json!({ "body": "e30=", "isBase64Encoded": true })), b"{}");
        assert_eq!(body(json!({ "body": "{}", "isBase64Encoded": true })), b"{}");
    }

    #[test]
    fn missing_deadline_defaults_to_the_gateways() {
        let left = Incoming::of(event(&json!({}))).deadline.duration_since(Instant::now());
        assert!(left <= MAX_DURATION && left + Duration::from_secs(2) > MAX_DURATION);
    }

    proptest! {
        #[test]
        fn arbitrary_request_is_read(query: String, path: String, text: String, base64: bool) {
            let change = json!({ "rawQueryString": query, "rawPath": path, "body": text, "isBase64Encoded": base64 });
            let incoming = Incoming::of(event(&change));
            prop_assert_eq!(&incoming.query, &query);
            let _ = Query::parse(&incoming.query).only(&["limit"]);
        }
    }
}
