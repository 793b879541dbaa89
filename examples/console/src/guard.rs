//! Checks of every request, and headers of every response.
//!
//! The console has no login: everyone who reaches it can use its keys. It therefore listens on the loopback interface
//! only, and refuses requests that another site's page makes through the developer's browser: those with a foreign
//! `Host` (DNS rebinding), and POSTs from another origin (cross-site request forgery).

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::{Problem, Shared};

/// Headers of every response. `no-referrer` would remove the `Origin` of our own forms.
const HEADERS: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Refuses foreign requests, and sets [`HEADERS`] and the content security policy.
pub async fn check(State(console): State<Shared>, request: Request, next: Next) -> Response {
    let problem = refusal(request.method(), request.headers(), console.port);
    let mut response = match problem {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let policy = policy(console.stack().ok().map(|stack| stack.stripe_url).as_deref());
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert("content-security-policy", policy);
    }
    response
}

fn refusal(method: &Method, headers: &HeaderMap, port: u16) -> Option<Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let Some(host) = text(HOST.as_str()).filter(|host| ours.iter().any(|one| one == host)) else {
        return Some(Problem::ForeignHost);
    };
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    // Every browser sends one of the two with a POST. Where both are there, both must fit.
    let site = text("sec-fetch-site").map(|site| site == "same-origin");
    let origin = text(ORIGIN.as_str()).map(|origin| origin == format!("http://{host}"));
    let same = site.or(origin).unwrap_or(false) && origin.unwrap_or(true);
    (!same).then_some(Problem::ForeignOrigin)
}

/// Browsers apply `form-action` to redirects as well, so that it needs the origins of Stripe's pages.
fn policy(stripe_url: Option<&str>) -> String {
    format!(
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' https://checkout.stripe.com https://billing.stripe.com {}",
        stripe_url.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        refusal(method, &headers, 3000).is_some()
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for host in ["localhost:3000", "127.0.0.1:3000"] {
            assert!(!refused(&Method::GET, &[("host", host)]), "{host}");
        }
        for host in
            ["localhost", "localhost:3001", "evil.example:3000", "localhost.evil.example:3000", ""]
        {
            assert!(refused(&Method::GET, &[("host", host)]), "{host}");
        }
        assert!(refused(&Method::GET, &[]));
    }

    #[test]
    fn posts_from_other_origins_are_refused() {
        let host = ("host", "localhost:3000");
        let post =
            |headers: &[(&'static str, &str)]| refused(&Method::POST, &[&[host], headers].concat());
        let (site, origin) = ("sec-fetch-site", "origin");
        assert!(!post(&[(origin, "http://localhost:3000")]));
        assert!(!post(&[(site, "same-origin")]));
        assert!(!post(&[(site, "same-origin"), (origin, "http://localhost:3000")]));
        assert!(post(&[]));
        for other in
            ["null", "http://localhost:9100", "https://localhost:3000", "http://127.0.0.1:3000"]
        {
            assert!(post(&[(origin, other)]), "{other}");
            assert!(post(&[(site, "same-origin"), (origin, other)]), "{other}");
        }
        for other in ["cross-site", "same-site", "none"] {
            assert!(post(&[(site, other)]), "{other}");
            assert!(post(&[(site, other), (origin, "http://localhost:3000")]), "{other}");
        }
    }
}
