//! Headers: what a caller writes into them ends up nowhere, and browsers are given no leave.

use devstack::functions::FUNCTIONS;

use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{CHANGE, JSON, PORTAL};
use crate::refusal::{ACT_AS_FORBIDDEN, refused};
use crate::stripe::text;

cases![
    no_answer_lets_a_browser_of_any_origin_read_it,
    what_a_caller_writes_into_headers_is_in_no_header_of_the_answer,
    a_callers_request_id_is_not_taken_for_ours,
    no_header_leads_an_answer_elsewhere,
];

/// Where a page could try to call from: the allowed return origin too, since leave to be sent back
/// to is no leave to call.
const ORIGINS: [&str; 4] =
    ["http://localhost:3000", "https://evil.example", "null", "http://localhost:3000.evil.example"];

fn no_answer_lets_a_browser_of_any_origin_read_it(harness: &Harness) {
    let key = &harness.account("fresh").keys.read;
    for function in FUNCTIONS {
        for origin in ORIGINS {
            for (method, key) in
                [(function.method, key.as_str()), (function.method, ""), ("OPTIONS", "")]
            {
                let headers = [
                    ("origin", origin),
                    ("access-control-request-method", function.method),
                    ("access-control-request-headers", "authorization"),
                ];
                let answer = harness.send(method, function.path, key, &headers, "");
                let leave =
                    answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(leave, None, "{method} {} from {origin}", function.path);
                let expected = if method == "OPTIONS" { 404 } else { answer.status };
                assert_eq!(answer.status, expected, "{method} {}", function.path);
            }
        }
    }
}

/// Not sent over HTTP, where no client would: handed to the function as a gateway might.
const INJECTIONS: [&str; 6] = [
    "client\r\nx-injected: 1",
    "client\nx-injected: 1",
    "client%0d%0ax-injected: 1",
    "client\u{0}",
    "client\u{85}x-injected: 1",
    "<script>x-injected</script>",
];

fn what_a_caller_writes_into_headers_is_in_no_header_of_the_answer(harness: &Harness) {
    let key = format!("Bearer {}", harness.account("agency").keys.admin);
    let mut portal = Lone::start(harness, "portal-session", &[]);
    for value in INJECTIONS {
        for name in [
            "x-cantila-act-as",
            "idempotency-key",
            "x-request-id",
            "content-type",
            "origin",
            "host",
        ] {
            portal.ask_with(PATIENT, &[("authorization", &key), (name, value)], "");
            // No answer at all where the event is no event, is no answer to a caller either.
            let Some(answer) = portal.answer_if_any() else { continue };
            let headers = format!("{:?}", answer.headers);
            assert!(!headers.contains("injected"), "{name}: {headers}");
            assert!(answer.status != 500, "{name} {value:?}: {}", answer.body);
        }
    }
    // Over HTTP what is no header value is stopped before; what is one is compared, not written.
    let agency = &harness.account("agency").keys.admin;
    for value in &INJECTIONS[2..3] {
        let act_as = [("x-cantila-act-as", *value)];
        refused(&harness.get("/v1/billing/summary", agency, &act_as), ACT_AS_FORBIDDEN);
        let once = [JSON, ("idempotency-key", *value)];
        let answer = harness.send("POST", CHANGE, agency, &once, r#"{"plan":"agency"}"#);
        assert_eq!(answer.status, 422, "a space is in it: {}", answer.body);
    }
}

/// Outside cargo-lambda, which takes a caller's id for its own, as API Gateway does not.
fn a_callers_request_id_is_not_taken_for_ours(harness: &Harness) {
    let key = format!("Bearer {}", harness.account("fresh").keys.read);
    let theirs = "11111111-2222-3333-4444-555555555555";
    let names =
        ["x-request-id", "x-amzn-requestid", "lambda-runtime-aws-request-id", "apigw-requestid"];
    let mut headers = names.map(|name| (name, theirs)).to_vec();
    headers.push(("authorization", &key));
    for name in ["summary", "plan-change"] {
        let mut function = Lone::start(harness, name, &[]);
        let [first, second] = [function.get(&headers), function.get(&headers)];
        assert!(!format!("{:?} {}", first.headers, first.body).contains(theirs), "{}", first.body);
        assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    }
}

fn no_header_leads_an_answer_elsewhere(harness: &Harness) {
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
    for function in FUNCTIONS.iter().filter(|function| function.method == "GET") {
        let plain = harness.get(function.path, &account.keys.read, &[]);
        let led = harness.get(function.path, &account.keys.read, &headers);
        assert_eq!((led.status, led.json()), (plain.status, plain.json()), "{}", function.name);
    }
    let send = [&headers[..], &[JSON]].concat();
    let answer = harness.send("POST", PORTAL, &account.keys.admin, &send, "{}");
    assert_eq!(answer.status, 201, "{}", answer.body);
    let page = harness.exchange("GET", &text(&answer.json(), "url"), &[], "");
    assert!(!format!("{} {}", answer.body, page.body).contains("evil.example"));
}
