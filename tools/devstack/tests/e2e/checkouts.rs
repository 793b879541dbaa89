//! Starting a subscription: what Stripe is asked for, and what becomes of the customer's payment.

use devstack::http::Answer;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;
use crate::operator::Own;
use crate::posts::{CHECKOUT, PORTAL, with};
use crate::stripe::text;
use crate::when::{at, day, month_after, now};

cases![
    a_session_has_all_the_plans_prices_and_the_accounts_id,
    an_open_session_is_given_out_again_until_something_differs,
    who_pays_is_on_the_plan,
    a_free_plan_takes_no_card,
    a_declined_card_can_be_replaced_on_the_page,
    after_a_cancellation_there_is_a_new_checkout,
    the_portal_opens_for_everyone_and_returns_to_where_it_is_told,
];

const ORIGIN: &str = "http://localhost:3000";

#[track_caller]
fn start(harness: &Harness, account: &Own, body: &Value) -> Value {
    let answer = harness.post(CHECKOUT, &account.key, body);
    assert_eq!(answer.status, 201, "{body}: {}", answer.body);
    answer.json()
}

#[track_caller]
fn at_stripe(harness: &Harness, shown: &Value) -> Value {
    harness.stripe(&format!("/checkout/sessions/{}", text(shown, "id")))
}

/// Fills the page's form in, as a browser sends it.
#[track_caller]
fn pay(harness: &Harness, url: &str, card: &str) -> Answer {
    let page = harness.exchange("GET", url, &[], "");
    assert_eq!(page.status, 200, "{}", page.body);
    let form = format!(
        "number={card}&expiry=12%2F40&cvc=123&name=Ada&email=ada%40example.com&country=US&postal_code=10001"
    );
    let form = if card.is_empty() { "name=Ada&email=ada%40example.com" } else { &form };
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    harness.exchange("POST", url, &headers, form)
}

const GOOD: &str = "4242424242424242";

fn a_session_has_all_the_plans_prices_and_the_accounts_id(harness: &Harness) {
    for (mode, handle) in [("hosted", "shops-there"), ("embedded", "shops-here")] {
        let account = harness.admin_of(handle, None);
        for (plan, interval) in [("pro", "month"), ("agency", "year"), ("hobby", "month")] {
            let body = json!({ "plan": plan, "interval": interval, "uiMode": mode });
            let answer = harness.post(CHECKOUT, &account.key, &body);
            let hosted = mode == "hosted";
            let whole = json!({
                "id": "<cs_…>", "uiMode": mode, "expiresAt": "<at>", "publishableKey": "pk_test_sandbox",
                "url": if hosted { json!("<url>") } else { Value::Null },
                "clientSecret": if hosted { Value::Null } else { json!("<cs_…>") },
            });
            expect(&answer, 201, &whole);
            let shown = answer.json();
            let session = at_stripe(harness, &shown);
            assert_eq!(shown["expiresAt"], at(session["expires_at"].as_i64().expect("a moment")));
            assert_eq!(
                (&session["mode"], &session["client_reference_id"]),
                (&json!("subscription"), &json!(account.id))
            );
            let urls =
                ["success_url", "cancel_url", "return_url"].map(|name| session[name].clone());
            let (welcome, plans, back) = (
                format!("{ORIGIN}/billing/welcome"),
                format!("{ORIGIN}/billing/plans"),
                format!("{ORIGIN}/billing"),
            );
            let expected =
                if hosted { json!([welcome, plans, null]) } else { json!([null, null, back]) };
            assert_eq!(json!(urls), expected);
            let path = format!("/checkout/sessions/{}/line_items?limit=100", text(&shown, "id"));
            let lines = harness.stripe(&path)["data"].take();
            let mut items: Vec<_> = lines
                .as_array()
                .expect("a list")
                .iter()
                .map(|line| text(&line["price"], "id"))
                .collect();
            let mut prices = harness.prices(plan, interval);
            items.sort();
            prices.sort();
            assert_eq!(items, prices, "{plan} {interval}");
        }
    }
}

fn an_open_session_is_given_out_again_until_something_differs(harness: &Harness) {
    let account = harness.admin_of("cannot-decide", None);
    let status = |shown: &Value| text(&at_stripe(harness, shown), "status");
    let mut last = start(harness, &account, &json!({ "plan": "pro" }));
    // The default, said aloud, is the same.
    let same = json!({ "plan": "pro", "interval": "month", "uiMode": "hosted", "successUrl": format!("{ORIGIN}/billing/welcome") });
    assert_eq!(start(harness, &account, &same), last);
    for other in [
        json!({ "plan": "agency" }),
        json!({ "plan": "agency", "interval": "year" }),
        json!({ "plan": "agency", "interval": "year", "successUrl": format!("{ORIGIN}/done") }),
        json!({ "plan": "agency", "interval": "year", "successUrl": format!("{ORIGIN}/done"), "cancelUrl": format!("{ORIGIN}/no") }),
        json!({ "plan": "agency", "interval": "year", "uiMode": "embedded" }),
        json!({ "plan": "agency", "interval": "year", "uiMode": "embedded", "returnUrl": format!("{ORIGIN}/back") }),
        json!({ "plan": "pro" }),
    ] {
        let new = start(harness, &account, &other);
        assert_ne!(new["id"], last["id"], "{other}");
        assert_eq!(
            (status(&new), status(&last)),
            ("open".to_owned(), "expired".to_owned()),
            "{other}"
        );
        assert_eq!(start(harness, &account, &other), new, "{other}");
        last = new;
    }
    let customer = text(&at_stripe(harness, &last), "customer");
    let all = harness.stripe(&format!("/checkout/sessions?limit=100&customer={customer}"));
    let open = all["data"].as_array().expect("a list").iter().filter(|one| one["status"] == "open");
    assert_eq!(open.count(), 1);
}

