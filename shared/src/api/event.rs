//! Lambda's events: API Gateway's request (HTTP API, payload 2.0), and the response to it.
//!
//! An event can have any form: a scheduled ping, another payload format, or no JSON. The Lambda runtime
//! would log a deserialization error with the value at fault, which can be a key, so it gets every event
//! as text, and this module reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_runtime::LambdaEvent;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::error::ApiError;
use super::reply::Reply;

/// Time before Lambda's deadline at which a request ends with `timeout`: enough to send the response.
const MARGIN: Duration = Duration::from_millis(300);

/// Longest duration of a request. API Gateway waits for 30 s.
const MAX_DURATION: Duration = Duration::from_secs(29);

/// Largest number of headers. `HeaderMap` panics beyond 32,768.
const MAX_HEADERS: usize = 200;

/// Longest request ID of API Gateway that is used. Its own have 16 characters.
const MAX_ID: usize = 128;

/// Value in place of one that HTTP does not allow. No reader accepts it, so that a request with a damaged
/// act-as header or idempotency key is refused. Without the header it would have another meaning.
const UNREADABLE: &str = "\u{fffd}";

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

/// The fields of API Gateway's event that are read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<Headers>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: RequestContext,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: Option<String>,
    http: Http,
}

#[derive(Default, Deserialize)]
struct Http {
    method: String,
}

impl Incoming {
    /// Reads an event.
    ///
    /// # Errors
    /// `validation` for an event that is no request, or one with too many headers. The request then has
    /// what is known of it.
    pub(crate) fn of(event: LambdaEvent<String>) -> (Self, Result<(), ApiError>) {
        let LambdaEvent { payload, context } = event;
        let left = context.deadline().duration_since(SystemTime::now()).unwrap_or(MAX_DURATION);
        let left = left.min(MAX_DURATION);
        let event = serde_json::from_str::<Event>(&payload);
        let checked = match &event {
            Err(_) => Err(ApiError::validation(
                "event",
                "This event is not a request of an HTTP API (payload format 2.0). Send requests through API Gateway.",
            )),
            Ok(Event { headers: Some(Headers::TooMany), .. }) => Err(ApiError::validation(
                "headers",
                format!("There are too many headers. Send at most {MAX_HEADERS}."),
            )),
            Ok(_) => Ok(()),
        };
        let event = event.unwrap_or_else(|_| Event {
            raw_path: Some("-".to_owned()),
            request_context: RequestContext {
                request_id: None,
                http: Http { method: "-".to_owned() },
            },
            ..Event::default()
        });
        let id = event.request_context.request_id.filter(|id| is_request_id(id));
        let headers = match event.headers {
            Some(Headers::Read(headers)) => headers,
            Some(Headers::TooMany) | None => HeaderMap::new(),
        };
        let incoming = Self {
            request_id: id.unwrap_or(context.request_id),
            method: event.request_context.http.method,
            path: event.raw_path.unwrap_or_default(),
            query: event.raw_query_string.unwrap_or_default(),
            headers,
            body: body(event.body.unwrap_or_default(), event.is_base64_encoded.unwrap_or_default()),
            deadline: Instant::now() + left.saturating_sub(MARGIN),
            ends: since_1970(SystemTime::now() + left),
        };
        (incoming, checked)
    }
}

/// Returns whether a request ID can be sent in a header.
fn is_request_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The headers of a request.
enum Headers {
    Read(HeaderMap),
    TooMany,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = HeaderMap::new();
        let mut count = 0;
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            count += 1;
            if count > MAX_HEADERS {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Headers::TooMany);
            }
            // No reader looks for a name that HTTP does not allow.
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            let value = HeaderValue::from_str(value.as_str().unwrap_or(UNREADABLE))
                .or_else(|_| HeaderValue::from_str(UNREADABLE));
            headers.append(name, value.expect("it has no control character"));
        }
        Ok(Headers::Read(headers))
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

/// An HTTP response, as API Gateway reads it (payload 2.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpResponse {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The JSON body.
    pub body: String,
    is_base64_encoded: bool,
}

