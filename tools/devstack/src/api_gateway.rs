//! Local API Gateway: an HTTP API with the routes, the CORS settings and the payload format of the template, and the
//! reference page at `/docs`.
//!
//! It invokes functions through cargo-lambda's `Invoke`, as API Gateway invokes Lambda. cargo-lambda's own HTTP routes
//! answer unknown paths, other methods and bodies that are not UTF-8 in another way than API Gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::compiler::{Failures, failure};
use crate::docs;
use crate::functions::{FUNCTIONS, Function};
use crate::{http, lambda};

/// Largest body that API Gateway accepts, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// `access-control-expose-headers`, as in the template's `CorsConfiguration`.
pub const EXPOSED: &str = "x-request-id,retry-after,idempotent-replayed,server-timing,x-stripe-request-ids,etag,age,cache-status,x-as-of";
/// `access-control-allow-methods`, as in the template.
pub const ALLOWED_METHODS: &str = "GET,POST,DELETE";
/// `access-control-allow-headers`, as in the template.
pub const ALLOWED_HEADERS: &str =
    "authorization,content-type,idempotency-key,x-cantila-act-as,if-none-match,cache-control";
/// `access-control-max-age` in seconds, as in the template.
pub const MAX_AGE: &str = "3600";

/// Where functions are invoked, and for how long at most.
#[derive(Clone, Debug)]
pub(crate) struct Invoker {
    /// URL of cargo-lambda.
    pub(crate) url: String,
    pub(crate) limit: Duration,
    /// Origins whose pages may call the API.
    pub(crate) origins: Vec<String>,
    /// The functions that do not compile.
    pub(crate) failures: watch::Receiver<Failures>,
}

/// Serves requests until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, invoker: Invoker) {
    let router = Router::new().fallback(respond).with_state(Arc::new(invoker));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    // Never ends: axum waits and goes on when it cannot accept a connection.
    let _ = axum::serve(listener, service).await;
}

async fn respond(
    State(invoker): State<Arc<Invoker>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let origin = origin.filter(|origin| invoker.origins.iter().any(|allowed| origin == allowed));
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match route(request.method(), request.uri().path()) {
        _ if is_preflight => StatusCode::NO_CONTENT.into_response(),
        Route::Docs => page(),
        Route::Function(function) => invoke(function, request, peer, &invoker).await,
        Route::None => message(StatusCode::NOT_FOUND, "Not Found"),
    };
    if let Some(origin) = origin {
        add_cors(response.headers_mut(), origin, is_preflight);
    }
    response
}

enum Route {
    Docs,
    Function(&'static Function),
    /// API Gateway's response to another method of a known path is also 404.
    None,
}

fn route(method: &Method, path: &str) -> Route {
    if path == "/docs" && (method == Method::GET || method == Method::HEAD) {
        return Route::Docs;
    }
    let function = FUNCTIONS.iter().find(|row| row.has_path(path) && row.method == method.as_str());
    function.map_or(Route::None, Route::Function)
}

fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let (status, page) = docs::response();
    (status, headers, page).into_response()
}

async fn invoke(
    function: &'static Function,
    request: Request,
    peer: SocketAddr,
    invoker: &Invoker,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let id = getrandom::u64().map_or_else(|_| "0".to_owned(), |id| format!("{id:016x}"));
    let source = peer.ip().to_string();
    let event = event(function, &head.uri, &head.headers, &body, &source, &id);
    let url = format!("{}/2015-03-31/functions/{}/invocations", invoker.url, function.name);
    let event = event.to_string();
    let sent = tokio::select! {
        sent = http::send("POST", &url, &[], &event, invoker.limit) => sent,
        message = failure(invoker.failures.clone(), function.name) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, message).into_response();
        }
    };
    match sent {
        Ok(result) if result.status == 200 => lambda::response(&result.body).map_or_else(
            || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            of,
        ),
        Ok(_) => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
    }
}

