//! Request headers have no unintended effect, and only allowed origins get CORS headers.

use std::collections::BTreeMap;

use devstack::api_gateway::{ALLOWED_HEADERS, ALLOWED_METHODS, EXPOSED, MAX_AGE};
use devstack::functions::FUNCTIONS;
use devstack::http::Response;

use crate::body::without_times;
use crate::cases;
use crate::expected_error::{ACT_AS_FORBIDDEN, assert_error};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::{CHANGE, JSON, PORTAL};
use crate::stripe::text;

cases![
    only_allowed_origins_get_cors_headers,
    request_headers_do_not_appear_in_response_headers,
    callers_request_id_is_ignored,
    forwarding_and_override_headers_are_ignored,
];

/// Pages that could call the API, with whether their origin is allowed.
const ORIGINS: [(&str, bool); 4] = [
    ("http://localhost:3000", true),
    ("https://evil.example", false),
    ("null", false),
    ("http://localhost:3000.evil.example", false),
];

fn only_allowed_origins_get_cors_headers(harness: &Harness) {
    let bearer = format!("Bearer {}", harness.account("fresh").keys.read);
    for function in FUNCTIONS {
        let url = format!("{}{}", harness.about().api_url, function.example_path());
        for (origin, allowed) in ORIGINS {
            let headers = [
                ("origin", origin),
                ("authorization", &bearer),
                ("access-control-request-method", function.method),
                ("access-control-request-headers", "authorization"),
            ];
            let preflight = harness.exchange("OPTIONS", &url, &headers, "");
            assert_eq!(preflight.status, 204, "{origin}");
            let response = harness.exchange(function.method, &url, &headers[..2], "{}");
            let cors = |response: &Response| {
                let names = response.headers.iter().filter_map(|(name, value)| {
                    let name = name.as_str().strip_prefix("access-control-")?;
                    Some((name.to_owned(), value.to_str().expect("text").to_owned()))
                });
                names.collect::<BTreeMap<_, _>>()
            };
            let expected = |pairs: &[(&str, &str)]| -> BTreeMap<_, _> {
                let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
                pairs.iter().filter(|_| allowed).map(own).collect()
            };
            let preflighted = expected(&[
                ("allow-origin", origin),
                ("allow-methods", ALLOWED_METHODS),
                ("allow-headers", ALLOWED_HEADERS),
                ("max-age", MAX_AGE),
            ]);
            assert_eq!(cors(&preflight), preflighted, "{} from {origin}", function.path);
            let exposed = expected(&[("allow-origin", origin), ("expose-headers", EXPOSED)]);
            assert_eq!(cors(&response), exposed, "{} from {origin}", function.path);
        }
    }
}

/// Header values that HTTP clients do not send; passed to the function as a gateway might.
const INJECTIONS: [&str; 6] = [
    "client\r\nx-injected: 1",
    "client\nx-injected: 1",
    "client%0d%0ax-injected: 1",
    "client\u{0}",
    "client\u{85}x-injected: 1",
    "<script>x-injected</script>",
];

fn request_headers_do_not_appear_in_response_headers(harness: &Harness) {
    let key = format!("Bearer {}", harness.account("agency").keys.admin);
    let mut portal = FunctionProcess::start(harness, "portal-session", &[]);
    for value in INJECTIONS {
        for name in [
            "x-cantila-act-as",
            "idempotency-key",
            "x-request-id",
            "content-type",
            "origin",
            "host",
        ] {
            portal.send_with_body(PATIENT, &[("authorization", &key), (name, value)], "");
            let response = portal.response();
            let headers = format!("{:?}", response.headers);
            assert!(!headers.contains("injected"), "{name}: {headers}");
            // Without the header, the request would mean something else.
            let expected = match name {
                "x-cantila-act-as" => 403,
                "idempotency-key" if !value.bytes().all(|byte| byte.is_ascii_graphic()) => 422,
                _ => 201,
            };
            assert_eq!(response.status, expected, "{name} {value:?}: {}", response.body);
        }
    }
    // Over HTTP only valid header values arrive, and the functions do not echo them.
    let agency = &harness.account("agency").keys.admin;
    for value in &INJECTIONS[2..3] {
        let act_as = [("x-cantila-act-as", *value)];
        assert_error(&harness.get("/v1/billing/summary", agency, &act_as), ACT_AS_FORBIDDEN);
        let once = [JSON, ("idempotency-key", *value)];
        let response = harness.send("POST", CHANGE, agency, &once, r#"{"plan":"agency"}"#);
        assert_eq!(response.status, 422, "a space is in it: {}", response.body);
    }
}

/// Starts processes itself, because cargo-lambda uses a caller's request ID, which API Gateway does not.
fn callers_request_id_is_ignored(harness: &Harness) {
    let key = format!("Bearer {}", harness.account("fresh").keys.read);
    let theirs = "11111111-2222-3333-4444-555555555555";
    let names =
        ["x-request-id", "x-amzn-requestid", "lambda-runtime-aws-request-id", "apigw-requestid"];
    let mut headers = names.map(|name| (name, theirs)).to_vec();
    headers.push(("authorization", &key));
    for name in ["summary", "plan-change"] {
        let mut function = FunctionProcess::start(harness, name, &[]);
        let [first, second] = [function.get(&headers), function.get(&headers)];
        assert!(!format!("{:?} {}", first.headers, first.body).contains(theirs), "{}", first.body);
        assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    }
}

fn forwarding_and_override_headers_are_ignored(harness: &Harness) {
    let account = harness.account("overdue");
    let headers = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "/v1/billing/info"),
        ("x-rewrite-url", "/v1/billing/info"),
        ("x-http-method-override", "POST"),
        ("referer", "https://evil.example/"),
        ("origin", "https://evil.example"),
    ];
    let gets = FUNCTIONS.iter().filter(|function| function.method == "GET" && !function.needs_id());
    for function in gets {
        let plain = harness.get(function.path, &account.keys.read, &[]);
        let led = harness.get(function.path, &account.keys.read, &headers);
        let body = |response: &Response| without_times(&response.json());
        assert_eq!((led.status, body(&led)), (plain.status, body(&plain)), "{}", function.name);
    }
    let send = [&headers[..], &[JSON]].concat();
    let response = harness.send("POST", PORTAL, &account.keys.admin, &send, "{}");
    assert_eq!(response.status, 201, "{}", response.body);
    let page = harness.exchange("GET", &text(&response.json(), "url"), &[], "");
    assert!(!format!("{} {}", response.body, page.body).contains("evil.example"));
}
