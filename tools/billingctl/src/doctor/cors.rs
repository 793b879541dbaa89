//! Checks which origins may call the API from a browser (CORS).

use hyper::Method;

use super::http::{self, Response};
use super::origins::entries;
use super::report::Report;
use super::settings::Settings;

/// A route for preflight requests; the API's CORS settings are those of all routes.
const PATH: &str = "/v1/billing/plan-change";

/// An origin that no stack allows.
const FOREIGN_ORIGIN: &str = "https://billingctl-doctor.invalid";

/// Methods of the routes.
const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];

/// Headers of requests that the contract describes.
const HEADERS: [&str; 6] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "x-cantila-act-as",
    "if-none-match",
    "cache-control",
];

/// Sends a preflight request of a foreign origin, which must be refused, and of each allowed origin.
pub(super) async fn check(base: &str, settings: &Settings, report: &mut Report) {
    check_foreign(base, report).await;
    let origins = entries(settings.allowed_origins.as_deref().unwrap_or_default());
    if !origins.is_empty() {
        check_allowed(base, &origins, report).await;
    }
}

async fn check_foreign(base: &str, report: &mut Report) {
    const CHECK: &str = "api.cors";
    let response = preflight(base, FOREIGN_ORIGIN).await;
    let allowed = response.as_ref().map(|response| response.header("access-control-allow-origin"));
    match allowed {
        Ok(Some(origin)) if origin == "*" || origin == FOREIGN_ORIGIN => report.fail(
            CHECK,
            format!("every origin can call it (access-control-allow-origin: {origin})"),
            "list the allowed origins in the API's CORS settings",
        ),
        Ok(_) => report.pass(CHECK, "a foreign origin is refused"),
        Err(reason) => report.fail(CHECK, reason.clone(), "check the URL and the network"),
    }
}

async fn check_allowed(base: &str, origins: &[&str], report: &mut Report) {
    const CHECK: &str = "api.cors.origins";
    let mut problems = Vec::new();
    for origin in origins {
        let problem = match preflight(base, origin).await {
            Ok(response) => problem(&response, origin),
            Err(reason) => Some(reason),
        };
        problems.extend(problem.map(|problem| format!("{origin}: {problem}")));
    }
    if problems.is_empty() {
        report.pass(CHECK, "pages of the allowed origins can call it");
    } else {
        let advice = "deploy with AllowedOrigins as configured here; behind a proxy or a CDN, let it pass OPTIONS on";
        report.fail(CHECK, problems.join("; "), advice);
    }
}

async fn preflight(base: &str, origin: &str) -> Result<Response, String> {
    let requested = HEADERS.join(",");
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", &*requested),
    ];
    http::send(Method::OPTIONS, &format!("{base}{PATH}"), &headers).await
}

/// Returns why a browser would not let a page of `origin` call the API.
fn problem(response: &Response, origin: &str) -> Option<String> {
    let value = |name| response.header(name).unwrap_or_default();
    let allowed = value("access-control-allow-origin");
    if !(200..300).contains(&response.status) {
        return Some(format!("a preflight request gets {}", response.status));
    }
    if allowed != origin && allowed != "*" {
        return Some("not an allowed origin of the API".to_owned());
    }
    let is_missing = |list: &str, wanted: &str| {
        !list.split(',').any(|entry| entry.trim().eq_ignore_ascii_case(wanted))
    };
    // `*` does not stand for the header Authorization (Fetch standard, CORS-preflight fetch), so no list may be `*`.
    let lists: [(&str, &[&str]); 2] =
        [("access-control-allow-methods", &METHODS), ("access-control-allow-headers", &HEADERS)];
    let missing: Vec<&str> = lists
        .into_iter()
        .flat_map(|(name, wanted)| wanted.iter().filter(move |it| is_missing(value(name), it)))
        .copied()
        .collect();
    (!missing.is_empty()).then(|| format!("{} not allowed", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn methods_and_headers_are_those_of_the_template() {
        let template = include_str!("../../../../template.yaml");
        for (name, list) in [("allowMethods", &METHODS[..]), ("allowHeaders", &HEADERS)] {
            let expected = format!("{name}: [{}]", list.join(", "));
            assert!(template.contains(&expected), "{expected}");
        }
    }

    #[test]
    fn origin_method_and_header_must_each_be_allowed() {
        const ORIGIN: &str = "https://console.example.com";
        let (methods, headers) = (METHODS.join(","), HEADERS.join(", ").to_uppercase());
        let fewer = HEADERS[1..].join(",");
        for (status, origin, methods, headers, expected) in [
            (204, ORIGIN, &*methods, &*headers, None),
            (200, "*", &methods, &headers, None),
            (404, ORIGIN, &methods, &headers, Some("a preflight request gets 404")),
            (204, "", &methods, &headers, Some("not an allowed origin of the API")),
            (204, ORIGIN, "GET,POST", &headers, Some("DELETE not allowed")),
            (204, ORIGIN, &methods, &fewer, Some("authorization not allowed")),
        ] {
            let fields = [("origin", origin), ("methods", methods), ("headers", headers)];
            let fields = fields.map(|(name, value)| {
                let name = format!("access-control-allow-{name}");
                (
                    HeaderName::try_from(name).expect("a name"),
                    HeaderValue::from_str(value).expect("a value"),
                )
            });
            let headers = HeaderMap::from_iter(fields);
            let response = Response { status, headers, body: "".into() };
            assert_eq!(problem(&response, ORIGIN).as_deref(), expected);
        }
    }
}
