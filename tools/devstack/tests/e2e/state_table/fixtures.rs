//! Billing states, each made on an account of its own.

use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, Renewal, month_after, now};
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::payer::{Payer, Start};
use crate::schedules_and_pauses::{Rules, declined_renewal, plan_ahead};
use crate::stripe::text;

/// A billing state.
pub(super) struct State {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    /// Creates an account with this handle in the state.
    pub(super) make: fn(&Harness, &str) -> OwnAccount,
}

const NO_SUBSCRIPTION: &str = "No live subscription";
const TRIAL: &str = "Trial";
const ACTIVE: &str = "Active";
const DELAYED: &str = "A payment is under way";
const OVERDUE: &str = "A payment is missing";
const PAUSED: &str = "Paused";

const fn state(
    group: &'static str,
    name: &'static str,
    make: fn(&Harness, &str) -> OwnAccount,
) -> State {
    State { group, name, make }
}

/// All states in the order of the page.
pub(super) const STATES: &[State] = &[
    state(NO_SUBSCRIPTION, "no Stripe customer", |harness, handle| harness.admin_of(handle, None)),
    state(NO_SUBSCRIPTION, "deleted Stripe customer", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        delete(harness, &format!("/customers/{}", payer.customer.id));
        payer.account
    }),
    state(NO_SUBSCRIPTION, "`incomplete_expired`", |harness, handle| {
        unpaid_first_invoice(harness, handle, 2 * DAY)
    }),
    state(NO_SUBSCRIPTION, "`canceled`, by request", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        delete(harness, &format!("/subscriptions/{}", payer.subscription));
        payer.account
    }),
    state(NO_SUBSCRIPTION, "`canceled`, for non-payment", |harness, handle| {
        given_up(harness, handle, "cancel")
    }),
    state(TRIAL, "`trialing`", |harness, handle| trial(harness, handle, Some("pm_card_visa"))),
    state(TRIAL, "`trialing`, no payment method", |harness, handle| trial(harness, handle, None)),
    state(ACTIVE, "`active`", |harness, handle| harness.payer(handle, Start::on("pro")).account),
    state(ACTIVE, "discount, credit balance", |harness, handle| {
        let coupon = [("percent_off", "20"), ("duration", "forever")];
        let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
        let more = [("discounts[0][coupon]", &*coupon)];
        let payer = harness.payer(handle, Start { more: &more, ..Start::on("pro") });
        harness.credit(&payer.customer.id, -1_000, "usd");
        payer.account
    }),
    state(ACTIVE, "two subscriptions", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        let add_on = harness.add_on("month", "usd", "500");
        let form = [("customer", &*payer.customer.id), ("items[0][price]", &add_on)];
        harness.stripe_post("/subscriptions", &form);
        payer.account
    }),
    state(ACTIVE, "no payment method", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        let customer = harness.stripe(&format!("/customers/{}", payer.customer.id));
        let method = text(&customer["invoice_settings"], "default_payment_method");
        harness.stripe_post(&format!("/payment_methods/{method}/detach"), &[]);
        payer.account
    }),
    state(ACTIVE, "plan archived", |harness, handle| {
        let product = [("name", "Former"), ("metadata[cantila_plan]", "former")];
        let product = text(&harness.stripe_post("/products", &product), "id");
        let price = [
            ("product", &*product),
            ("currency", "usd"),
            ("recurring[interval]", "month"),
            ("unit_amount", "2000"),
        ];
        let price = text(&harness.stripe_post("/prices", &price), "id");
        let payer = harness.payer_of(handle, std::slice::from_ref(&price), Start::on("former"));
        for path in [format!("/prices/{price}"), format!("/products/{product}")] {
            harness.stripe_post(&path, &[("active", "false")]);
        }
        payer.account
    }),
    state(ACTIVE, "price not in the catalog", |harness, handle| {
        let add_on = harness.add_on("month", "usd", "500");
        harness.payer_of(handle, &[add_on], Start::on("")).account
    }),
    state(ACTIVE, "address for tax missing", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        let customer = format!("/customers/{}", payer.customer.id);
        let address = [("address[country]", "DE"), ("address[postal_code]", "10115")];
        harness.stripe_post(&customer, &address);
        set(harness, &payer, &[("automatic_tax[enabled]", "true")]);
        // Otherwise Stripe refuses to remove the address while the subscription has automatic tax.
        let deferred = ("tax[validate_location]", "deferred");
        harness.stripe_post(&customer, &[("address", ""), deferred]);
        payer.account
    }),
    state(ACTIVE, "cancellation at the period's end", |harness, handle| {
        subscribed_with(harness, handle, &[("cancel_at_period_end", "true")])
    }),
    state(ACTIVE, "change scheduled", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        plan_ahead(harness, &payer, "starter");
        payer.account
    }),
    state(ACTIVE, "collection paused (`pause_collection`)", |harness, handle| {
        subscribed_with(harness, handle, &[("pause_collection[behavior]", "void")])
    }),
    state(ACTIVE, "renewal is a draft", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        harness.advance(&payer.customer, month_after(payer.start) + 60);
        payer.account
    }),
    state(ACTIVE, "invoices are sent, not due yet", |harness, handle| {
        sent_invoices(harness, handle, "30")
    }),
    state(ACTIVE, "default payment method is a bank debit", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        harness.card(&payer.customer, "pm_usBankAccount");
        payer.account
    }),
    state(DELAYED, "renewal's bank debit is processing", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        harness.card(&payer.customer, "pm_usBankAccount");
        harness.advance(&payer.customer, month_after(payer.start) + 2 * HOUR);
        payer.account
    }),
    state(DELAYED, "change's payment is processing", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        harness.card(&payer.customer, "pm_card_processing");
        // Made elsewhere: this API's changes apply at once then.
        let path = format!("/subscriptions/{}", payer.subscription);
        let base = &harness.prices("pro", "month")[0];
        let items = harness.stripe(&path)["items"]["data"].take();
        let items = items.as_array().expect("items");
        let item = items.iter().find(|item| item["price"]["id"] == **base).expect("a base price");
        let change = [
            ("items[0][id]", &*text(item, "id")),
            ("items[0][price]", &*harness.prices("agency", "month")[0]),
            ("payment_behavior", "pending_if_incomplete"),
            ("proration_behavior", "always_invoice"),
        ];
        harness.stripe_post(&path, &change);
        payer.account
    }),
    state(DELAYED, "change's payment awaits authentication", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        harness.card(&payer.customer, "pm_card_authenticationRequired");
        let response = payer.change(harness, &json!({ "plan": "agency" }));
        assert_eq!(response.status, 402, "{}", response.body);
        payer.account
    }),
    state(OVERDUE, "`incomplete`", |harness, handle| unpaid_first_invoice(harness, handle, 0)),
    state(OVERDUE, "`past_due`, retries left", |harness, handle| {
        let until = now();
        let renewal = Renewal::at_about(until - 26 * HOUR, until);
        declined_renewal(harness, handle, &renewal, until).account
    }),
    state(OVERDUE, "`past_due`, no retry left", |harness, handle| {
        given_up(harness, handle, "past_due")
    }),
    state(OVERDUE, "`unpaid`", |harness, handle| given_up(harness, handle, "unpaid")),
    state(OVERDUE, "sent invoice is overdue", |harness, handle| {
        sent_invoices(harness, handle, "7")
    }),
    state(PAUSED, "`paused`, trial ended without a payment method", |harness, handle| {
        let more = [
            ("trial_period_days", "5"),
            ("trial_settings[end_behavior][missing_payment_method]", "pause"),
        ];
        let start = Start { card: None, more: &more, ..Start::on("pro") };
        harness.payer(handle, start).account
    }),
    state(PAUSED, "`paused`, by request", |harness, handle| {
        let payer = harness.payer(handle, Start::on("pro"));
        harness.stripe_post(&format!("/subscriptions/{}/pause", payer.subscription), &[]);
        payer.account
    }),
    state(PAUSED, "`paused`, by a failed payment", |harness, handle| {
        let _rules = Rules::set(harness, &json!({ "pause_on_first_failure": true }));
        let until = now();
        let renewal = Renewal::at_about(until - 26 * HOUR, until);
        declined_renewal(harness, handle, &renewal, until).account
    }),
];