/// Builds the HTTP response. It has no header for an empty text.
pub(crate) fn response(
    reply: Reply,
    request_id: &str,
    server_timing: &str,
    stripe_request_ids: &str,
) -> HttpResponse {
    // A duration would tell an unknown key from an expired one.
    let timing = if reply.status == StatusCode::UNAUTHORIZED { "" } else { server_timing };
    let own = [
        (CONTENT_TYPE.as_str(), "application/json"),
        (CACHE_CONTROL.as_str(), "no-store"),
        // Bodies contain names that customers chose, which no browser may interpret as HTML.
        (X_CONTENT_TYPE_OPTIONS.as_str(), "nosniff"),
        ("x-request-id", request_id),
        ("server-timing", timing),
        ("x-stripe-request-ids", stripe_request_ids),
    ];
    let of_reply = reply
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers = own.into_iter().chain(of_reply).filter(|(_, value)| !value.is_empty());
    HttpResponse {
        status_code: reply.status.as_u16(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: reply.body,
        is_base64_encoded: false,
    }
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::api::query::Query;

    /// Sends the text as an event. Lambda's request ID is `lambdas`.
    fn read(text: &str) -> (Incoming, Result<(), ApiError>) {
        let mut context = Context::default();
        context.request_id = "lambdas".to_owned();
        Incoming::of(LambdaEvent::new(text.to_owned(), context))
    }

    /// Returns a request with these fields changed.
    fn request(change: &Value) -> Value {
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
        fields
    }

    #[track_caller]
    fn incoming(change: &Value) -> Incoming {
        let (incoming, checked) = read(&request(change).to_string());
        checked.expect("a request");
        incoming
    }

    #[test]
    fn gateways_request_id_wins_over_lambdas() {
        let context = |id: &Value| {
            incoming(&json!({ "requestContext": { "http": { "method": "GET" }, "requestId": id } }))
        };
        assert_eq!(incoming(&json!({})).request_id, "the-gateways");
        let longest = "a".repeat(MAX_ID);
        assert_eq!(context(&json!(longest)).request_id, longest);
        for bad in [json!(null), json!(""), json!("é"), json!("a b"), json!("a".repeat(MAX_ID + 1))]
        {
            assert_eq!(context(&bad).request_id, "lambdas", "{bad}");
        }
    }

    #[test]
    fn event_that_is_no_request_is_refused() {
        let deep = "[".repeat(100_000);
        let texts = [
            "",
            " ",
            "null",
            "{}",
            "[]",
            "7",
            "\"warm-up\"",
            "{",
            "nul\0",
            &deep,
            "{} {}",
            r#"{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}"#,
            r#"{"Records":[{"eventSource":"aws:sqs","body":"sk_test_1"}]}"#,
            // An API Gateway request in payload format 1.0, and one of an Application Load Balancer.
            r#"{"version":"1.0","httpMethod":"GET","path":"/","headers":{},"requestContext":{"requestId":"r"}}"#,
            r#"{"httpMethod":"GET","path":"/","headers":{},"requestContext":{"elb":{"targetGroupArn":"a"}}}"#,
            r#"{"requestContext":{"http":null}}"#,
            r#"{"requestContext":{"http":{"method":7}}}"#,
            r#"{"requestContext":{"http":{"method":"GET"}},"headers":[]}"#,
            r#"{"requestContext":{"http":{"method":"GET"}},"body":{}}"#,
            r#"{"requestContext":{"http":{"method":"GET"}},"isBase64Encoded":"yes"}"#,
        ];
        for text in texts {
            let (incoming, checked) = read(text);
            let field = match checked.expect_err(text) {
                ApiError::Validation { field, .. } => field,
                other => panic!("{text}: {other}"),
            };
            assert_eq!(field, "event", "{text}");
            let Incoming { request_id, method, path, .. } = incoming;
            assert_eq!((&*request_id, &*method, &*path), ("lambdas", "-", "-"), "{text}");
        }
    }

    #[test]
    fn smallest_request_is_read() {
        for more in ["", r#","headers":null,"body":null,"isBase64Encoded":null"#] {
            let text = format!(r#"{{"requestContext":{{"http":{{"method":"GET"}}}}{more}}}"#);
            let (incoming, checked) = read(&text);
            assert!(checked.is_ok(), "{text}");
            assert_eq!((incoming.method.as_str(), incoming.headers.len()), ("GET", 0));
        }
    }

    #[test]
    fn malformed_header_value_is_unreadable_and_a_malformed_name_is_dropped() {
        let headers = incoming(&json!({ "headers": {
            "Host": "api", "authorization": "Bearer a\u{7f}", "a b": "c", "": "d", "x": 1, "y": ["z"],
            "idempotency-key": "a\r\nb",
        } })).headers;
        assert_eq!(headers.get("host").and_then(|value| value.to_str().ok()), Some("api"));
        for name in ["authorization", "x", "y", "idempotency-key"] {
            assert!(headers.get(name).expect(name).to_str().is_err(), "{name}");
        }
        assert_eq!(headers.len(), 5);
    }

    #[test]
    fn header_in_two_spellings_has_two_values() {
        let headers = incoming(&json!({ "headers": { "X-A": "1", "x-a": "2" } })).headers;
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
    }

    #[test]
    fn too_many_headers_are_refused() {
        let headers = |count: usize| {
            let headers = (0..count).map(|number| (format!("x-{number}"), json!("")));
            request(&json!({ "headers": headers.collect::<serde_json::Map<_, _>>() })).to_string()
        };
        let (incoming, checked) = read(&headers(MAX_HEADERS));
        assert!(checked.is_ok());
        assert_eq!(incoming.headers.len(), MAX_HEADERS);
        for count in [MAX_HEADERS + 1, 40_000] {
            let (incoming, checked) = read(&headers(count));
            let error = checked.expect_err("too many");
            assert_eq!(error.to_string(), "There are too many headers. Send at most 200.");
            assert!(matches!(error, ApiError::Validation { field, .. } if field == "headers"));
            assert_eq!(incoming.request_id, "the-gateways");
        }
    }

    #[test]
    fn body_is_decoded() {
        let body = |change: Value| incoming(&change).body;
        assert_eq!(body(json!({})), b"");
        assert_eq!(body(json!({ "body": "{}" })), b"{}");
        assert_eq!(body(json!({ "body": "e30=", "isBase64Encoded": true })), b"{}");
        assert_eq!(body(json!({ "body": "{}", "isBase64Encoded": true })), b"{}");
    }

    #[test]
    fn missing_deadline_defaults_to_the_gateways() {
        let left = incoming(&json!({})).deadline.duration_since(Instant::now());
        assert!(left <= MAX_DURATION && left + Duration::from_secs(2) > MAX_DURATION);
    }

    #[test]
    fn response_has_api_gateways_form_and_a_401_no_durations() {
        let timing = "total;dur=1.0";
        let sent = response(Reply::ok(&7).expect("a reply"), "r", timing, "req_1,req_2");
        let expected = json!({
            "statusCode": 200, "body": "7", "isBase64Encoded": false,
            "headers": {
                "content-type": "application/json", "cache-control": "no-store",
                "x-content-type-options": "nosniff", "x-request-id": "r",
                "server-timing": timing, "x-stripe-request-ids": "req_1,req_2",
            },
        });
        assert_eq!(serde_json::to_value(sent).expect("JSON"), expected);
        let refused = response(Reply::of_error(&ApiError::Unauthenticated, "r"), "r", timing, "");
        let names: Vec<&str> = refused.headers.keys().map(String::as_str).collect();
        let expected = [
            "cache-control",
            "content-type",
            "www-authenticate",
            "x-content-type-options",
            "x-request-id",
        ];
        assert_eq!((refused.status_code, &names[..]), (401, &expected[..]));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_read(text: String) {
            prop_assert!(read(&text).1.is_err());
        }

        #[test]
        fn arbitrary_request_is_read(
            query: String, path: String, text: String, base64: bool, name: String, value: String,
        ) {
            let change = json!({
                "rawQueryString": query, "rawPath": path, "body": text, "isBase64Encoded": base64,
                "headers": { name: value },
            });
            let incoming = incoming(&change);
            prop_assert_eq!(&incoming.query, &query);
            prop_assert_eq!(&incoming.path, &path);
            let _ = Query::parse(&incoming.query).only(&["limit"]);
        }

        #[test]
        fn arbitrary_part_of_a_request_is_read(cut in 0_usize..600) {
            let text = request(&json!({ "body": "{}" })).to_string();
            let _ = read(&text[..cut.min(text.len())]);
        }
    }
}
