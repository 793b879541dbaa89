//! The API from outside: it answers, lets nobody in without a key, and is not open to every page.

use hyper::{Method, Uri};
use serde_json::Value;

use super::http::{self, Answer};
use super::report::Report;
use super::settings::Settings;

/// The routes of template.yaml.
const ROUTES: [(Method, &str); 8] = [
    (Method::GET, "/v1/billing/summary"),
    (Method::GET, "/v1/billing/info"),
    (Method::GET, "/v1/billing/invoices"),
    (Method::GET, "/v1/billing/dunning"),
    (Method::POST, "/v1/billing/checkout-session"),
    (Method::POST, "/v1/billing/portal-session"),
    (Method::POST, "/v1/billing/plan-change/preview"),
    (Method::POST, "/v1/billing/plan-change"),
];

/// A page that nobody allowed.
const FOREIGN: &str = "https://billingctl-doctor.invalid";

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    let Some(url) = &settings.api_url else {
        let advice = "give the stack's description (--stack), or --api-url";
        return report.skip("api", "it is not known where it answers", advice);
    };
    let base = url.trim_end_matches('/');
    tls(base, report);
    routes(base, report).await;
    unknown(base, report).await;
    preflight(base, report).await;
}

fn tls(base: &str, report: &mut Report) {
    let uri: Option<Uri> = base.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match uri.as_ref().and_then(Uri::scheme_str) {
        Some("https") => report.pass("api.tls", "https"),
        Some("http") if is_local => report.pass("api.tls", "http, on this machine alone"),
        _ => report.fail(
            "api.tls",
            format!("{base} is not https: API keys would travel in the clear"),
            "put the API behind an https name",
        ),
    }
}

async fn routes(base: &str, report: &mut Report) {
    const CHECK: &str = "api.routes";
    let mut wrong = Vec::new();
    for (method, path) in &ROUTES {
        let headers = [("content-type", "application/json")];
        let answer = http::send(method.clone(), &format!("{base}{path}"), &headers).await;
        if let Some(reason) = refusal(answer.as_ref()) {
            wrong.push(format!("{method} {path} {reason}"));
        }
    }
    let advice = "see the function's log (sam logs), deploy it again, and check ApiUrl";
    let count = ROUTES.len();
    if wrong.is_empty() {
        report.pass(CHECK, format!("all {count} refuse who has no key, as they should"));
    } else {
        report.fail(CHECK, wrong.join("; "), advice);
    }
}

/// Why this is not how the API turns away who has no key.
fn refusal(answer: Result<&Answer, &String>) -> Option<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(reason) => return Some(format!("does not answer ({reason})")),
    };
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_ours = body["error"] == "unauthenticated" && body["requestId"].is_string();
    match (answer.status, is_ours) {
        (401, true) => None,
        (401, false) => Some("answers 401 with a body that is not the API's".to_owned()),
        (status, _) => Some(format!("answers {status} to who has no key, and not 401")),
    }
}

async fn unknown(base: &str, report: &mut Report) {
    const CHECK: &str = "api.unknown-route";
    let url = format!("{base}/v1/billing/billingctl-doctor");
    match http::send(Method::GET, &url, &[]).await {
        Ok(answer) if answer.status == 404 => report.pass(CHECK, "404"),
        Ok(answer) => report.warn(
            CHECK,
            format!("a route that there is not is answered with {}", answer.status),
            "see that nothing but this API is behind the URL",
        ),
        Err(reason) => report.fail(CHECK, reason, "check the URL and the network"),
    }
}

/// Browsers ask first whether a page may call.
async fn preflight(base: &str, report: &mut Report) {
    const CHECK: &str = "api.cors";
    let headers = [
        ("origin", FOREIGN),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = http::send(Method::OPTIONS, &format!("{base}{}", ROUTES[0].1), &headers).await;
    let allowed = answer.as_ref().map(|answer| answer.header("access-control-allow-origin"));
    match allowed {
        Ok(Some(origin)) if origin == "*" || origin == FOREIGN => report.fail(
            CHECK,
            format!("any page may call it (access-control-allow-origin: {origin})"),
            "list the origins that may in the API's CORS settings",
        ),
        Ok(_) => report.pass(CHECK, "a foreign page is not let in"),
        Err(reason) => report.fail(CHECK, reason.clone(), "check the URL and the network"),
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn the_routes_are_those_of_the_template() {
        let template = include_str!("../../../../template.yaml");
        let routes = template.lines().filter(|line| line.contains("Type: HttpApi"));
        let wanted = |(method, path): &(Method, &str)| format!("Method: {method}, Path: {path} ");
        assert_eq!(routes.count(), ROUTES.len());
        for route in &ROUTES {
            assert!(template.contains(&wanted(route)), "{route:?}");
        }
    }

    #[test]
    fn only_the_apis_own_401_is_a_refusal() {
        let ours = r#"{"error":"unauthenticated","message":"m","requestId":"r","details":null}"#;
        for (status, body, right) in [
            (401, ours, true),
            (401, r#"{"message":"Unauthorized"}"#, false),
            (200, ours, false),
            (404, r#"{"message":"Not Found"}"#, false),
            (502, "", false),
        ] {
            let answer = Answer { status, headers: HeaderMap::new(), body: body.into() };
            assert_eq!(refusal(Ok(&answer)).is_none(), right, "{status} {body}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (base, verdict) in [
            ("https://api.example", Verdict::Pass),
            ("http://127.0.0.1:9100", Verdict::Pass),
            ("http://api.example", Verdict::Fail),
            ("api.example", Verdict::Fail),
        ] {
            let mut report = Report::default();
            tls(base, &mut report);
            assert_eq!(report.lines()[0].verdict, verdict, "{base}");
        }
    }
}
