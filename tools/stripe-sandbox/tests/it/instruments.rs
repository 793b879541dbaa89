//! Payment methods other than cards: their JSON, and the actions that they require.

use serde_json::{Value, json};
use stripe_sandbox::Config;
use time::Duration;

use crate::debits::START;
use crate::support::{Api, id};

const DAY: Duration = Duration::DAY;

/// Invoice that waits for its first payment.
struct Unpaid {
    api: Api,
    sub: String,
    invoice: String,
}

fn unpaid() -> Unpaid {
    let api = Api::with(&Config::default());
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, None, &[]);
    let sub = api.subscribe(&customer, &base, &[("payment_behavior", "default_incomplete")]);
    let invoice = sub["latest_invoice"].as_str().unwrap().to_owned();
    Unpaid { api, sub: id(&sub), invoice }
}

impl Unpaid {
    /// Pays with a method that requires an action, and returns that action.
    fn pay(&self, token: &str) -> Value {
        let path = format!("/v1/invoices/{}/pay", self.invoice);
        let refusal = self.api.refused(402, "POST", &path, &[("payment_method", token)]);
        assert_eq!(refusal.code(), "invoice_payment_intent_requires_action", "{token}");
        let intent = self.api.intent(&self.invoice);
        assert_eq!(intent["status"], "requires_action", "{token}");
        intent["next_action"].clone()
    }

    fn act(&self, succeed: bool) -> Value {
        let intent = id(&self.api.intent(&self.invoice));
        let path = format!("/payment_intents/{intent}/authenticate");
        self.api.admin("POST", &path, &json!({ "succeed": succeed }))
    }

    fn states(&self) -> [Value; 2] {
        [self.api.subscription(&self.sub), self.api.invoice(&self.invoice)]
            .map(|object| object["status"].clone())
    }
}

#[test]
fn debits_are_listed_by_type_with_their_details() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    for (token, kind, last4) in [
        ("pm_usBankAccount_success", "us_bank_account", "6789"),
        ("pm_success_de", "sepa_debit", "3000"),
        ("pm_bacsDebit_success", "bacs_debit", "2345"),
        ("pm_auBecsDebit_success", "au_becs_debit", "3456"),
        ("pm_acssDebit_success", "acss_debit", "6789"),
    ] {
        let path = format!("/v1/payment_methods/{token}/attach");
        let attached = api.post(&path, &[("customer", &customer)]);
        assert_eq!((&attached["type"], &attached[kind]["last4"]), (&json!(kind), &json!(last4)));
        let form = [("customer", customer.as_str()), ("type", kind)];
        let listed = api.get("/v1/payment_methods", &form);
        assert_eq!(listed["data"], json!([attached]));
    }
    let all = api.get("/v1/payment_methods", &[("customer", &customer)]);
    assert_eq!(all["data"].as_array().unwrap().len(), 6);
}

#[test]
fn payment_methods_that_need_the_customer_each_time_cannot_be_saved() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, None, &[]);
    for (token, kind) in [
        ("pm_boleto", "boleto"),
        ("pm_customerBalance", "customer_balance"),
        ("pm_ideal", "ideal"),
        ("pm_konbini", "konbini"),
        ("pm_multibanco", "multibanco"),
        ("pm_oxxo", "oxxo"),
    ] {
        let path = format!("/v1/payment_methods/{token}/attach");
        let refusal = api.refused(400, "POST", &path, &[("customer", &customer)]);
        let message = format!("Payment methods of type `{kind}` cannot be saved to a customer.");
        assert_eq!(refusal.message(), message);
    }
}

