//! Random histories of subscriptions: a catalog, and actions on it.

use proptest::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::forms::Form;
use crate::support::{Api, id};

pub const START: OffsetDateTime = datetime!(2027-01-31 09:30 UTC);
pub const DAY: i64 = 86_400;

/// Catalog to choose from: prices, coupons, tax rates.
pub struct Shop {
    pub api: Api,
    pub prices: Vec<String>,
    /// Monthly price of the requests of a meter.
    pub metered: String,
    pub fee: String,
    pub coupons: Vec<String>,
    pub rates: Vec<String>,
}

impl Shop {
    pub fn new() -> Shop {
        let mut api = Api::new();
        api.typed = false;
        let price =
            |form: &[(&str, &str)]| api.price("Thing", &[&[("currency", "usd")], form].concat());
        let month = ("recurring[interval]", "month");
        let prices = vec![
            price(&[("unit_amount", "0"), month]),
            price(&[("unit_amount", "1999"), month]),
            price(&[("unit_amount_decimal", "333.333333333333"), month]),
            price(&[("unit_amount", "12345"), month]),
            price(&[("unit_amount", "700"), ("recurring[interval]", "week")]),
            price(&[("unit_amount", "99900"), ("recurring[interval]", "year")]),
            price(&[
                ("unit_amount", "250"),
                ("transform_quantity[divide_by]", "4"),
                ("transform_quantity[round]", "up"),
                month,
            ]),
            price(&tiers("graduated")),
            price(&tiers("volume")),
        ];
        let coupon = |form: &[(&str, &str)]| id(&api.post("/v1/coupons", form));
        let off = |amount| [("amount_off", amount), ("currency", "usd"), ("duration", "forever")];
        let coupons = vec![
            coupon(&[("percent_off", "12.5"), ("duration", "forever")]),
            coupon(&[("percent_off", "50"), ("duration", "once")]),
            coupon(&[
                ("percent_off", "33.3"),
                ("duration", "repeating"),
                ("duration_in_months", "1"),
            ]),
            coupon(&off("777")),
            coupon(&off("50000")),
        ];
        let rate = |percentage, inclusive| {
            let form =
                [("display_name", "Tax"), ("percentage", percentage), ("inclusive", inclusive)];
            id(&api.post("/v1/tax_rates", &form))
        };
        let rates = vec![
            rate("8.875", "false"),
            rate("19", "true"),
            rate("5", "false"),
            rate("7.7", "true"),
        ];
        let form = [
            ("display_name", "Requests"),
            ("event_name", "requests"),
            ("default_aggregation[formula]", "sum"),
        ];
        let meter = id(&api.post("/v1/billing/meters", &form));
        let metered = price(&[
            ("unit_amount", "3"),
            month,
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ]);
        let fee = price(&[("unit_amount", "4321")]);
        Shop { api, prices, metered, fee, coupons, rates }
    }
}

fn tiers(mode: &'static str) -> [(&'static str, &'static str); 8] {
    [
        ("recurring[interval]", "month"),
        ("billing_scheme", "tiered"),
        ("tiers_mode", mode),
        ("tiers[0][up_to]", "3"),
        ("tiers[0][flat_amount]", "500"),
        ("tiers[0][unit_amount]", "150"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount_decimal]", "99.95"),
    ]
}

/// Action on a subscription. Its numbers are indexes into the present objects.
#[derive(Clone, Debug)]
pub enum Action {
    Wait(i64),
    Swap {
        item: usize,
        price: usize,
        quantity: i64,
        discounts: Option<Vec<usize>>,
        reset: bool,
        behavior: usize,
    },
    Add {
        price: usize,
        quantity: i64,
        discounts: Vec<usize>,
        behavior: usize,
    },
    Remove {
        item: usize,
        behavior: usize,
    },
    Discounts(Vec<usize>),
    Fee {
        discounts: Vec<usize>,
        rates: Vec<usize>,
    },
    Balance(i64),
    Rates(Vec<usize>),
}

