//! However much is sent, little is done with it.

use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use serde_json::json;

use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{CHANGE, JSON};
use crate::refusal::{ACT_AS_FORBIDDEN, MALFORMED_BODY, UNAUTHENTICATED, refused};

cases![
    a_body_may_have_sixteen_kilobytes_and_not_one_byte_more,
    what_is_large_or_deep_is_refused_at_once,
    what_only_api_gateway_would_stop_is_refused_at_once_too,
];

const LONGEST: usize = 16 * 1024;

/// A few milliseconds on a free machine, some seconds on a crowded one; what grows with the square of
/// its input takes minutes.
const AT_ONCE: Duration = Duration::from_secs(10);

fn posts() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().filter(|function| function.method == "POST").map(|function| function.path)
}

fn a_body_may_have_sixteen_kilobytes_and_not_one_byte_more(harness: &Harness) {
    let key = &harness.account("fresh").keys.admin;
    let message = "The body is too large; at most 16384 bytes are taken.";
    for path in posts() {
        let body = |length: usize| format!("{{\"x\":1{}}}", " ".repeat(length - 7));
        let send = |body: &str| harness.send("POST", path, key, &[JSON], body);
        assert_eq!(send(&body(LONGEST)).status, 422, "{path}");
        refused(&send(&body(LONGEST + 1)), (413, "body_too_large", message));
        // Counted in bytes, not in characters.
        let wide = format!("{{\"x\":\"{}\"}}", "é".repeat(LONGEST / 2));
        refused(&send(&wide), (413, "body_too_large", message));
    }
}

fn what_is_large_or_deep_is_refused_at_once(harness: &Harness) {
    let key = &harness.account("fresh").keys.admin;
    let fill = |text: &str| text.repeat((LONGEST - 100) / text.len());
    let deep = |open: &str, close: &str| {
        let depth = (LONGEST - 100) / (open.len() + close.len());
        format!("{{\"plan\":{}1{}}}", open.repeat(depth), close.repeat(depth))
    };
    let numbers: Vec<_> = (0..1_500).map(|number| format!("\"k{number}\":1")).collect();
    let rows = [
        ("deep lists", deep("[", "]"), 400),
        ("deep objects", deep("{\"a\":", "}"), 400),
        ("lists without end", format!("{{\"plan\":{}", fill("[")), 400),
        ("a huge number", format!("{{\"plan\":1{}}}", fill("0")), 400),
        ("a huge exponent", "{\"plan\":1e999999999}".to_owned(), 400),
        ("many digits behind the point", format!("{{\"plan\":0.{}}}", fill("1")), 422),
        ("a long text", format!("{{\"plan\":\"{}\"}}", fill("x")), 422),
        ("a long name", format!("{{\"{}\":1}}", fill("x")), 422),
        ("many escapes", format!("{{\"plan\":\"{}\"}}", fill("\\u0041")), 422),
        ("half of a surrogate pair", "{\"plan\":\"\\ud800\"}".to_owned(), 400),
        ("many fields", format!("{{{}}}", numbers.join(",")), 422),
        ("one field many times", format!("{{{}\"plan\":1}}", fill("\"plan\":null,")), 422),
        ("many commas", format!("{{{}}}", fill(",")), 400),
        ("many quotes", fill("\""), 400),
    ];
    let started = Instant::now();
    for (what, body, status) in &rows {
        for path in posts() {
            let answer = harness.send("POST", path, key, &[JSON], body);
            // A catalogue's answer to a plan that it does not have takes Stripe a moment.
            let takes_it = *what == "a long text" || *what == "many escapes";
            let is_portal = path.ends_with("portal-session");
            let expected = if takes_it && is_portal { 422 } else { *status };
            assert_eq!(answer.status, expected, "{what}, {path}: {:.200}", answer.body);
            assert!(answer.body.len() < 1_000, "{what}: no answer grows on what was sent");
            if *status == 400 {
                refused(&answer, MALFORMED_BODY);
            }
        }
    }
    let each = started.elapsed() / u32::try_from(rows.len() * 4).expect("few");
    assert!(each < AT_ONCE, "{each:?} each");
}

/// cargo-lambda and API Gateway turn away what is longer than they take; a function does not rely
/// on it.
fn what_only_api_gateway_would_stop_is_refused_at_once_too(harness: &Harness) {
    let key = format!("Bearer {}", harness.account("fresh").keys.admin);
    let good = ("authorization", key.as_str());
    let long = "A".repeat(200_000);
    let bearer = format!("Bearer {long}");
    let key_like = format!("Bearer sk_test_{long}");
    let many: Vec<(String, String)> =
        (0..2_000).map(|number| (format!("x-{number}"), "x".to_owned())).collect();
    let mut many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    many.push(good);
    let mut change = Lone::start(harness, "plan-change", &[]);
    let mut ask = |headers: &[(&str, &str)], body: &str| {
        let started = Instant::now();
        change.ask_with(PATIENT, headers, body);
        let answer = change.answer();
        assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
        answer
    };
    refused(&ask(&[("authorization", &bearer)], "{}"), UNAUTHENTICATED);
    refused(&ask(&[("authorization", &key_like)], "{}"), UNAUTHENTICATED);
    refused(&ask(&[good, ("x-cantila-act-as", &long)], "{}"), ACT_AS_FORBIDDEN);
    let once = ask(&[good, JSON, ("idempotency-key", &long)], r#"{"plan":"pro"}"#);
    assert_eq!((once.status, &once.json()["details"]["field"]), (422, &json!("Idempotency-Key")));
    let media = ask(&[good, ("content-type", &long)], "{}");
    assert_eq!(media.status, 415, "{:.200}", media.body);
    let many = ask(&many, "{\"x\":1}");
    assert_eq!(many.status, 415, "{:.200}", many.body);
    let large = format!("{{\"plan\":\"{}\"}}", "x".repeat(6_000_000));
    assert_eq!(ask(&[good, JSON], &large).status, 413);
    // A query as long as cargo-lambda takes it; every parameter once more than is known.
    let query = vec!["limit=1"; 900].join("&");
    let path = format!("/v1/billing/invoices?{query}");
    let answer = harness.get(&path, &harness.account("fresh").keys.read, &[]);
    assert_eq!((answer.status, &answer.json()["details"]["field"]), (422, &json!("limit")));
    let query = (0..900).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join("&");
    let answer = harness.send("POST", &format!("{CHANGE}?{query}"), &key[7..], &[JSON], "{}");
    assert_eq!((answer.status, &answer.json()["details"]["field"]), (422, &json!("a0")));
}
