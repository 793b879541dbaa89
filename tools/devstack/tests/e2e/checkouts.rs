//! Checkout and portal: the sessions at Stripe, and the subscription after the customer has paid.

use std::thread::sleep;
use std::time::Duration;

use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{at, day, month_after, now};
use crate::expected_error::assert_error;
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::payer::{CHANGE, CHECKOUT, JSON, PORTAL, PREVIEW, Start, with};
use crate::rejections::ALREADY_SUBSCRIBED;
use crate::stripe::text;

cases![
    session_has_the_plans_prices_and_the_accounts_id,
    open_session_is_returned_again_until_the_request_differs,
    paid_checkout_subscribes_to_the_plan,
    checkout_paid_during_another_request_leaves_one_subscription,
    free_plan_needs_no_card,
    promotion_code_is_applied_and_kept_by_a_plan_change,
    code_that_cannot_be_redeemed_is_rejected_and_creates_nothing,
    page_asks_for_what_the_operator_has_set,
    declined_card_can_be_replaced_on_the_page,
    canceled_account_can_check_out_again,
    portal_opens_for_every_account_and_returns_to_the_given_url,
];

const ORIGIN: &str = "http://localhost:3000";

#[track_caller]
fn start(harness: &Harness, account: &OwnAccount, body: &Value) -> Value {
    let response = harness.post(CHECKOUT, &account.key, body);
    assert_eq!(response.status, 201, "{body}: {}", response.body);
    response.json()
}

#[track_caller]
fn at_stripe(harness: &Harness, shown: &Value) -> Value {
    harness.stripe(&format!("/checkout/sessions/{}", text(shown, "id")))
}

