//! Failed payments: the retry schedule, its end, and recovery.

use serde_json::{Value, json};
use stripe_sandbox::{Config, Exhausted, Rules};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, id, stamp};

const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
/// First attempt at the renewal.
const FIRST: OffsetDateTime = datetime!(2027-05-01 01:00 UTC);
/// 3, 5 and 7 days, each after the previous attempt.
const RETRIES: [OffsetDateTime; 3] = [
    datetime!(2027-05-04 01:00 UTC),
    datetime!(2027-05-09 01:00 UTC),
    datetime!(2027-05-16 01:00 UTC),
];

struct Overdue {
    api: Api,
    clock: String,
    customer: String,
    sub: String,
    invoice: String,
}

/// Returns a subscription whose first period was paid and whose renewal has failed.
fn overdue(retries_exhausted: Exhausted, card: &str) -> Overdue {
    let rules = Rules { retries_exhausted, ..Rules::default() };
    let api = Api::with(&Config { rules, ..Config::default() });
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    use_card(&api, &customer, card);
    api.advance(&clock, FIRST);
    let invoice = id(&api.invoices(&sub)[0]);
    Overdue { api, clock, customer, sub, invoice }
}

fn use_card(api: &Api, customer: &str, card: &str) -> String {
    let attached =
        id(&api.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", customer)]));
    let form = [("invoice_settings[default_payment_method]", attached.as_str())];
    api.post(&format!("/v1/customers/{customer}"), &form);
    attached
}

impl Overdue {
    fn status(&self) -> Value {
        self.api.subscription(&self.sub)["status"].clone()
    }

    /// Returns the number of attempts and the next one.
    fn attempts(&self) -> (Value, Value) {
        let invoice = self.api.invoice(&self.invoice);
        (invoice["attempt_count"].clone(), invoice["next_payment_attempt"].clone())
    }

    fn exhaust(&self) {
        for at in RETRIES {
            self.api.advance(&self.clock, at);
        }
    }
}

#[test]
fn failed_renewal_is_past_due_and_follows_the_retry_schedule() {
    let it = overdue(Exhausted::PastDue, "pm_card_chargeCustomerFail");
    assert_eq!(it.status(), "past_due");
    let invoice = it.api.invoice(&it.invoice);
    assert_eq!((&invoice["status"], &invoice["attempted"]), (&json!("open"), &json!(true)));
    assert_eq!(invoice["status_transitions"]["finalized_at"], stamp(FIRST));
    let intent = it.api.intent(&it.invoice);
    assert_eq!(intent["status"], "requires_payment_method");
    let error = &intent["last_payment_error"];
    assert_eq!(
        (&error["code"], &error["decline_code"]),
        (&json!("card_declined"), &json!("generic_decline"))
    );
    assert_eq!(error["payment_method"]["card"]["last4"], "0341");

    assert_eq!(it.attempts(), (json!(1), stamp(RETRIES[0])));
    it.api.advance(&it.clock, RETRIES[0]);
    assert_eq!(it.attempts(), (json!(2), stamp(RETRIES[1])));
    it.api.advance(&it.clock, RETRIES[1]);
    assert_eq!(it.attempts(), (json!(3), stamp(RETRIES[2])));
    it.api.advance(&it.clock, RETRIES[2]);
    assert_eq!(it.attempts(), (json!(4), Value::Null));
    assert_eq!(it.status(), "past_due");
}

#[test]
fn exhausted_retries_can_leave_subscription_unpaid_with_draft_invoices() {
    let it = overdue(Exhausted::Unpaid, "pm_card_chargeCustomerFail");
    it.exhaust();
    assert_eq!(it.status(), "unpaid");
    it.api.advance(&it.clock, datetime!(2027-06-01 02:00 UTC));
    let newest = it.api.invoices(&it.sub).remove(0);
    assert_eq!((&newest["status"], &newest["auto_advance"]), (&json!("draft"), &json!(false)));

    // Paying the old invoice is not sufficient: the newest one counts.
    use_card(&it.api, &it.customer, "pm_card_visa");
    it.api.post(&format!("/v1/invoices/{}/pay", it.invoice), &[]);
    assert_eq!(it.status(), "unpaid");
    it.api.post(&format!("/v1/invoices/{}/pay", id(&newest)), &[]);
    assert_eq!(it.status(), "active");
}

#[test]
fn exhausted_retries_can_cancel_subscription() {
    let it = overdue(Exhausted::Cancel, "pm_card_chargeCustomerFail");
    it.exhaust();
    let sub = it.api.subscription(&it.sub);
    assert_eq!(sub["status"], "canceled");
    assert_eq!(sub["cancellation_details"]["reason"], "payment_failed");
    assert_eq!(sub["ended_at"], stamp(RETRIES[2]));
    let invoice = it.api.invoice(&it.invoice);
    assert_eq!((&invoice["status"], &invoice["auto_advance"]), (&json!("open"), &json!(false)));
}

#[test]
fn exhausted_retries_can_pause_subscription_with_payable_invoice() {
    let it = overdue(Exhausted::Pause, "pm_card_chargeCustomerFail");
    assert_eq!(it.api.subscription(&it.sub)["status_details"], Value::Null);
    it.exhaust();
    let sub = it.api.subscription(&it.sub);
    assert_eq!(sub["status"], "paused");
    assert_eq!(sub["status_details"]["paused"]["subscription"]["type"], "final_payment_failure");
    assert_eq!(sub["status_details"]["paused"]["transitioned_at"], stamp(RETRIES[2]));
    let paid = it
        .api
        .post(&format!("/v1/invoices/{}/pay", it.invoice), &[("payment_method", "pm_card_visa")]);
    assert_eq!(paid["status"], "paid");
    assert_eq!(it.status(), "paused");
}

#[test]
fn next_retry_uses_the_new_card() {
    let it = overdue(Exhausted::Unpaid, "pm_card_chargeCustomerFail");
    use_card(&it.api, &it.customer, "pm_card_mastercard");
    it.api.advance(&it.clock, RETRIES[0]);
    assert_eq!(it.status(), "active");
    let invoice = it.api.invoice(&it.invoice);
    assert_eq!((&invoice["status"], &invoice["attempt_count"]), (&json!("paid"), &json!(2)));
    assert_eq!(invoice["amount_remaining"], 0);
    assert_eq!(it.api.intent(&it.invoice)["last_payment_error"], Value::Null);
}

#[test]
fn manual_payment_recovers_subscription_and_failed_ones_are_not_counted() {
    let it = overdue(Exhausted::Unpaid, "pm_card_chargeCustomerFail");
    let path = format!("/v1/invoices/{}/pay", it.invoice);
    let refusal = it.api.refused(402, "POST", &path, &[]);
    assert_eq!(
        (refusal.code(), &refusal.json["error"]["decline_code"]),
        ("card_declined", &json!("generic_decline"))
    );
    assert_eq!(refusal.json["error"]["payment_intent"]["status"], "requires_payment_method");
    assert_eq!(it.attempts(), (json!(1), stamp(RETRIES[0])));

    it.api.post(&path, &[("payment_method", "pm_card_visa")]);
    assert_eq!(it.status(), "active");
    assert_eq!(it.api.refused(400, "POST", &path, &[]).message(), "Invoice is already paid");
}

#[test]
fn lost_card_is_declined_with_advice_not_to_retry() {
    let it = overdue(Exhausted::Unpaid, "pm_card_chargeCustomerFail");
    let path = format!("/v1/invoices/{}/pay", it.invoice);
    let form = [("payment_method", "pm_card_chargeDeclinedLostCard")];
    let refusal = it.api.refused(402, "POST", &path, &form);
    assert_eq!(refusal.json["error"]["decline_code"], "lost_card");
    assert_eq!(it.api.intent(&it.invoice)["last_payment_error"]["advice_code"], "do_not_try_again");
}

#[test]
fn each_declining_card_returns_its_decline_code() {
    let it = overdue(Exhausted::Unpaid, "pm_card_chargeCustomerFail");
    let path = format!("/v1/invoices/{}/pay", it.invoice);
    for (token, code, decline) in [
        ("pm_card_chargeDeclined", "card_declined", json!("generic_decline")),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", json!("insufficient_funds")),
        ("pm_card_chargeDeclinedStolenCard", "card_declined", json!("stolen_card")),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", Value::Null),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", Value::Null),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", Value::Null),
    ] {
        let refusal = it.api.refused(402, "POST", &path, &[("payment_method", token)]);
        assert_eq!(
            (refusal.code(), &refusal.json["error"]["decline_code"]),
            (code, &decline),
            "{token}"
        );
        // The card cannot be saved either.
        let attach = format!("/v1/payment_methods/{token}/attach");
        assert_eq!(
            it.api.refused(402, "POST", &attach, &[("customer", &it.customer)]).code(),
            code
        );
    }
}