#[test]
fn each_payment_method_has_its_next_action() {
    let it = unpaid();
    let page = it.api.invoice(&it.invoice)["hosted_invoice_url"].clone();
    let due = |days: i32| json!((START + days * DAY).unix_timestamp());
    let sdk = it.pay("pm_card_authenticationRequired");
    assert_eq!(
        sdk,
        json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } })
    );
    let redirect = it.pay("pm_ideal");
    let url = format!("{}/authenticate", page.as_str().unwrap());
    assert_eq!(
        redirect,
        json!({ "type": "redirect_to_url", "redirect_to_url": { "return_url": page, "url": url } })
    );
    for (token, kind, until) in [
        ("pm_boleto", "boleto_display_details", "expires_at"),
        ("pm_oxxo", "oxxo_display_details", "expires_after"),
        ("pm_konbini", "konbini_display_details", "expires_at"),
        ("pm_multibanco", "multibanco_display_details", "expires_at"),
    ] {
        let action = it.pay(token);
        let days = if token == "pm_multibanco" { 7 } else { 3 };
        assert_eq!(
            (&action["type"], &action[kind]["hosted_voucher_url"], &action[kind][until]),
            (&json!(kind), &page, &due(days))
        );
    }
    let transfer = it.pay("pm_customerBalance")["display_bank_transfer_instructions"].clone();
    let shown = ["amount_remaining", "currency", "hosted_instructions_url", "type"];
    assert_eq!(
        shown.map(|key| &transfer[key]),
        [&json!(3500), &json!("usd"), &page, &json!("us_bank_transfer")]
    );
    assert_eq!(transfer["financial_addresses"][0]["aba"]["routing_number"], "999999999");
}

#[test]
fn payment_completes_when_the_customer_acts() {
    for token in ["pm_ideal", "pm_boleto", "pm_customerBalance"] {
        let it = unpaid();
        it.pay(token);
        assert_eq!(it.states(), ["incomplete", "open"], "{token}");
        assert_eq!(it.act(true)["status"], "succeeded");
        assert_eq!(it.states(), ["active", "paid"], "{token}");
    }
}

#[test]
fn voucher_expires_and_another_payment_method_can_pay() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, None, &[]);
    let form = [("customer", customer.as_str()), ("amount", "900"), ("currency", "usd")];
    api.post("/v1/invoiceitems", &form);
    let form = [
        ("customer", customer.as_str()),
        ("pending_invoice_items_behavior", "include"),
        ("auto_advance", "false"),
    ];
    let invoice = id(&api.post("/v1/invoices", &form));
    let path = format!("/v1/invoices/{invoice}");
    api.post(&format!("{path}/finalize"), &[]);
    api.refused(402, "POST", &format!("{path}/pay"), &[("payment_method", "pm_oxxo")]);
    api.advance(&clock, START + 3 * DAY);
    let intent = api.intent(&invoice);
    assert_eq!(
        (&intent["status"], &intent["last_payment_error"]["code"], &intent["next_action"]),
        (
            &json!("requires_payment_method"),
            &json!("payment_intent_payment_attempt_expired"),
            &Value::Null
        )
    );

    let pay = |token| api.post(&format!("{path}/pay"), &[("payment_method", token)]);
    assert_eq!(pay("pm_usBankAccount_insufficientFunds")["status"], "open");
    api.advance(&clock, START + 5 * DAY);
    let failed = api.invoice(&invoice);
    assert_eq!(
        (&failed["status"], &failed["attempt_count"], &failed["next_payment_attempt"]),
        (&json!("open"), &json!(1), &Value::Null)
    );
    assert_eq!(pay("pm_usBankAccount")["status"], "open");
    api.advance(&clock, START + 9 * DAY);
    assert_eq!(api.invoice(&invoice)["status"], "paid");
}

#[test]
fn refused_redirect_needs_another_payment_method() {
    let it = unpaid();
    it.pay("pm_ideal");
    let refused = it.act(false);
    assert_eq!(refused["status"], "requires_payment_method");
    let error = &refused["last_payment_error"];
    assert_eq!(error["code"], "payment_intent_authentication_failure");
    assert_eq!(it.states(), ["incomplete", "open"]);
}