/// Submits the page's form as a browser does.
#[track_caller]
fn pay(harness: &Harness, url: &str, card: &str) -> Response {
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

fn session_has_the_plans_prices_and_the_accounts_id(harness: &Harness) {
    for (mode, handle) in [("hosted", "shops-there"), ("embedded", "shops-here")] {
        let account = harness.admin_of(handle, None);
        for (plan, interval) in [("pro", "month"), ("agency", "year"), ("hobby", "month")] {
            let body = json!({ "plan": plan, "interval": interval, "uiMode": mode });
            let response = harness.post(CHECKOUT, &account.key, &body);
            let hosted = mode == "hosted";
            let whole = json!({
                "id": "<cs_…>", "uiMode": mode, "expiresAt": "<at>", "publishableKey": "pk_test_sandbox",
                "url": if hosted { json!("<url>") } else { Value::Null },
                "clientSecret": if hosted { Value::Null } else { json!("<cs_…>") },
            });
            expect(&response, 201, &whole);
            let shown = response.json();
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

fn open_session_is_returned_again_until_the_request_differs(harness: &Harness) {
    let account = harness.admin_of("cannot-decide", None);
    let status = |shown: &Value| text(&at_stripe(harness, shown), "status");
    let mut last = start(harness, &account, &json!({ "plan": "pro" }));
    // The same request with the defaults given explicitly.
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
fn summary(harness: &Harness, account: &OwnAccount) -> Value {
    harness.get("/v1/billing/summary", &account.key, &[]).json()
}

/// Cancels the account's subscription now.
#[track_caller]
fn end_subscription(harness: &Harness, account: &OwnAccount) {
    let subscription = text(&summary(harness, account), "subscriptionId");
    let url = format!("{}/v1/subscriptions/{subscription}", harness.about().stripe_url);
    let bearer = format!("Bearer {}", harness.about().stripe_key);
    assert_eq!(harness.exchange("DELETE", &url, &[("authorization", &bearer)], "").status, 200);
}

fn paid_checkout_subscribes_to_the_plan(harness: &Harness) {
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
    let metadata = subscription["metadata"].as_object().expect("an object");
    assert!(metadata.values().any(|value| *value == *account.id), "{metadata:?}");
    let items = subscription["items"]["data"].as_array().expect("a list");
    let mut prices: Vec<_> = items.iter().map(|item| text(&item["price"], "id")).collect();
    prices.sort();
    let mut expected = harness.prices("pro", "month");
    expected.sort();
    assert_eq!(prices, expected);
    // The session is complete, and a second subscription is rejected.
    let again = harness.post(CHECKOUT, &account.key, &json!({ "plan": "pro" }));
    assert_eq!((again.status, &again.json()["error"]), (409, &json!("already_subscribed")));
    let invoices = harness.get("/v1/billing/invoices", &account.key, &[]).json();
    let found = ["status", "amount", "reason"].map(|field| invoices["invoices"][0][field].clone());
    assert_eq!(json!(found), json!(["paid", "35.00", "subscription_create"]));
    // A plan change charges the same card.
    let changed = harness.post(CHANGE, &account.key, &json!({ "plan": "agency" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
}

/// The customer pays the open session while a request for another plan has read one of the lists and waits for the other.
fn checkout_paid_during_another_request_leaves_one_subscription(harness: &Harness) {
    for (handle, slow) in
        [("pays-early", "/v1/checkout/sessions"), ("pays-late", "/v1/subscriptions")]
    {
        let account = harness.admin_of(handle, None);
        let shown = start(harness, &account, &json!({ "plan": "pro" }));
        let customer = text(&at_stripe(harness, &shown), "customer");
        let mut function = FunctionProcess::start(harness, "checkout-session", &[]);
        let bearer = format!("Bearer {}", account.key);
        let fault = json!({ "path": slow, "method": "GET", "kind": "latency", "delay_ms": 1_500, "count": 1 });
        let response = {
            let _slow = harness.break_stripe(&fault);
            let headers = [JSON, ("authorization", &*bearer)];
            function.send_with_body(PATIENT, &headers, r#"{"plan":"agency"}"#);
            sleep(Duration::from_millis(700));
            assert_eq!(pay(harness, &text(&shown, "url"), GOOD).status, 303);
            function.response()
        };
        assert_error(&response, ALREADY_SUBSCRIBED);
        let list =
            |what: &str| harness.stripe(&format!("/{what}?customer={customer}"))["data"].take();
        assert_eq!(list("subscriptions").as_array().map(Vec::len), Some(1), "{slow}");
        assert_eq!(list("checkout/sessions").as_array().map(Vec::len), Some(1), "{slow}");
    }
}

fn free_plan_needs_no_card(harness: &Harness) {
    let account = harness.admin_of("pays-nothing", None);
    let shown = start(harness, &account, &json!({ "plan": "hobby" }));
    assert_eq!(at_stripe(harness, &shown)["payment_method_collection"], "if_required");
    let done = pay(harness, &text(&shown, "url"), "");
    assert_eq!(done.status, 303, "{}", done.body);
    let summary = summary(harness, &account);
    assert_eq!((&summary["plan"], &summary["status"]), (&json!("hobby"), &json!("active")));
}

/// Creates a promotion code of 20 % with these letters.
pub(crate) fn promote(harness: &Harness, code: &str, more: &[(&str, &str)]) -> String {
    let coupon = [("percent_off", "20"), ("duration", "forever")];
    let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
    let form =
        [&[("promotion[type]", "coupon"), ("promotion[coupon]", &*coupon), ("code", code)], more];
    text(&harness.stripe_post("/promotion_codes", &form.concat()), "id")
}

fn promotion_code_is_applied_and_kept_by_a_plan_change(harness: &Harness) {
    let id = promote(harness, "SPRING20", &[]);
    let account = harness.admin_of("has-a-code", None);
    let body = json!({ "plan": "pro", "promotionCode": "spring20" });
    let shown = start(harness, &account, &body);
    assert_eq!(at_stripe(harness, &shown)["discounts"][0]["promotion_code"], *id);
    assert_eq!(start(harness, &account, &body), shown);
    let without = start(harness, &account, &json!({ "plan": "pro" }));
    assert_ne!(without["id"], shown["id"], "a session without the code is another one");
    let shown = start(harness, &account, &body);
    assert_eq!(pay(harness, &text(&shown, "url"), GOOD).status, 303);
    let bought = summary(harness, &account);
    assert_eq!(bought["estimate"]["amount"], "28.00", "{bought}");
    let change = json!({ "plan": "agency" });
    let preview = harness.post(PREVIEW, &account.key, &change).json();
    assert_eq!(preview["nextInvoice"]["amount"], "79.20", "{preview}");
    let change = with(&change, "quote", text(&preview, "quote"));
    let changed = harness.post(CHANGE, &account.key, &change);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let after = summary(harness, &account);
    assert_eq!((&after["plan"], &after["discounts"]), (&json!("agency"), &bought["discounts"]));
    assert_eq!(after["discounts"].as_array().map(Vec::len), Some(1));
}

fn code_that_cannot_be_redeemed_is_rejected_and_creates_nothing(harness: &Harness) {
    let other = harness.payer("code-is-theirs", Start::on("pro"));
    promote(harness, "THEIRS", &[("customer", &other.customer.id)]);
    promote(harness, "OVER", &[("active", "false")]);
    promote(harness, "FIRST", &[("restrictions[first_time_transaction]", "true")]);
    let new = harness.admin_of("guesses-codes", None);
    let returning = harness.admin_of("was-here-before", None);
    let first = start(harness, &returning, &json!({ "plan": "pro" }));
    assert_eq!(pay(harness, &text(&first, "url"), GOOD).status, 303);
    end_subscription(harness, &returning);
    for (account, code) in
        [(&new, "NO-SUCH-CODE"), (&new, "THEIRS"), (&new, "OVER"), (&returning, "FIRST")]
    {
        let body = json!({ "plan": "pro", "promotionCode": code });
        let response = harness.post(CHECKOUT, &account.key, &body);
        let found = (response.status, response.json()["details"]["field"].take());
        assert_eq!(found, (422, json!("promotionCode")), "{code}: {}", response.body);
    }
    let info = harness.get("/v1/billing/info", &new.key, &[]).json();
    assert_eq!(info["account"]["hasCustomer"], false);
}

fn page_asks_for_what_the_operator_has_set(harness: &Harness) {
    promote(harness, "ASKED", &[]);
    let account = harness.admin_of("fills-in-forms", None);
    let bearer = format!("Bearer {}", account.key);
    let form = |set: &[(&'static str, &'static str)], body: &str| {
        let mut function = FunctionProcess::start(harness, "checkout-session", set);
        function.send_with_body(PATIENT, &[JSON, ("authorization", &*bearer)], body);
        let response = function.response();
        assert_eq!(response.status, 201, "{}", response.body);
        let session = at_stripe(harness, &response.json());
        json!([
            session["allow_promotion_codes"],
            session["tax_id_collection"]["enabled"],
            session["billing_address_collection"],
        ])
    };
    let plain = r#"{"plan":"pro"}"#;
    let (codes, ids) = (("CHECKOUT_PROMOTION_CODES", "true"), ("CHECKOUT_TAX_IDS", "true"));
    let address = ("CHECKOUT_BILLING_ADDRESS", "true");
    assert_eq!(form(&[], plain), json!([null, false, null]));
    assert_eq!(form(&[codes], plain), json!([true, false, null]));
    assert_eq!(form(&[ids], plain), json!([null, true, null]));
    assert_eq!(form(&[address], plain), json!([null, false, "required"]));
    let with_code = r#"{"plan":"pro","promotionCode":"ASKED"}"#;
    assert_eq!(form(&[codes, ids, address], with_code), json!([null, true, "required"]));
}

fn declined_card_can_be_replaced_on_the_page(harness: &Harness) {
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

fn canceled_account_can_check_out_again(harness: &Harness) {
    let account = harness.admin_of("comes-back", None);
    let first = start(harness, &account, &json!({ "plan": "pro" }));
    assert_eq!(pay(harness, &text(&first, "url"), GOOD).status, 303);
    end_subscription(harness, &account);
    let second = start(harness, &account, &json!({ "plan": "pro" }));
    assert_ne!(first["id"], second["id"]);
    let customer = |shown: &Value| at_stripe(harness, shown)["customer"].clone();
    assert_eq!(customer(&first), customer(&second), "the customer is reused");
    assert_eq!(pay(harness, &text(&second, "url"), GOOD).status, 303);
    assert_eq!(summary(harness, &account)["plan"], "pro");
}

fn portal_opens_for_every_account_and_returns_to_the_given_url(harness: &Harness) {
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
        let response = harness.post(PORTAL, key, &body);
        expect(&response, 201, &json!({ "url": "<url>" }));
        let page = harness.exchange("GET", &text(&response.json(), "url"), &[], "");
        assert!([200, 303].contains(&page.status), "{body}: {}", page.body);
    }
}