#[test]
fn renewal_with_required_authentication_stays_open() {
    let it = overdue(Exhausted::Unpaid, "pm_card_authenticationRequired");
    assert_eq!(it.status(), "past_due");
    let intent = it.api.intent(&it.invoice);
    assert_eq!(
        (&intent["status"], &intent["last_payment_error"]),
        (&json!("requires_action"), &Value::Null)
    );
    let invoice = it.api.invoice(&it.invoice);
    assert_eq!(invoice["confirmation_secret"]["client_secret"], intent["client_secret"]);
    let path = format!("/v1/invoices/{}/pay", it.invoice);
    assert_eq!(
        it.api.refused(402, "POST", &path, &[]).code(),
        "invoice_payment_intent_requires_action"
    );
    // The schedule continues, but the card is not charged again automatically.
    it.api.advance(&it.clock, RETRIES[0]);
    assert_eq!(it.attempts(), (json!(2), stamp(RETRIES[1])));
    assert_eq!(it.api.intent(&it.invoice)["status"], "requires_action");
}

#[test]
fn renewal_without_payment_method_is_past_due_without_error() {
    let it = overdue(Exhausted::Unpaid, "pm_card_visa");
    assert_eq!(it.status(), "active");
    let card = it.api.get(&format!("/v1/customers/{}", it.customer), &[])["invoice_settings"]
        ["default_payment_method"]
        .clone();
    it.api.post(&format!("/v1/payment_methods/{}/detach", card.as_str().unwrap()), &[]);
    it.api.advance(&it.clock, datetime!(2027-06-01 01:00 UTC));
    assert_eq!(it.status(), "past_due");
    let newest = id(&it.api.invoices(&it.sub)[0]);
    let intent = it.api.intent(&newest);
    assert_eq!(
        (&intent["status"], &intent["last_payment_error"]),
        (&json!("requires_payment_method"), &Value::Null)
    );
}

