//! Property test: a change costs what its preview showed, for random plans, taxes, coupons and
//! balances.

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::forms::Form;
use crate::support::{Api, id};

const START: OffsetDateTime = datetime!(2027-01-31 09:30 UTC);
/// Number of cases, unless `PROPTEST_CASES` is set.
const CASES: u32 = 1000;

#[derive(Clone, Debug)]
struct Plan {
    amount: i64,
    interval: &'static str,
    count: i64,
    quantity: i64,
}

#[derive(Clone, Debug)]
enum Off {
    Percent(i64),
    Amount(i64),
}

#[derive(Clone, Debug)]
struct Input {
    currency: &'static str,
    from: Plan,
    to: Plan,
    add_ons: Vec<Plan>,
    exclusive: Option<&'static str>,
    inclusive: Option<&'static str>,
    coupon: Option<(Off, &'static str)>,
    balance: i64,
    /// Thousandths of the shortest item's period.
    at: i64,
    seconds_later: i64,
    anchor_now: bool,
    classic: bool,
    payment_behavior: &'static str,
}

fn plan() -> impl Strategy<Value = Plan> {
    let amount = prop_oneof![1 => Just(0), 8 => 1..300_000_i64];
    let interval = prop::sample::select(vec!["day", "week", "month", "month", "year"]);
    (amount, interval, 1..=2_i64, prop_oneof![4 => Just(1), 3 => 0..30_i64])
        .prop_map(|(amount, interval, count, quantity)| Plan { amount, interval, count, quantity })
}

fn input() -> impl Strategy<Value = Input> {
    let rate = || prop::option::of(prop::sample::select(vec!["10", "19", "7.7", "8.875"]));
    let off =
        prop_oneof![(1..=100_i64).prop_map(Off::Percent), (1..50_000_i64).prop_map(Off::Amount)];
    let duration = prop::sample::select(vec!["once", "forever", "repeating"]);
    let behavior = prop::sample::select(vec![
        "pending_if_incomplete",
        "error_if_incomplete",
        "allow_incomplete",
    ]);
    let balance = prop_oneof![Just(0), -100_000..100_000_i64];
    (
        prop::sample::select(vec!["usd", "jpy", "kwd", "eur"]),
        (plan(), plan(), prop::collection::vec(plan(), 0..=2)),
        (rate(), rate(), prop::option::of((off, duration))),
        (balance, 0..1000_i64, 0..100_i64),
        (any::<bool>(), prop::bool::weighted(0.2), behavior),
    )
        .prop_map(|(currency, plans, sums, when, how)| Input {
            currency,
            from: plans.0,
            to: plans.1,
            add_ons: plans.2,
            exclusive: sums.0,
            inclusive: sums.1,
            coupon: sums.2,
            balance: when.0,
            at: when.1,
            seconds_later: when.2,
            anchor_now: how.0,
            classic: how.1,
            payment_behavior: how.2,
        })
        .prop_map(in_one_interval_if_classic)
}

/// Classic billing has one interval for all items, and a new interval restarts the cycle.
fn in_one_interval_if_classic(mut input: Input) -> Input {
    if input.classic {
        for plan in input.add_ons.iter_mut().chain([&mut input.to]) {
            (plan.interval, plan.count) = (input.from.interval, input.from.count);
        }
        input.seconds_later = 0;
    }
    if input.anchor_now {
        input.seconds_later = 0;
    }
    input
}

struct World<'a> {
    api: &'a Api,
    products: &'a [String],
    input: &'a Input,
}

