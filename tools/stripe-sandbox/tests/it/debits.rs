//! Bank debits, whose payments are processing for days, and what follows from their end.

use serde_json::{Value, json};
use stripe_sandbox::{Config, Exhausted, Rules};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::support::{Api, Form, id, stamp};

pub const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
/// First attempt at the renewal.
const RENEWAL: OffsetDateTime = datetime!(2027-05-01 01:00 UTC);
const DAY: Duration = Duration::DAY;

/// Customer who pays a monthly subscription.
pub struct Debtor {
    pub api: Api,
    pub clock: String,
    pub customer: String,
    pub sub: String,
}

/// Subscribes with the test payment method.
pub fn subscribed(token: &str) -> Debtor {
    subscribed_under(Rules::default(), token)
}

fn subscribed_under(rules: Rules, token: &str) -> Debtor {
    let api = Api::with(&Config { rules, ..Config::default() });
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, Some(token), &[]);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    Debtor { api, clock, customer, sub }
}

/// Subscribes with a card, and has the renewal charged to the test payment method.
fn renewed(rules: Rules, token: &str) -> Debtor {
    let it = subscribed_under(rules, "pm_card_visa");
    it.use_method(token);
    it.at(RENEWAL);
    it
}

impl Debtor {
    fn at(&self, to: OffsetDateTime) {
        self.api.advance(&self.clock, to);
    }

    fn use_method(&self, token: &str) {
        let path = format!("/v1/payment_methods/{token}/attach");
        let attached = id(&self.api.post(&path, &[("customer", &self.customer)]));
        let form = [("invoice_settings[default_payment_method]", attached.as_str())];
        self.api.post(&format!("/v1/customers/{}", self.customer), &form);
    }

    pub fn invoice(&self) -> Value {
        let newest = id(&self.api.invoices(&self.sub)[0]);
        self.api.invoice(&newest)
    }

    pub fn intent(&self) -> Value {
        self.api.intent(&id(&self.invoice()))
    }

    /// Returns the states of the subscription, its newest invoice and its payment.
    pub fn states(&self) -> [Value; 3] {
        let sub = self.api.subscription(&self.sub);
        [&sub, &self.invoice(), &self.intent()].map(|object| object["status"].clone())
    }

    /// Returns the number of attempts and the next one.
    fn attempts(&self) -> (Value, Value) {
        let invoice = self.invoice();
        (invoice["attempt_count"].clone(), invoice["next_payment_attempt"].clone())
    }

    pub fn update(&self, form: Form<'_>) -> Value {
        self.api.post(&format!("/v1/subscriptions/{}", self.sub), form)
    }
}

#[test]
fn first_debit_activates_the_subscription_and_is_paid_days_later() {
    let it = subscribed("pm_usBankAccount");
    assert_eq!(it.states(), ["active", "open", "processing"]);
    let invoice = it.invoice();
    let shown = ["attempted", "attempt_count", "amount_paid", "next_payment_attempt"];
    assert_eq!(shown.map(|key| &invoice[key]), [&json!(true), &json!(1), &json!(0), &Value::Null]);
    assert_eq!(invoice["payments"]["data"][0]["status"], "open");
    let intent = it.intent();
    assert_eq!(intent["payment_method_types"], json!(["us_bank_account"]));
    let empty = ["next_action", "processing", "last_payment_error", "canceled_at"];
    assert_eq!(empty.map(|key| &intent[key]), [&Value::Null; 4]);
    assert_eq!((&intent["amount"], &intent["amount_received"]), (&json!(3500), &json!(0)));
    assert!(intent["latest_charge"].is_string());

    it.at(START + 4 * DAY - Duration::SECOND);
    assert_eq!(it.states(), ["active", "open", "processing"]);
    it.at(START + 4 * DAY);
    assert_eq!(it.states(), ["active", "paid", "succeeded"]);
    let invoice = it.invoice();
    assert_eq!(
        (&invoice["amount_paid"], &invoice["status_transitions"]["paid_at"]),
        (&json!(3500), &stamp(START + 4 * DAY))
    );
    assert_eq!(it.intent()["amount_received"], 3500);
}

#[test]
fn first_debit_that_fails_voids_its_invoice_and_the_subscription_stays_active() {
    let it = subscribed("pm_usBankAccount_accountClosed");
    assert_eq!(it.states(), ["active", "open", "processing"]);
    it.at(START + 2 * DAY);
    assert_eq!(it.states(), ["active", "void", "canceled"]);
    let error = &it.intent()["last_payment_error"];
    assert_eq!(
        (&error["type"], &error["code"], &error["payment_method"]["us_bank_account"]["last4"]),
        (&json!("invalid_request_error"), &json!("account_closed"), &json!("1113"))
    );
    it.at(RENEWAL + 2 * DAY);
    assert_eq!(it.states(), ["past_due", "open", "requires_payment_method"]);
}

