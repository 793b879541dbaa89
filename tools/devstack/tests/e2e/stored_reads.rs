//! Stored reads: what a GET costs, how fresh it is, and what it shows while Stripe is down.

use std::fs;

use aws_emulator::Recorded;
use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::expected_bodies::unsubscribed;
use crate::harness::Harness;
use crate::payer::{CHANGE, PREVIEW, money};
use crate::stripe::text;

cases![
    repeated_get_makes_no_call_of_stripe,
    known_entity_tag_gives_304,
    change_at_stripe_shows_once_it_was_followed,
    own_change_shows_in_the_next_get,
    no_cache_reads_stripe,
    last_known_state_is_shown_while_stripe_is_down,
    state_before_an_own_change_is_never_shown,
    posts_never_use_stored_reads,
    customer_on_a_test_clock_is_never_stored,
    forged_quote_makes_no_call_of_stripe,
];

const SUMMARY: &str = "/v1/billing/summary";

const GETS: [&str; 5] = [
    SUMMARY,
    "/v1/billing/info",
    "/v1/billing/invoices",
    "/v1/billing/dunning",
    "/v1/billing/usage",
];

/// Largest number of AWS calls of a repeated GET.
const AWS_CALLS: usize = 3;

/// A subscriber whose customer is on no test clock.
struct Subscriber {
    key: String,
    customer: String,
}

impl Subscriber {
    fn new(harness: &Harness, handle: &str) -> Self {
        let customer = text(&harness.stripe_post("/customers", &[]), "id");
        let method =
            harness.stripe_post("/payment_methods/pm_card_visa/attach", &[("customer", &customer)]);
        let method = text(&method, "id");
        let path = format!("/customers/{customer}");
        harness.stripe_post(&path, &[("invoice_settings[default_payment_method]", &method)]);
        let prices = harness.prices("pro", "month");
        let names: Vec<String> = (0..prices.len()).map(|n| format!("items[{n}][price]")).collect();
        let mut form = vec![("customer", customer.as_str())];
        form.extend(names.iter().zip(&prices).map(|(name, price)| (name.as_str(), price.as_str())));
        harness.stripe_post("/subscriptions", &form);
        let account = harness.admin_of(handle, Some(&customer));
        Self { key: account.key, customer }
    }

    fn get(&self, harness: &Harness, path: &str) -> Response {
        harness.get(path, &self.key, &[])
    }

    /// Changes the customer's balance at Stripe. `follow` says whether the change is followed.
    fn set_balance(&self, harness: &Harness, minor: i64, follow: bool) {
        let path = format!("/customers/{}", self.customer);
        let form = [("balance", &*minor.to_string())];
        if follow {
            harness.stripe_post(&path, &form);
        } else {
            harness.stripe_post_unseen(&path, &form);
        }
    }
}

fn status(response: &Response) -> (u16, String) {
    (response.status, response.header("cache-status").to_owned())
}

fn hit() -> (u16, String) {
    (200, "billing; hit".to_owned())
}

fn stale() -> (u16, String) {
    (200, "billing; hit; detail=stale".to_owned())
}

fn calls(response: &Response) -> &str {
    response.header("server-timing").rsplit('=').next().unwrap_or_default()
}

/// Returns the number of AWS calls of all functions so far.
fn aws_calls(harness: &Harness) -> usize {
    let recording = fs::read_to_string(harness.aws_calls()).expect("a recording");
    let calls = recording.lines().map(|line| serde_json::from_str::<Recorded>(line).expect("JSON"));
    calls.filter(|call| call.user_agent.contains("app/")).count()
}