#[track_caller]
fn summary(harness: &Harness, account: &Own) -> Value {
    harness.get("/v1/billing/summary", &account.key, &[]).json()
}

fn who_pays_is_on_the_plan(harness: &Harness) {
    let account = harness.admin_of("pays", None);
    let shown = start(harness, &account, &json!({ "plan": "pro" }));
    let paid = pay(harness, &text(&shown, "url"), GOOD);
    assert_eq!(
        (paid.status, paid.header("location")),
        (303, &*format!("{ORIGIN}/billing/welcome")),
        "{}",
        paid.body
    );
    let summary = summary(harness, &account);
    let start_at = now();
    let found =
        ["plan", "status", "currentPeriodEnd", "pendingChange"].map(|field| summary[field].clone());
    assert_eq!(json!(found), json!(["pro", "active", day(month_after(start_at)), null]));
    let path = format!("/subscriptions/{}", text(&summary, "subscriptionId"));
    let subscription = harness.stripe(&path);
    let marks = subscription["metadata"].as_object().expect("an object");
    assert!(marks.values().any(|value| *value == *account.id), "{marks:?}");
    let items = subscription["items"]["data"].as_array().expect("a list");
    let mut prices: Vec<_> = items.iter().map(|item| text(&item["price"], "id")).collect();
    prices.sort();
    let mut expected = harness.prices("pro", "month");
    expected.sort();
    assert_eq!(prices, expected);
    // The page is done with, and there is no second subscription.
    let again = harness.post(CHECKOUT, &account.key, &json!({ "plan": "pro" }));
    assert_eq!((again.status, &again.json()["error"]), (409, &json!("already_subscribed")));
    let invoices = harness.get("/v1/billing/invoices", &account.key, &[]).json();
    let found = ["status", "amount", "reason"].map(|field| invoices["invoices"][0][field].clone());
    assert_eq!(json!(found), json!(["paid", "35.00", "subscription_create"]));
    // What they pay with here is charged for a change, too.
    let changed = harness.post(crate::posts::CHANGE, &account.key, &json!({ "plan": "agency" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
}

fn a_free_plan_takes_no_card(harness: &Harness) {
    let account = harness.admin_of("pays-nothing", None);
    let shown = start(harness, &account, &json!({ "plan": "hobby" }));
    assert_eq!(at_stripe(harness, &shown)["payment_method_collection"], "if_required");
    let done = pay(harness, &text(&shown, "url"), "");
    assert_eq!(done.status, 303, "{}", done.body);
    let summary = summary(harness, &account);
    assert_eq!((&summary["plan"], &summary["status"]), (&json!("hobby"), &json!("active")));
}

fn a_declined_card_can_be_replaced_on_the_page(harness: &Harness) {
    let account = harness.admin_of("tries-two-cards", None);
    let body = json!({ "plan": "starter", "uiMode": "hosted" });
    let shown = start(harness, &account, &body);
    let url = text(&shown, "url");
    let declined = pay(harness, &url, "4000000000000002");
    assert_eq!(declined.status, 402, "{}", declined.body);
    assert_eq!(summary(harness, &account)["status"], "none");
    assert_eq!(start(harness, &account, &body), shown, "the session is still open");
    assert_eq!(pay(harness, &url, GOOD).status, 303);
    assert_eq!(summary(harness, &account)["plan"], "starter");
}

fn after_a_cancellation_there_is_a_new_checkout(harness: &Harness) {
    let account = harness.admin_of("comes-back", None);
    let first = start(harness, &account, &json!({ "plan": "pro" }));
    assert_eq!(pay(harness, &text(&first, "url"), GOOD).status, 303);
    let subscription = text(&summary(harness, &account), "subscriptionId");
    let url = format!("{}/v1/subscriptions/{subscription}", harness.about().stripe_url);
    let bearer = format!("Bearer {}", harness.about().stripe_key);
    assert_eq!(harness.exchange("DELETE", &url, &[("authorization", &bearer)], "").status, 200);
    let second = start(harness, &account, &json!({ "plan": "pro" }));
    assert_ne!(first["id"], second["id"]);
    let customer = |shown: &Value| at_stripe(harness, shown)["customer"].clone();
    assert_eq!(customer(&first), customer(&second), "one customer for all times");
    assert_eq!(pay(harness, &text(&second, "url"), GOOD).status, 303);
    assert_eq!(summary(harness, &account)["plan"], "pro");
}

fn the_portal_opens_for_everyone_and_returns_to_where_it_is_told(harness: &Harness) {
    let account = harness.admin_of("looks-in", None);
    let body = json!({});
    let rows = [
        (&account.key, body.clone()),
        (&account.key, with(&body, "returnUrl", format!("{ORIGIN}/elsewhere"))),
        (&account.key, with(&body, "flow", "payment_method_update")),
        (&harness.account("metered").keys.admin, with(&body, "flow", "subscription_cancel")),
        (&harness.account("overdue").keys.admin, body),
    ];
    for (key, body) in rows {
        let answer = harness.post(PORTAL, key, &body);
        expect(&answer, 201, &json!({ "url": "<url>" }));
        let page = harness.exchange("GET", &text(&answer.json(), "url"), &[], "");
        assert!([200, 303].contains(&page.status), "{body}: {}", page.body);
    }
}