fn delete(harness: &Harness, path: &str) {
    let about = harness.about();
    let key = format!("Bearer {}", about.stripe_key);
    let url = format!("{}/v1{path}", about.stripe_url);
    let response = harness.exchange("DELETE", &url, &[("authorization", &key)], "");
    assert_eq!(response.status, 200, "{path}: {}", response.body);
}

fn set(harness: &Harness, payer: &Payer, fields: &[(&str, &str)]) -> Value {
    harness.stripe_post(&format!("/subscriptions/{}", payer.subscription), fields)
}

/// Creates a subscription to Pro and then sets these fields.
fn subscribed_with(harness: &Harness, handle: &str, fields: &[(&str, &str)]) -> OwnAccount {
    let payer = harness.payer(handle, Start::on("pro"));
    set(harness, &payer, fields);
    payer.account
}

fn trial(harness: &Harness, handle: &str, card: Option<&str>) -> OwnAccount {
    let more = [("trial_period_days", "30")];
    harness.payer(handle, Start { card, more: &more, ..Start::on("pro") }).account
}

/// Creates a subscription of this age whose first invoice was never paid.
fn unpaid_first_invoice(harness: &Harness, handle: &str, age: i64) -> OwnAccount {
    let more = [("payment_behavior", "default_incomplete")];
    harness.payer(handle, Start { age, more: &more, ..Start::on("pro") }).account
}

/// Creates a subscription whose invoices are sent. Its first one is ten days old.
fn sent_invoices(harness: &Harness, handle: &str, days_until_due: &str) -> OwnAccount {
    let more = [("collection_method", "send_invoice"), ("days_until_due", days_until_due)];
    harness.payer(handle, Start { card: None, more: &more, ..Start::on("pro") }).account
}

/// Creates a subscription whose renewal and all retries were declined. `end` is what Stripe then does.
fn given_up(harness: &Harness, handle: &str, end: &str) -> OwnAccount {
    let _rules = Rules::set(harness, &json!({ "retries_exhausted": end }));
    let until = now();
    let renewal = Renewal::at_about(until - 24 * DAY, until);
    declined_renewal(harness, handle, &renewal, until).account
}