impl World<'_> {
    /// The smallest unit of a currency with three decimals is ten minor units.
    fn money(&self, amount: i64) -> i64 {
        if self.input.currency == "kwd" { amount * 10 } else { amount }
    }

    fn price(&self, plan: &Plan, product: usize) -> String {
        let mut form = Form::default();
        form.set("product", &self.products[product]);
        form.set("currency", self.input.currency);
        form.set("unit_amount", self.money(plan.amount));
        form.set("recurring[interval]", plan.interval);
        form.set("recurring[interval_count]", plan.count);
        id(&form.post(self.api, "/v1/prices"))
    }

    fn tax_rate(&self, percentage: &str, inclusive: bool) -> String {
        let mut form = Form::default();
        form.set("display_name", "Tax");
        form.set("percentage", percentage);
        form.set("inclusive", inclusive);
        id(&form.post(self.api, "/v1/tax_rates"))
    }

    fn coupon(&self, off: &Off, duration: &str) -> String {
        let mut form = Form::default();
        match off {
            Off::Percent(percent) => form.set("percent_off", percent),
            Off::Amount(amount) => {
                form.set("amount_off", self.money(*amount));
                form.set("currency", self.input.currency);
            }
        }
        form.set("duration", duration);
        if duration == "repeating" {
            form.set("duration_in_months", 2);
        }
        id(&form.post(self.api, "/v1/coupons"))
    }

    /// Creates a subscription on the old plan with its add-ons. Returns it and the prices of all
    /// items.
    fn subscribe(&self, customer: &str) -> (Value, Vec<String>) {
        let input = self.input;
        let mut form = Form::default();
        form.set("customer", customer);
        let mut prices = Vec::new();
        for (n, plan) in std::iter::once(&input.from).chain(&input.add_ons).enumerate() {
            let price = self.price(plan, n);
            form.set(format!("items[{n}][price]"), &price);
            form.set(format!("items[{n}][quantity]"), plan.quantity);
            prices.push(price);
        }
        let rates = [(input.exclusive, false), (input.inclusive, true)];
        let rates = rates.into_iter().filter_map(|(rate, inclusive)| Some((rate?, inclusive)));
        for (n, (rate, inclusive)) in rates.enumerate() {
            form.set(format!("default_tax_rates[{n}]"), self.tax_rate(rate, inclusive));
        }
        if let Some((off, duration)) = &input.coupon {
            form.set("discounts[0][coupon]", self.coupon(off, duration));
        }
        form.set("billing_mode[type]", if input.classic { "classic" } else { "flexible" });
        (form.post(self.api, "/v1/subscriptions"), prices)
    }

    /// Sets the balance of the case, after the first invoice.
    fn set_balance(&self, customer: &str) -> i64 {
        let path = format!("/v1/customers/{customer}");
        let now = self.api.get(&path, &[])["balance"].as_i64().unwrap();
        let wanted = self.money(self.input.balance);
        if now != wanted {
            let mut form = Form::default();
            form.set("amount", wanted - now);
            form.set("currency", self.input.currency);
            form.post(self.api, &format!("{path}/balance_transactions"));
        }
        wanted
    }

    fn the_change_costs_what_its_preview_said(&self) -> TestCaseResult {
        let (api, input) = (self.api, self.input);
        let clock = api.clock_at(START);
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let (sub, mut prices) = self.subscribe(&customer);
        prop_assert_eq!(&sub["status"], "active");
        let start = START.unix_timestamp();
        let ends = data(&sub["items"]).map(|item| item["current_period_end"].as_i64().unwrap());
        let length = ends.min().unwrap() - start;
        let now = start + length * input.at / 1000;
        self.pass(&clock, start, now);
        let balance = self.set_balance(&customer);

        prices[0] = self.price(&input.to, 3);
        let mut change = self.change(&sub, &prices[0]);
        let mut form = change.inside("subscription_details");
        form.set("subscription", id(&sub));
        let preview = form.post(api, "/v1/invoices/create_preview");
        let date = &preview["parent"]["subscription_details"]["subscription_proration_date"];
        prop_assert_eq!(date, now);

        let later = (now + input.seconds_later).min(start + length - 1);
        self.pass(&clock, now, later);
        if !input.anchor_now {
            change.set("proration_date", date);
        }
        change.set("payment_behavior", input.payment_behavior);
        change.set("expand[]", "latest_invoice");
        let changed = change.post(api, &format!("/v1/subscriptions/{}", id(&sub)));
        prop_assert_eq!(held(&changed), wanted(&prices, input));
        prop_assert_eq!(&changed["pending_update"], &Value::Null);
        let after = api.get(&format!("/v1/customers/{customer}"), &[])["balance"].clone();
        if preview["lines"]["data"] == json!([]) {
            prop_assert_eq!(&changed["latest_invoice"]["id"], &sub["latest_invoice"]);
            prop_assert_eq!(after, balance);
            return Ok(());
        }
        prop_assert_eq!(&changed["latest_invoice"]["created"], later);
        is_as_previewed(&changed["latest_invoice"], &preview, balance, after.as_i64().unwrap())
    }

    fn change(&self, sub: &Value, price: &str) -> Form {
        let mut change = Form::default();
        change.set("items[0][id]", sub["items"]["data"][0]["id"].as_str().unwrap());
        change.set("items[0][price]", price);
        change.set("items[0][quantity]", self.input.to.quantity);
        change.set("proration_behavior", "always_invoice");
        if self.input.anchor_now {
            change.set("billing_cycle_anchor[type]", "now");
        }
        change
    }

    fn pass(&self, clock: &str, from: i64, to: i64) {
        if to > from {
            self.api.advance(clock, OffsetDateTime::from_unix_timestamp(to).unwrap());
        }
    }
}