/// Returns the event of a request. API Gateway joins repeated headers with commas and sends a body that is not UTF-8
/// in base64.
fn event(
    function: &Function,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    source: &str,
    id: &str,
) -> Value {
    let joined: Vec<(&str, String)> = headers
        .keys()
        .map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<_> =
                values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str(), values.join(","))
        })
        .collect();
    let headers: Vec<_> = joined.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let text = std::str::from_utf8(body);
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let body_text = text.unwrap_or_default();
    let request =
        lambda::Request { function, path, query, headers: &headers, body: body_text, source, id };
    let mut event = request.event();
    if text.is_err() {
        event["body"] = BASE64_STANDARD.encode(body).into();
        event["isBase64Encoded"] = true.into();
    }
    event
}

fn of(response: http::Response) -> Response {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = Response::new(Body::from(response.body));
    *answer.status_mut() = status;
    *answer.headers_mut() = response.headers;
    answer
}

fn add_cors(headers: &mut HeaderMap, origin: HeaderValue, is_preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let more: &[(HeaderName, &'static str)] = if is_preflight {
        &[
            (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ]
    } else {
        &[(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)]
    };
    for (name, value) in more {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "message": text }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_headers_are_joined_and_binary_bodies_are_base64() {
        let mut headers = HeaderMap::new();
        for value in ["a", "b"] {
            headers.append("x-cantila-act-as", HeaderValue::from_static(value));
        }
        let portal = FUNCTIONS.iter().find(|row| row.name == "portal-session").expect("a row");
        let uri = Uri::from_static("/v1/billing/portal-session?a=1");
        let event = |body: &[u8]| super::event(portal, &uri, &headers, body, "::1", "id");
        let text = event(b"{}");
        assert_eq!(text["headers"], json!({ "x-cantila-act-as": "a,b" }));
        assert_eq!((&text["body"], &text["rawQueryString"]), (&json!("{}"), &json!("a=1")));
        let binary = event(&[0xff, 0xfe]);
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("//4="), &json!(true)));
        assert_eq!(event(b"")["body"], Value::Null);
    }

    /// As the gateway of a stack whose console has another port than 3000.
    #[tokio::test]
    async fn each_origin_of_the_functions_settings_may_call_the_api() {
        let origins = ["http://localhost:3100", "http://localhost:3000"].map(str::to_owned);
        let environment = crate::environment::Environment::new("", "", 1, &origins);
        let (_sender, failures) = watch::channel(Failures::default());
        let invoker = Arc::new(Invoker {
            url: String::new(),
            limit: Duration::ZERO,
            origins: environment.allowed_origins(),
            failures,
        });
        for (origin, expected) in [
            ("http://localhost:3100", Some("http://localhost:3100")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://localhost:3200", None),
        ] {
            let request = Request::builder()
                .method(Method::OPTIONS)
                .uri("/v1/billing/summary")
                .header(header::ORIGIN, origin)
                .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
            let request = request.body(Body::empty()).expect("a request");
            let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1)));
            let response = respond(State(Arc::clone(&invoker)), peer, request).await;
            let allowed = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            let allowed = allowed.map(|value| value.to_str().expect("text"));
            assert_eq!((response.status(), allowed), (StatusCode::NO_CONTENT, expected));
        }
    }

    #[test]
    fn other_methods_and_paths_have_no_route() {
        for (method, path) in [
            (Method::HEAD, "/v1/billing/summary"),
            (Method::GET, "/v1/billing/plan-change"),
            (Method::GET, "/v1/billing/summary/"),
            (Method::GET, "/v1/billing/invoices/"),
            (Method::GET, "/v1/billing/invoices/in_1/lines"),
            (Method::POST, "/docs"),
        ] {
            assert!(matches!(route(&method, path), Route::None), "{method} {path}");
        }
        assert!(matches!(route(&Method::HEAD, "/docs"), Route::Docs));
        for (path, name) in [("summary", "summary"), ("invoices/in_1", "invoice")] {
            let path = format!("/v1/billing/{path}");
            let Route::Function(found) = route(&Method::GET, &path) else { panic!("{path}") };
            assert_eq!(found.name, name);
        }
    }
}
