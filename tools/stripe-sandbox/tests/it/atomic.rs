//! Property test: a change that `error_if_incomplete` refuses leaves nothing behind.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use time::Duration;

use crate::forms::Form;
use crate::laws::run;
use crate::random::{Action, Life, START, Shop, life};
use crate::support::{Api, id};

/// Payment methods whose charges fail at once.
const FAILING: [&str; 2] = ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"];

struct Run<'a> {
    shop: &'a Shop,
    customer: String,
    sub: String,
}

impl Run<'_> {
    /// Subscribes to the first price and to a metered one, then adds usage, a pending item and a
    /// balance.
    fn begin<'a>(shop: &'a Shop, life: &Life, method: &str) -> Run<'a> {
        let api = &shop.api;
        let clock = api.clock_at(START);
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let mut form = Form::default();
        form.set("customer", &customer);
        form.set("items[0][price]", &shop.prices[life.first.0 % shop.prices.len()]);
        form.set("items[0][quantity]", life.first.1);
        form.set("items[1][price]", &shop.metered);
        form.set("billing_mode[type]", if life.classic { "classic" } else { "flexible" });
        let reply = form.try_post(api, "/v1/subscriptions");
        // Classic billing has one interval; the second item is then left out.
        let sub = if reply.status == 200 { reply.json } else { without_second(&form, api) };
        let run = Run { shop, customer, sub: id(&sub) };
        api.advance(&clock, START + Duration::days(3));
        run.add_pending(life.first.1);
        let path = format!("/v1/payment_methods/{method}/attach");
        let attached = id(&api.post(&path, &[("customer", &run.customer)]));
        let form = [("default_payment_method", attached.as_str())];
        api.post(&format!("/v1/subscriptions/{}", run.sub), &form);
        run
    }

    fn add_pending(&self, amount: i64) {
        let api = &self.shop.api;
        let of_customer = ("payload[stripe_customer_id]", self.customer.as_str());
        let usage = [("event_name", "requests"), of_customer, ("payload[value]", "17")];
        api.post("/v1/billing/meter_events", &usage);
        let amount = (-amount).to_string();
        let entry = [("amount", amount.as_str()), ("currency", "usd")];
        let path = format!("/v1/customers/{}/balance_transactions", self.customer);
        api.post(&path, &entry);
        let item = [
            ("customer", self.customer.as_str()),
            ("subscription", self.sub.as_str()),
            ("amount", "250"),
            ("currency", "usd"),
        ];
        api.post("/v1/invoiceitems", &item);
    }

    /// Returns everything that the API shows about the customer.
    fn everything(&self) -> Value {
        let get = |path: &str, form: &[(&str, &str)]| {
            self.shop.api.get(path, &[form, &[("limit", "100")]].concat())
        };
        let of_customer = [("customer", self.customer.as_str())];
        let path = format!("/v1/customers/{}", self.customer);
        let mut preview = self
            .shop
            .api
            .post("/v1/invoices/create_preview", &[("subscription", self.sub.as_str())]);
        forget_ids(&mut preview);
        json!({
            "customer": self.shop.api.get(&path, &[]),
            "balance": get(&format!("{path}/balance_transactions"), &[]),
            "subscriptions": get("/v1/subscriptions", &of_customer),
            "invoices": get("/v1/invoices", &of_customer),
            "items": get("/v1/invoiceitems", &of_customer),
            "payments": get("/v1/payment_intents", &of_customer),
            "preview": preview,
        })
    }
}

fn without_second(form: &Form, api: &Api) -> Value {
    let rest = form.0.iter().filter(|(name, _)| !name.starts_with("items[1]"));
    Form(rest.cloned().collect()).post(api, "/v1/subscriptions")
}

/// Removes the IDs that every preview creates anew.
fn forget_ids(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !matches!(key.as_str(), "id" | "invoice" | "url"));
            fields.values_mut().for_each(forget_ids);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_ids),
        _ => {}
    }
}

/// Returns the number of refused changes.
fn refused_changes_leave_nothing(run: &Run<'_>, actions: &[Action]) -> Result<u32, TestCaseError> {
    let path = format!("/v1/subscriptions/{}", run.sub);
    let mut refused = 0;
    for action in actions {
        let before = run.everything();
        let items = before["subscriptions"]["data"][0]["items"]["data"].as_array().unwrap();
        let mut form = Form::default();
        action.put(run.shop, items, &mut form);
        form.set("payment_behavior", "error_if_incomplete");
        let reply = form.try_post(&run.shop.api, &path);
        if reply.status == 402 {
            prop_assert_eq!(run.everything(), before, "{}", reply.text);
            refused += 1;
        }
    }
    Ok(refused)
}

#[test]
fn change_refused_for_its_payment_leaves_items_invoices_usage_and_balance_as_they_were() {
    let refused = Cell::new(0);
    let strategy = (life(), prop::sample::select(FAILING.to_vec()));
    run(&strategy, |shop, (life, method)| {
        let run = Run::begin(shop, &life, method);
        refused.set(refused.get() + refused_changes_leave_nothing(&run, &life.actions)?);
        Ok(())
    });
    assert!(refused.get() > 0, "no change was refused");
}