fn repeated_get_makes_no_call_of_stripe(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-repeated");
    for path in GETS {
        let first = subscriber.get(harness, path);
        assert_eq!(status(&first), (200, "billing; fwd=miss".to_owned()), "{path}");
        let before = aws_calls(harness);
        let second = subscriber.get(harness, path);
        assert_eq!((status(&second), calls(&second)), (hit(), "0"), "{path}: {}", second.body);
        let aws = aws_calls(harness) - before;
        assert!(aws <= AWS_CALLS, "{path}: {aws} calls of AWS");
        let body = |response: &Response| {
            let mut body = response.json();
            body["asOf"] = Value::Null;
            body
        };
        assert_eq!(body(&first), body(&second), "{path}");
        assert_eq!(first.header("etag"), second.header("etag"), "{path}");
    }
}

fn known_entity_tag_gives_304(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-tag");
    for path in GETS {
        let tag = subscriber.get(harness, path).header("etag").to_owned();
        let same = harness.get(path, &subscriber.key, &[("if-none-match", &tag)]);
        assert_eq!((same.status, same.body.as_str()), (304, ""), "{path}");
        assert_eq!(same.header("etag"), tag, "{path}");
    }
    subscriber.set_balance(harness, -700, true);
    let tag = subscriber.get(harness, SUMMARY).header("etag").to_owned();
    subscriber.set_balance(harness, -800, true);
    let changed = harness.get(SUMMARY, &subscriber.key, &[("if-none-match", &tag)]);
    assert_eq!((changed.status, &changed.json()["balance"]), (200, &json!("8.00")));
}

fn change_at_stripe_shows_once_it_was_followed(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-followed");
    assert_eq!(subscriber.get(harness, SUMMARY).json()["balance"], "0.00");
    subscriber.set_balance(harness, -500, false);
    let before = subscriber.get(harness, SUMMARY);
    assert_eq!((status(&before), &before.json()["balance"]), (hit(), &json!("0.00")));
    harness.follow();
    assert_eq!(subscriber.get(harness, SUMMARY).json()["balance"], "5.00");
}

