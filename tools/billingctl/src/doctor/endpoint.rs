//! Checks the deployed API: TLS and the routes' authentication.

use hyper::{Method, Uri};
use serde_json::Value;

use super::cors;
use super::http::{self, Response};
use super::report::Report;
use super::settings::Settings;

/// The routes of template.yaml.
const ROUTES: [(Method, &str); 11] = [
    (Method::GET, "/v1/billing/summary"),
    (Method::GET, "/v1/billing/info"),
    (Method::GET, "/v1/billing/invoices"),
    (Method::GET, "/v1/billing/dunning"),
    (Method::GET, "/v1/billing/usage"),
    (Method::GET, "/v1/billing/invoices/in_doctor"),
    (Method::POST, "/v1/billing/checkout-session"),
    (Method::POST, "/v1/billing/portal-session"),
    (Method::POST, "/v1/billing/plan-change/preview"),
    (Method::POST, "/v1/billing/plan-change"),
    (Method::DELETE, "/v1/billing/plan-change"),
];

/// Checks the API if its URL is known.
pub(super) async fn check(settings: &Settings, report: &mut Report) {
    let Some(url) = &settings.api_url else {
        let advice = "use --stack with the stack's description, or --api-url";
        return report.skip("api", "its URL is unknown", advice);
    };
    let base = url.trim_end_matches('/');
    check_tls(base, report);
    check_routes(base, report).await;
    check_unknown_route(base, report).await;
    cors::check(base, settings, report).await;
}

fn check_tls(base: &str, report: &mut Report) {
    let uri: Option<Uri> = base.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match uri.as_ref().and_then(Uri::scheme_str) {
        Some("https") => report.pass("api.tls", "https"),
        Some("http") if is_local => report.pass("api.tls", "http on this machine"),
        _ => report.fail(
            "api.tls",
            format!("{base} is not https, so API keys are sent unencrypted"),
            "serve the API over https",
        ),
    }
}

async fn check_routes(base: &str, report: &mut Report) {
    const CHECK: &str = "api.routes";
    let mut problems = Vec::new();
    for (method, path) in &ROUTES {
        let headers = [("content-type", "application/json")];
        let response = http::send(method.clone(), &format!("{base}{path}"), &headers).await;
        if let Some(reason) = authentication_problem(response.as_ref()) {
            problems.push(format!("{method} {path} {reason}"));
        }
    }
    let advice = "check ApiUrl, read the function's log (aws logs tail), and deploy it again";
    let count = ROUTES.len();
    if problems.is_empty() {
        report.pass(CHECK, format!("all {count} refuse requests without a key"));
    } else {
        report.fail(CHECK, problems.join("; "), advice);
    }
}

/// Returns why the response is not the API's 401 for a request without a key.
fn authentication_problem(response: Result<&Response, &String>) -> Option<String> {
    let response = match response {
        Ok(response) => response,
        Err(reason) => return Some(format!("does not respond ({reason})")),
    };
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let is_ours = body["error"] == "unauthenticated" && body["requestId"].is_string();
    match (response.status, is_ours) {
        (401, true) => None,
        (401, false) => Some("responds 401 with a body that is not the API's".to_owned()),
        (status, _) => Some(format!("responds {status} to a request without a key instead of 401")),
    }
}

async fn check_unknown_route(base: &str, report: &mut Report) {
    const CHECK: &str = "api.unknown-route";
    let url = format!("{base}/v1/billing/billingctl-doctor");
    match http::send(Method::GET, &url, &[]).await {
        Ok(response) if response.status == 404 => report.pass(CHECK, "404"),
        Ok(response) => report.warn(
            CHECK,
            format!("an unknown route responds with {}", response.status),
            "check that the URL serves only this API",
        ),
        Err(reason) => report.fail(CHECK, reason, "check the URL and the network"),
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn routes_match_the_template() {
        let template = include_str!("../../../../template.yaml");
        let routes = template.lines().filter(|line| line.contains("Type: HttpApi"));
        let expected = |(method, path): &(Method, &str)| match path.strip_suffix("in_doctor") {
            Some(start) => format!("Method: {method}, Path: \"{start}{{id}}\" "),
            None => format!("Method: {method}, Path: {path} "),
        };
        assert_eq!(routes.count(), ROUTES.len());
        for route in &ROUTES {
            assert!(template.contains(&expected(route)), "{route:?}");
        }
    }

    #[test]
    fn only_the_apis_own_401_passes() {
        let ours = r#"{"error":"unauthenticated","message":"m","requestId":"r","details":null}"#;
        for (status, body, passes) in [
            (401, ours, true),
            (401, r#"{"message":"Unauthorized"}"#, false),
            (200, ours, false),
            (404, r#"{"message":"Not Found"}"#, false),
            (502, "", false),
        ] {
            let response = Response { status, headers: HeaderMap::new(), body: body.into() };
            assert_eq!(authentication_problem(Ok(&response)).is_none(), passes, "{status} {body}");
        }
    }

    #[test]
    fn plain_http_passes_for_this_machine_only() {
        for (base, verdict) in [
            ("https://api.example", Verdict::Pass),
            ("http://127.0.0.1:9100", Verdict::Pass),
            ("http://api.example", Verdict::Fail),
            ("api.example", Verdict::Fail),
        ] {
            let mut report = Report::default();
            check_tls(base, &mut report);
            assert_eq!(report.lines()[0].verdict, verdict, "{base}");
        }
    }
}