fn data(list: &Value) -> impl Iterator<Item = &Value> {
    list["data"].as_array().unwrap().iter()
}

fn is_as_previewed(invoice: &Value, preview: &Value, before: i64, after: i64) -> TestCaseResult {
    prop_assert_eq!(cost(preview), cost(invoice));
    prop_assert_eq!(&invoice["status"], "paid");
    prop_assert_eq!(&invoice["amount_paid"], &preview["amount_due"]);
    prop_assert_eq!(&invoice["starting_balance"], before);
    prop_assert_eq!(&invoice["ending_balance"], after);
    let sum = |key: &str| preview[key].as_i64().unwrap();
    prop_assert_eq!(after, before + sum("total") - sum("amount_due"));
    Ok(())
}

/// Returns the price and quantity of each item.
fn held(sub: &Value) -> Vec<(String, i64)> {
    let item = |item: &Value| {
        let price = item["price"]["id"].as_str().unwrap().to_owned();
        (price, item["quantity"].as_i64().unwrap())
    };
    data(&sub["items"]).map(item).collect()
}

fn wanted(prices: &[String], input: &Input) -> Vec<(String, i64)> {
    let plans = std::iter::once(&input.to).chain(&input.add_ons);
    prices.iter().cloned().zip(plans.map(|plan| plan.quantity)).collect()
}

/// Returns the amounts of an invoice.
fn cost(invoice: &Value) -> Value {
    let line = |line: &Value| {
        json!([
            line["amount"],
            line["description"],
            line["period"],
            line["quantity"],
            line["taxes"],
            line["discount_amounts"],
            line["pricing"],
            line["parent"]["subscription_item_details"]["proration"],
        ])
    };
    let lines: Vec<Value> = data(&invoice["lines"]).map(line).collect();
    let sums = [
        "amount_due",
        "starting_balance",
        "subtotal",
        "subtotal_excluding_tax",
        "total",
        "total_discount_amounts",
        "total_excluding_tax",
        "total_taxes",
    ];
    json!([sums.map(|sum| &invoice[sum]), lines])
}

#[test]
fn change_matches_its_preview() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig { cases: cases.unwrap_or(CASES), ..ProptestConfig::default() };
    let mut api = Api::new();
    api.typed = false;
    let products = ["Before", "Address", "Support", "After"].map(|name| api.product(name));
    let outcome = TestRunner::new(config).run(&input(), |input| {
        let world = World { api: &api, products: &products, input: &input };
        world.the_change_costs_what_its_preview_said()
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