#[test]
fn uncollectible_latest_invoice_reactivates_and_voided_one_defers_to_its_predecessor() {
    let it = overdue(Exhausted::PastDue, "pm_card_chargeCustomerFail");
    let marked = it.api.post(&format!("/v1/invoices/{}/mark_uncollectible", it.invoice), &[]);
    assert_eq!(marked["status_details"]["uncollectible"]["reason"], "user_forgiven");
    assert_eq!(it.status(), "active");
    let voided = it.api.post(&format!("/v1/invoices/{}/void", it.invoice), &[]);
    assert_eq!((&voided["status"], &voided["status_details"]), (&json!("void"), &Value::Null));
    assert_eq!(it.api.intent(&it.invoice)["status"], "canceled");
    // The previous invoice was paid.
    assert_eq!(it.status(), "active");
}

#[test]
fn out_of_band_payment_pays_without_a_charge() {
    let it = overdue(Exhausted::Unpaid, "pm_card_chargeCustomerFail");
    let path = format!("/v1/invoices/{}/pay", it.invoice);
    let paid = it.api.post(&path, &[("paid_out_of_band", "true")]);
    assert_eq!((&paid["status"], &paid["amount_remaining"]), (&json!("paid"), &json!(0)));
    assert_eq!(it.status(), "active");
}