#[test]
fn renewal_is_retried_after_each_debit_that_fails() {
    let it = renewed(Rules::default(), "pm_usBankAccount_insufficientFunds");
    let mut attempt = RENEWAL;
    for (count, retry) in [(1, 3), (2, 5), (3, 7)] {
        let status = if count == 1 { "active" } else { "past_due" };
        assert_eq!(it.states(), [status, "open", "processing"], "attempt {count}");
        assert_eq!(it.attempts(), (json!(count), Value::Null));
        let failed = attempt + 2 * DAY;
        it.at(failed);
        assert_eq!(it.states(), ["past_due", "open", "requires_payment_method"]);
        assert_eq!(it.intent()["last_payment_error"]["code"], "insufficient_funds");
        attempt = failed + retry * DAY;
        assert_eq!(it.attempts(), (json!(count), stamp(attempt)));
        it.at(attempt);
    }
    assert_eq!(it.states(), ["past_due", "open", "processing"]);
    it.at(attempt + 2 * DAY);
    assert_eq!(it.states(), ["unpaid", "open", "requires_payment_method"]);
    assert_eq!(it.attempts(), (json!(4), Value::Null));
}

#[test]
fn overdue_subscription_is_active_again_when_the_debit_succeeds() {
    let it = renewed(Rules::default(), "pm_insufficientFunds_de");
    it.at(RENEWAL + 2 * DAY);
    it.use_method("pm_success_de");
    it.at(RENEWAL + 5 * DAY);
    assert_eq!(it.states(), ["past_due", "open", "processing"]);
    it.at(RENEWAL + 9 * DAY);
    assert_eq!(it.states(), ["active", "paid", "succeeded"]);
    assert_eq!(it.attempts(), (json!(2), Value::Null));
}

#[test]
fn closed_account_is_not_debited_again() {
    let it = renewed(Rules::default(), "pm_usBankAccount_accountClosed");
    it.at(RENEWAL + 5 * DAY);
    assert_eq!(it.states(), ["past_due", "open", "requires_payment_method"]);
    assert_eq!(it.attempts(), (json!(2), stamp(RENEWAL + 10 * DAY)));
}

#[test]
fn becs_and_acss_debits_are_not_retried() {
    for (token, rule, status) in [
        ("pm_auBecsDebit_referToCustomer", Exhausted::Unpaid, "unpaid"),
        ("pm_acssDebit_insufficientFunds", Exhausted::Cancel, "canceled"),
        ("pm_acssDebit_insufficientFunds", Exhausted::PastDue, "past_due"),
    ] {
        let it = renewed(Rules { retries_exhausted: rule, ..Rules::default() }, token);
        assert_eq!(it.states(), ["active", "open", "processing"], "{token}");
        it.at(RENEWAL + 2 * DAY);
        assert_eq!(it.states()[0], status, "{token}");
        assert_eq!(it.attempts(), (json!(1), Value::Null), "{token}");
    }
}

#[test]
fn change_paid_by_debit_applies_at_once_and_is_overdue_if_the_debit_fails() {
    for (token, ends) in [
        ("pm_bacsDebit_success", ["active", "paid", "succeeded"]),
        ("pm_bacsDebit_insufficientFunds", ["past_due", "open", "requires_payment_method"]),
    ] {
        for behavior in ["allow_incomplete", "error_if_incomplete"] {
            let it = subscribed("pm_card_visa");
            it.use_method(token);
            let item = id(&it.api.subscription(&it.sub)["items"]["data"][0]);
            let changed = it.update(&[
                ("items[0][id]", &item),
                ("items[0][quantity]", "3"),
                ("proration_behavior", "always_invoice"),
                ("payment_behavior", behavior),
            ]);
            assert_eq!(changed["items"]["data"][0]["quantity"], 3);
            assert_eq!(it.states(), ["active", "open", "processing"], "{behavior}");
            it.at(START + 4 * DAY);
            assert_eq!(it.states(), ends, "{token} {behavior}");
        }
    }
}

#[test]
fn pending_updates_support_cards_only() {
    let it = subscribed("pm_card_visa");
    it.use_method("pm_auBecsDebit");
    let before = it.api.subscription(&it.sub);
    let form = [
        ("items[0][id]", before["items"]["data"][0]["id"].as_str().unwrap()),
        ("items[0][quantity]", "3"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    let refusal = it.api.refused(400, "POST", &format!("/v1/subscriptions/{}", it.sub), &form);
    let error = &refusal.json["error"];
    assert_eq!(
        (&error["type"], &error["param"], refusal.message()),
        (
            &json!("invalid_request_error"),
            &json!("payment_behavior"),
            "`payment_behavior=pending_if_incomplete` does not support payment methods of type `au_becs_debit`."
        )
    );
    assert_eq!(it.api.subscription(&it.sub), before);
}
