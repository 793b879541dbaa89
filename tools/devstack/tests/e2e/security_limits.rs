//! Large and deeply nested input is rejected quickly.

use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use serde_json::json;

use crate::cases;
use crate::expected_error::{
    ACT_AS_FORBIDDEN, UNAUTHENTICATED, assert_error, assert_invalid, assert_malformed,
};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::{CHANGE, JSON};

cases![
    body_over_16_kib_is_rejected,
    large_and_deeply_nested_bodies_are_rejected_quickly,
    input_beyond_api_gateways_limits_is_rejected_quickly,
];

const LONGEST: usize = 16 * 1024;

/// Limit that distinguishes linear from quadratic time on a busy machine: quadratic parsing would take minutes.
const AT_ONCE: Duration = Duration::from_secs(10);

fn posts() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().filter(|function| function.method == "POST").map(|function| function.path)
}

fn body_over_16_kib_is_rejected(harness: &Harness) {
    let key = &harness.account("fresh").keys.admin;
    let message = "The body is too large. Send at most 16384 bytes.";
    for path in posts() {
        let body = |length: usize| format!("{{\"x\":1{}}}", " ".repeat(length - 7));
        let send = |body: &str| harness.send("POST", path, key, &[JSON], body);
        assert_eq!(send(&body(LONGEST)).status, 422, "{path}");
        assert_error(&send(&body(LONGEST + 1)), (413, "body_too_large", message));
        // The limit counts bytes, and `é` has two.
        let wide = format!("{{\"x\":\"{}\"}}", "é".repeat(LONGEST / 2));
        assert_error(&send(&wide), (413, "body_too_large", message));
    }
}

fn large_and_deeply_nested_bodies_are_rejected_quickly(harness: &Harness) {
    let key = &harness.account("fresh").keys.admin;
    let fill = |text: &str| text.repeat((LONGEST - 100) / text.len());
    let deep = |open: &str, close: &str| {
        let depth = (LONGEST - 100) / (open.len() + close.len());
        format!("{{\"plan\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    let numbers: Vec<_> = (0..1_500).map(|number| format!("\"k{number}\":1")).collect();
    let rows = [
        ("deep lists", deep("[", "]"), 422),
        ("deep objects", deep("{\"a\":", "}"), 422),
        ("lists without end", format!("{{\"plan\":{}", fill("[")), 400),
        ("a huge number", format!("{{\"plan\":1{}}}", fill("0")), 422),
        ("a huge exponent", "{\"plan\":1e999999999}".to_owned(), 422),
        ("many digits behind the point", format!("{{\"plan\":0.{}}}", fill("1")), 422),
        ("a long text", format!("{{\"plan\":\"{}\"}}", fill("x")), 422),
        ("a long name", format!("{{\"{}\":1}}", fill("x")), 422),
        ("many escapes", format!("{{\"plan\":\"{}\"}}", fill("\\u0041")), 422),
        ("half of a surrogate pair", "{\"plan\":\"\\ud800\"}".to_owned(), 422),
        ("many fields", format!("{{{}}}", numbers.join(",")), 422),
        ("one field many times", format!("{{{}\"plan\":1}}", fill("\"plan\":null,")), 422),
        ("many commas", format!("{{{}}}", fill(",")), 400),
        ("many quotes", fill("\""), 400),
    ];
    let started = Instant::now();
    for (what, body, status) in &rows {
        for path in posts() {
            let response = harness.send("POST", path, key, &[JSON], body);
            // The portal has no field `plan`.
            let takes_it = *what == "a long text" || *what == "many escapes";
            let is_portal = path.ends_with("portal-session");
            let expected = if takes_it && is_portal { 422 } else { *status };
            assert_eq!(response.status, expected, "{what}, {path}: {:.200}", response.body);
            assert!(response.body.len() < 1_000, "{what}: the response must not grow");
            if *status == 400 {
                let column = match *what {
                    "many commas" => 2,
                    "many quotes" => 3,
                    _ => body.len(),
                };
                assert_malformed(&response, column);
            }
        }
    }
    let each = started.elapsed() / u32::try_from(rows.len() * 4).expect("few");
    assert!(each < AT_ONCE, "{each:?} each");
}

/// cargo-lambda and API Gateway reject input beyond their limits; the functions do not rely on it.
fn input_beyond_api_gateways_limits_is_rejected_quickly(harness: &Harness) {
    let key = format!("Bearer {}", harness.account("fresh").keys.admin);
    let good = ("authorization", key.as_str());
    let long = "A".repeat(200_000);
    let bearer = format!("Bearer {long}");
    let key_like = format!("Bearer sk_test_{long}");
    let many: Vec<(String, String)> =
        (0..2_000).map(|number| (format!("x-{number}"), "x".to_owned())).collect();
    let mut many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    many.push(good);
    let mut change = FunctionProcess::start(harness, "plan-change", &[]);
    let mut send = |headers: &[(&str, &str)], body: &str| {
        let started = Instant::now();
        change.send_with_body(PATIENT, headers, body);
        let response = change.response();
        assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
        response
    };
    assert_error(&send(&[("authorization", &bearer)], "{}"), UNAUTHENTICATED);
    assert_error(&send(&[("authorization", &key_like)], "{}"), UNAUTHENTICATED);
    assert_error(&send(&[good, ("x-cantila-act-as", &long)], "{}"), ACT_AS_FORBIDDEN);
    let once = send(&[good, JSON, ("idempotency-key", &long)], r#"{"plan":"pro"}"#);
    assert_eq!((once.status, &once.json()["details"]["field"]), (422, &json!("Idempotency-Key")));
    let media = send(&[good, ("content-type", &long)], "{}");
    assert_eq!(media.status, 415, "{:.200}", media.body);
    let many = send(&many, "{\"x\":1}");
    assert_invalid(&many, "headers", "There are too many headers. Send at most 200.");
    let large = format!("{{\"plan\":\"{}\"}}", "x".repeat(6_000_000));
    assert_eq!(send(&[good, JSON], &large).status, 413);
    // A query of nearly the length that cargo-lambda accepts.
    let query = vec!["limit=1"; 900].join("&");
    let path = format!("/v1/billing/invoices?{query}");
    let response = harness.get(&path, &harness.account("fresh").keys.read, &[]);
    assert_eq!((response.status, &response.json()["details"]["field"]), (422, &json!("limit")));
    let query = (0..900).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join("&");
    let response = harness.send("POST", &format!("{CHANGE}?{query}"), &key[7..], &[JSON], "{}");
    assert_eq!((response.status, &response.json()["details"]["field"]), (422, &json!("a0")));
}