fn action() -> impl Strategy<Value = Action> {
    let few = || prop::collection::vec(0..8_usize, 0..=2);
    let pick = 0..64_usize;
    prop_oneof![
        4 => (1..40 * DAY).prop_map(Action::Wait),
        4 => (pick.clone(), pick.clone(), 0..30_i64, prop::option::of(few()), prop::bool::weighted(0.1), 0..3_usize)
            .prop_map(|(item, price, quantity, discounts, reset, behavior)| {
                Action::Swap { item, price, quantity, discounts, reset, behavior }
            }),
        2 => (pick.clone(), 0..30_i64, few(), 0..3_usize)
            .prop_map(|(price, quantity, discounts, behavior)| Action::Add { price, quantity, discounts, behavior }),
        1 => (pick, 0..3_usize).prop_map(|(item, behavior)| Action::Remove { item, behavior }),
        1 => few().prop_map(Action::Discounts),
        1 => (few(), few()).prop_map(|(discounts, rates)| Action::Fee { discounts, rates }),
        1 => (-30_000..30_000_i64).prop_map(Action::Balance),
        1 => few().prop_map(Action::Rates),
    ]
}

#[derive(Clone, Debug)]
pub struct Life {
    pub classic: bool,
    pub itemized: bool,
    pub first: (usize, i64),
    pub discounts: Vec<usize>,
    pub rates: Vec<usize>,
    pub actions: Vec<Action>,
}

pub fn life() -> impl Strategy<Value = Life> {
    let few = || prop::collection::vec(0..8_usize, 0..=2);
    let mode = (prop::bool::weighted(0.2), any::<bool>());
    (mode, (0..64_usize, 1..30_i64), few(), few(), prop::collection::vec(action(), 2..9)).prop_map(
        |((classic, itemized), first, discounts, rates, actions)| Life {
            classic,
            itemized,
            first,
            discounts,
            rates,
            actions,
        },
    )
}

impl Action {
    /// Writes the parameters of the update for a subscription with these items.
    pub fn put(&self, shop: &Shop, items: &[Value], form: &mut Form) {
        let price = |pick: &usize| &shop.prices[pick % shop.prices.len()];
        let behaviors = ["always_invoice", "create_prorations", "none"];
        match self {
            Action::Swap { item, price: pick, quantity, discounts, reset, behavior } => {
                form.set("items[0][id]", id(&items[item % items.len()]));
                form.set("items[0][price]", price(pick));
                form.set("items[0][quantity]", quantity);
                if let Some(discounts) = discounts {
                    shop.put_discounts(form, "items[0]", discounts);
                }
                if *reset {
                    form.set("billing_cycle_anchor[type]", "now");
                }
                form.set("proration_behavior", behaviors[*behavior]);
            }
            Action::Add { price: pick, quantity, discounts, behavior } => {
                form.set("items[0][price]", price(pick));
                form.set("items[0][quantity]", quantity);
                shop.put_discounts(form, "items[0]", discounts);
                form.set("proration_behavior", behaviors[*behavior]);
            }
            Action::Remove { item, behavior } => {
                form.set("items[0][id]", id(&items[item % items.len()]));
                form.set("items[0][deleted]", "true");
                form.set("proration_behavior", behaviors[*behavior]);
            }
            Action::Discounts(discounts) => shop.put_discounts(form, "", discounts),
            Action::Fee { discounts, rates } => {
                form.set("add_invoice_items[0][price]", &shop.fee);
                shop.put_discounts(form, "add_invoice_items[0]", discounts);
                shop.put_rates(form, "add_invoice_items[0][tax_rates]", rates);
            }
            Action::Rates(rates) => shop.put_rates(form, "default_tax_rates", rates),
            Action::Wait(_) | Action::Balance(_) => {}
        }
    }
}

impl Shop {
    fn put_discounts(&self, form: &mut Form, of: &str, picks: &[usize]) {
        let name = if of.is_empty() { "discounts".to_owned() } else { format!("{of}[discounts]") };
        if picks.is_empty() {
            form.set(&name, "");
        }
        for (n, coupon) in chosen(&self.coupons, picks).iter().enumerate() {
            form.set(format!("{name}[{n}][coupon]"), coupon);
        }
    }

    fn put_rates(&self, form: &mut Form, name: &str, picks: &[usize]) {
        if picks.is_empty() {
            form.set(name, "");
        }
        for (n, rate) in chosen(&self.rates, picks).iter().enumerate() {
            form.set(format!("{name}[{n}]"), rate);
        }
    }
}

/// Returns the chosen values, without repetitions.
pub fn chosen<'a>(from: &'a [String], picks: &[usize]) -> Vec<&'a String> {
    let mut all: Vec<&String> = picks.iter().map(|pick| &from[pick % from.len()]).collect();
    all.dedup();
    all
}
