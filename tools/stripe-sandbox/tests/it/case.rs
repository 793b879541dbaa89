//! Subscription in the middle of its month, before a change.

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, Form, id};

/// April has 30 days, so its middle is the 16th.
pub const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
pub const MIDDLE: OffsetDateTime = datetime!(2027-04-16 00:00 UTC);

pub struct Case {
    pub api: Api,
    pub clock: String,
    pub customer: String,
    pub sub: String,
    pub item: String,
}

pub fn at_the_middle(amount: &str, more: Form<'_>) -> Case {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Starter", "usd", amount);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, more);
    api.advance(&clock, MIDDLE);
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    Case { api, clock, customer, sub: id(&sub), item }
}

impl Case {
    pub fn change(&self, price: &str, more: Form<'_>) -> Value {
        let form = [
            &[
                ("items[0][id]", self.item.as_str()),
                ("items[0][price]", price),
                ("expand[]", "latest_invoice"),
            ],
            more,
        ]
        .concat();
        self.api.post(&format!("/v1/subscriptions/{}", self.sub), &form)
    }

    pub fn preview(&self, price: &str, more: Form<'_>) -> Value {
        let form = [
            &[
                ("subscription", self.sub.as_str()),
                ("subscription_details[items][0][id]", self.item.as_str()),
                ("subscription_details[items][0][price]", price),
            ],
            more,
        ]
        .concat();
        self.api.post("/v1/invoices/create_preview", &form)
    }

    pub fn credit(&self, amount: &str) {
        let path = format!("/v1/customers/{}/balance_transactions", self.customer);
        self.api.post(&path, &[("amount", amount), ("currency", "usd")]);
    }

    pub fn balance(&self) -> Value {
        self.api.get(&format!("/v1/customers/{}", self.customer), &[])["balance"].clone()
    }

    /// Makes the card the subscription's payment method.
    pub fn use_card(&self, card: &str) -> String {
        let path = format!("/v1/payment_methods/{card}/attach");
        let attached = id(&self.api.post(&path, &[("customer", &self.customer)]));
        let path = format!("/v1/subscriptions/{}", self.sub);
        self.api.post(&path, &[("default_payment_method", &attached)]);
        attached
    }

    pub fn shown(&self) -> Value {
        self.api.subscription(&self.sub)
    }
}