#[test]
fn unpaid_first_invoice_expires_after_23_hours() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, Some("pm_card_chargeCustomerFail"), &[]);
    let sub = api.subscribe(&customer, &base, &[]);
    assert_eq!(sub["status"], "incomplete");
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(
        (&invoice["status"], &invoice["next_payment_attempt"]),
        (&json!("open"), &Value::Null)
    );
    api.advance(&clock, datetime!(2027-04-01 22:59:59 UTC));
    assert_eq!(api.subscription(&id(&sub))["status"], "incomplete");
    api.advance(&clock, datetime!(2027-04-01 23:00 UTC));
    assert_eq!(api.subscription(&id(&sub))["status"], "incomplete_expired");
    assert_eq!(api.invoice(&id(&invoice))["status"], "void");
    let listed = |status: &str| {
        api.get("/v1/subscriptions", &[("customer", &customer), ("status", status)])["data"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((listed("ended"), listed("canceled"), listed("active")), (1, 0, 0));
}

#[test]
fn incomplete_subscription_becomes_active_when_its_invoice_is_paid() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, None, &[]);
    let sub = api.subscribe(&customer, &base, &[("payment_behavior", "default_incomplete")]);
    assert_eq!(sub["status"], "incomplete");
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!((&invoice["attempted"], &invoice["attempt_count"]), (&json!(false), &json!(0)));
    assert!(invoice["confirmation_secret"]["client_secret"].is_string());
    api.post(&format!("/v1/invoices/{}/pay", id(&invoice)), &[("payment_method", "pm_card_visa")]);
    assert_eq!(api.subscription(&id(&sub))["status"], "active");
    api.advance(&clock, datetime!(2027-04-02 00:00 UTC));
    assert_eq!(api.subscription(&id(&sub))["status"], "active");
}

#[test]
fn error_if_incomplete_creates_nothing() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    for (card, code) in [
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
    ] {
        let customer = api.customer(&clock, Some(card), &[]);
        let form = [
            ("customer", customer.as_str()),
            ("items[0][price]", &base),
            ("payment_behavior", "error_if_incomplete"),
        ];
        assert_eq!(api.refused(402, "POST", "/v1/subscriptions", &form).code(), code);
        let all = api.get("/v1/subscriptions", &[("customer", &customer), ("status", "all")]);
        assert_eq!(all["data"], json!([]));
        assert_eq!(api.get("/v1/invoices", &[("customer", &customer)])["data"], json!([]));
    }
}

#[test]
fn hard_decline_keeps_the_schedule_and_skips_the_same_card() {
    let it = overdue(Exhausted::Unpaid, "pm_card_visa");
    // The renewal of May was paid. The card is lost before that of June.
    let card = it.api.get(&format!("/v1/customers/{}", it.customer), &[])["invoice_settings"]
        ["default_payment_method"]
        .clone();
    let path = format!("/payment_methods/{}", card.as_str().unwrap());
    let bank = json!({ "behaves_as": "pm_card_chargeDeclinedLostCard" });
    assert_eq!(it.api.admin("POST", &path, &bank)["card"]["last4"], "4242");
    it.api.advance(&it.clock, datetime!(2027-06-01 01:00 UTC));
    let invoice = id(&it.api.invoices(&it.sub)[0]);
    let it = Overdue { invoice, ..it };
    let charge = it.api.intent(&it.invoice)["latest_charge"].clone();
    assert_eq!(it.api.intent(&it.invoice)["last_payment_error"]["decline_code"], "lost_card");

    // 3 and 5 days after the previous attempts: 4 and 9 June.
    let retries = [datetime!(2027-06-04 01:00 UTC), datetime!(2027-06-09 01:00 UTC)];
    assert_eq!(it.attempts(), (json!(1), stamp(retries[0])));
    // The bank would accept now, but it is not asked.
    it.api.admin("POST", &path, &json!({ "behaves_as": "pm_card_visa" }));
    it.api.advance(&it.clock, retries[0]);
    assert_eq!(it.attempts(), (json!(2), stamp(retries[1])));
    assert_eq!(
        (it.status(), &it.api.intent(&it.invoice)["latest_charge"]),
        (json!("past_due"), &charge)
    );

    use_card(&it.api, &it.customer, "pm_card_mastercard");
    it.api.advance(&it.clock, retries[1]);
    assert_eq!((it.status(), it.attempts().0), (json!("active"), json!(3)));
    assert_ne!(it.api.intent(&it.invoice)["latest_charge"], charge);
}