fn own_change_shows_in_the_next_get(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-own");
    for path in GETS {
        subscriber.get(harness, path);
    }
    let changed = harness.post(CHANGE, &subscriber.key, &json!({ "plan": "agency" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    // Nothing has followed the change.
    assert_eq!(subscriber.get(harness, SUMMARY).json()["plan"], "agency");
    let invoices = subscriber.get(harness, "/v1/billing/invoices").json();
    assert_eq!(invoices["invoices"][0]["id"], changed.json()["invoice"]["id"]);
}

fn no_cache_reads_stripe(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-no-cache");
    subscriber.get(harness, SUMMARY);
    subscriber.set_balance(harness, -300, false);
    let headers = [("cache-control", "no-cache")];
    let at_once = harness.get(SUMMARY, &subscriber.key, &headers);
    assert_eq!(status(&at_once), hit(), "within five seconds");
    std::thread::sleep(std::time::Duration::from_secs(5));
    let now = harness.get(SUMMARY, &subscriber.key, &headers);
    assert_eq!(status(&now), (200, "billing; fwd=request".to_owned()));
    assert_eq!(now.json()["balance"], "3.00");
    assert_eq!(subscriber.get(harness, SUMMARY).json()["balance"], "3.00", "and it was stored");
}

/// Lets every request to Stripe fail.
fn begin_outage(harness: &Harness) {
    let fault = json!({ "kind": "status", "status": 503, "count": 100_000 });
    harness.sandbox("POST", "/faults", &fault);
}

fn end_outage(harness: &Harness) {
    harness.sandbox("DELETE", "/faults", &Value::Null);
}

fn last_known_state_is_shown_while_stripe_is_down(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-outage");
    let unknown = Subscriber::new(harness, "stored-outage-unknown");
    let known: Vec<Response> = GETS.iter().map(|path| subscriber.get(harness, path)).collect();
    // The stored reads do not hold any more.
    subscriber.set_balance(harness, -100, true);
    begin_outage(harness);
    let responses: Vec<Response> = GETS.iter().map(|path| subscriber.get(harness, path)).collect();
    // The function remembers the outage.
    let again = subscriber.get(harness, SUMMARY);
    assert_eq!((status(&again), calls(&again)), (stale(), "0"), "{}", again.body);
    let of_unknown = unknown.get(harness, SUMMARY);
    let posts = [(PREVIEW, "agency"), (CHANGE, "agency")]
        .map(|(path, plan)| harness.post(path, &subscriber.key, &json!({ "plan": plan })));
    end_outage(harness);
    for ((path, known), response) in GETS.iter().zip(&known).zip(&responses) {
        assert_eq!(status(response), stale(), "{path}: {}", response.body);
        let mut expected = known.json();
        expected["stale"] = json!(true);
        expected["asOf"] = response.json()["asOf"].clone();
        assert_eq!(response.json(), expected, "{path}");
        assert!(response.header("x-as-of") <= known.header("x-as-of"), "{path}");
    }
    assert_eq!(
        (of_unknown.status, &of_unknown.json()["error"]),
        (503, &json!("stripe_unavailable"))
    );
    for post in posts {
        assert_eq!((post.status, &post.json()["error"]), (503, &json!("stripe_unavailable")));
    }
    // A function asks Stripe again five seconds after it has failed to reach it.
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(subscriber.get(harness, SUMMARY).json()["balance"], "1.00", "after the outage");
}

fn state_before_an_own_change_is_never_shown(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-outage-own");
    subscriber.get(harness, SUMMARY);
    let changed = harness.post(CHANGE, &subscriber.key, &json!({ "plan": "agency" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    begin_outage(harness);
    let response = subscriber.get(harness, SUMMARY);
    end_outage(harness);
    assert_eq!(response.status, 503, "{}", response.body);
}

fn posts_never_use_stored_reads(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-poison");
    let preview = || {
        let body = json!({ "plan": "agency" });
        let mut preview = harness.post(PREVIEW, &subscriber.key, &body).json();
        // These differ between two previews in any case.
        for field in ["quote", "expiresAt", "effectiveAt"] {
            preview[field] = Value::Null;
        }
        preview
    };
    for path in GETS {
        subscriber.get(harness, path);
    }
    let before = preview();
    harness.poison(&subscriber.customer, &[("\"3500\"", "\"1\""), ("\"9900\"", "\"2\"")]);
    let info = subscriber.get(harness, "/v1/billing/info");
    assert_eq!(status(&info), hit());
    assert!(info.body.contains(&money(2, "usd")), "the poison takes effect: {}", info.body);
    assert_eq!(preview(), before);
    let changed = harness.post(CHANGE, &subscriber.key, &json!({ "plan": "agency" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    let invoice = text(&changed.json()["invoice"], "id");
    let invoice = harness.stripe(&format!("/invoices/{invoice}"));
    let total = invoice["total"].as_i64().unwrap_or_default();
    assert_eq!(changed.json()["prorationAmount"], money(total, "usd"));
    harness.forget_stored_reads();
}

fn customer_on_a_test_clock_is_never_stored(harness: &Harness) {
    let account = harness.account("canceled");
    let key = &account.keys.read;
    for _ in 0..2 {
        let response = harness.get(SUMMARY, key, &[]);
        assert_eq!(status(&response), (200, "billing; fwd=miss".to_owned()));
    }
    let fresh = harness.account("fresh");
    expect(&harness.get(SUMMARY, &fresh.keys.read, &[]), 200, &unsubscribed("none"));
}

fn forged_quote_makes_no_call_of_stripe(harness: &Harness) {
    let subscriber = Subscriber::new(harness, "stored-forged");
    let other = Subscriber::new(harness, "stored-forged-other");
    let body = json!({ "plan": "agency" });
    let quote = text(&harness.post(PREVIEW, &other.key, &body).json(), "quote");
    let altered = format!("{}x", &quote[..quote.len() - 1]);
    for quote in ["junk", &altered, &quote] {
        let body = json!({ "plan": "agency", "quote": quote });
        let response = harness.post(CHANGE, &subscriber.key, &body);
        assert_eq!((response.status, calls(&response)), (422, "0"), "{}", response.body);
        assert_eq!(response.json()["details"], json!({ "field": "quote" }));
    }
}
