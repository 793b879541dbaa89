//! Invariants that hold after any sequence of changes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::forms::Form;
use crate::random::{Action, DAY, Life, START, Shop, chosen, life};
use crate::support::{Api, id};

/// Number of cases, unless `PROPTEST_CASES` is set.
const CASES: u32 = 100;

struct Run<'a> {
    shop: &'a Shop,
    clock: String,
    now: i64,
    customer: String,
    sub: String,
}

fn list(object: &Value) -> &Vec<Value> {
    object["data"].as_array().unwrap()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

impl Run<'_> {
    fn begin<'a>(shop: &'a Shop, life: &Life) -> Run<'a> {
        let api = &shop.api;
        let clock = api.clock_at(START);
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let mut form = Form::default();
        form.set("customer", &customer);
        form.set("items[0][price]", &shop.prices[life.first.0 % shop.prices.len()]);
        form.set("items[0][quantity]", life.first.1);
        for (n, coupon) in chosen(&shop.coupons, &life.discounts).iter().enumerate() {
            form.set(format!("discounts[{n}][coupon]"), coupon);
        }
        for (n, rate) in chosen(&shop.rates, &life.rates).iter().enumerate() {
            form.set(format!("default_tax_rates[{n}]"), rate);
        }
        form.set("billing_mode[type]", if life.classic { "classic" } else { "flexible" });
        if life.itemized && !life.classic {
            form.set("billing_mode[flexible][proration_discounts]", "itemized");
        }
        let sub = id(&form.post(api, "/v1/subscriptions"));
        Run { shop, clock, now: START.unix_timestamp(), customer, sub }
    }

    fn api(&self) -> &Api {
        &self.shop.api
    }

    fn items(&self) -> Vec<Value> {
        list(&self.api().subscription(&self.sub)["items"]).clone()
    }

    fn path(&self) -> String {
        format!("/v1/subscriptions/{}", self.sub)
    }

    fn perform(&mut self, action: &Action) -> TestCaseResult {
        let mut form = Form::default();
        match action {
            Action::Wait(seconds) => self.wait(*seconds),
            Action::Balance(amount) => {
                form.set("amount", if *amount == 0 { 1 } else { *amount });
                form.set("currency", "usd");
                let path = format!("/v1/customers/{}/balance_transactions", self.customer);
                form.post(self.api(), &path);
            }
            // Some combinations of coupons are refused.
            Action::Discounts(_) | Action::Fee { .. } | Action::Rates(_) => {
                action.put(self.shop, &[], &mut form);
                form.try_post(self.api(), &self.path());
            }
            Action::Swap { .. } | Action::Add { .. } | Action::Remove { .. } => {
                action.put(self.shop, &self.items(), &mut form);
                return self.change(&form);
            }
        }
        Ok(())
    }

    /// Updates items: preview and update both refuse, or both have the same amounts.
    fn change(&self, form: &Form) -> TestCaseResult {
        let before = self.api().subscription(&self.sub)["latest_invoice"].clone();
        let mut preview = form.inside("subscription_details");
        preview.set("subscription", &self.sub);
        let preview = preview.try_post(self.api(), "/v1/invoices/create_preview");
        let changed = form.try_post(self.api(), &self.path());
        prop_assert_eq!(preview.status, changed.status, "{} {}", preview.text, changed.text);
        if changed.status != 200 || changed.json["latest_invoice"] == before {
            return Ok(());
        }
        let invoice = self.api().invoice(changed.json["latest_invoice"].as_str().unwrap());
        prop_assert_eq!(money(&preview.json), money(&invoice));
        Ok(())
    }

    fn wait(&mut self, seconds: i64) {
        // A test clock advances at most two intervals of the shortest price at once.
        let end = self.now + seconds;
        while self.now < end {
            self.now = end.min(self.now + 6 * DAY);
            let to = OffsetDateTime::from_unix_timestamp(self.now).unwrap();
            self.api().advance(&self.clock, to);
        }
    }

    /// Asserts that the next invoice equals its preview, if nothing happens in between.
    fn renewal_is_as_previewed(&mut self) -> TestCaseResult {
        self.wait(7200);
        let before = self.invoices();
        if before.iter().any(|invoice| invoice["status"] == "draft") {
            return Ok(());
        }
        let mut form = Form::default();
        form.set("subscription", &self.sub);
        let preview = form.post(self.api(), "/v1/invoices/create_preview");
        self.wait(32 * DAY);
        let after = self.invoices();
        if after.len() > before.len() {
            prop_assert_eq!(money(&preview), money(&after[after.len() - before.len() - 1]));
        }
        Ok(())
    }

    fn invoices(&self) -> Vec<Value> {
        let mut invoices = self.api().invoices(&self.sub);
        for invoice in &mut invoices {
            let path = format!("/v1/invoices/{}/lines", id(invoice));
            invoice["lines"] = self.api().get(&path, &[("limit", "100")]);
        }
        invoices
    }

    fn check(&self, life: &Life) -> TestCaseResult {
        let invoices = self.invoices();
        for invoice in &invoices {
            adds_up(invoice)?;
        }
        self.balances_are_conserved()?;
        if !life.classic {
            nothing_is_credited_twice(&invoices)?;
        }
        Ok(())
    }

    fn balances_are_conserved(&self) -> TestCaseResult {
        let path = format!("/v1/customers/{}", self.customer);
        let balance = number(&self.api().get(&path, &[])["balance"]);
        let path = format!("{path}/balance_transactions");
        let booked = self.api().get(&path, &[("limit", "100")]);
        let mut sum = 0;
        for entry in list(&booked).iter().rev() {
            sum += number(&entry["amount"]);
            prop_assert_eq!(&entry["ending_balance"], sum);
        }
        prop_assert_eq!(sum, balance);
        Ok(())
    }
}

/// Returns the amounts of an invoice, without the IDs of discounts.
fn money(invoice: &Value) -> Value {
    let line = |line: &Value| {
        let off: Vec<&Value> =
            line["discount_amounts"].as_array().unwrap().iter().map(|one| &one["amount"]).collect();
        json!([line["amount"], off, line["taxes"], line["period"], line["description"]])
    };
    let lines: Vec<Value> = list(&invoice["lines"]).iter().map(line).collect();
    let sums = ["amount_due", "starting_balance", "subtotal", "total", "total_excluding_tax"];
    json!([lines, sums.map(|sum| &invoice[sum]), invoice["total_taxes"]])
}

/// Returns the amounts grouped by a key.
fn by(key: &str, entries: &[&Value]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for entry in entries {
        *sums.entry(entry[key].to_string()).or_default() += number(&entry["amount"]);
    }
    sums
}

fn adds_up(invoice: &Value) -> TestCaseResult {
    let lines = list(&invoice["lines"]);
    let (mut subtotal, mut off, mut on_top) = (0, 0, 0);
    let (mut all_off, mut all_taxes) = (Vec::new(), Vec::new());
    for line in lines {
        let discounts = line["discounts"].as_array().unwrap();
        let mut rest = number(&line["amount"]);
        subtotal += rest;
        for one in line["discount_amounts"].as_array().unwrap() {
            let amount = number(&one["amount"]);
            prop_assert!(amount == 0 || (amount < 0) == (number(&line["amount"]) < 0), "{line}");
            rest -= amount;
            let of_the_item = discounts.contains(&one["discount"]);
            *(if of_the_item { &mut subtotal } else { &mut off }) +=
                if of_the_item { -amount } else { amount };
            all_off.push(one);
        }
        prop_assert!(rest == 0 || (rest < 0) == (number(&line["amount"]) < 0), "{line}");
        let taxes = line["taxes"].as_array().unwrap();
        let inside = |tax: &&Value| tax["tax_behavior"] == "inclusive";
        let included: i64 = taxes.iter().filter(inside).map(|tax| number(&tax["amount"])).sum();
        on_top +=
            taxes.iter().filter(|tax| !inside(tax)).map(|tax| number(&tax["amount"])).sum::<i64>();
        for tax in taxes {
            prop_assert_eq!(
                number(&tax["taxable_amount"]) + included,
                rest,
                "net and tax are gross"
            );
            all_taxes.push(tax);
        }
    }
    prop_assert_eq!(&invoice["subtotal"], subtotal);
    prop_assert_eq!(&invoice["total"], subtotal - off + on_top);
    let shown: Vec<&Value> = invoice["total_discount_amounts"].as_array().unwrap().iter().collect();
    prop_assert_eq!(by("discount", &shown), by("discount", &all_off));
    let shown: Vec<&Value> = invoice["total_taxes"].as_array().unwrap().iter().collect();
    prop_assert_eq!(by("tax_rate_details", &shown), by("tax_rate_details", &all_taxes));
    let [start, total, due] =
        ["starting_balance", "total", "amount_due"].map(|key| number(&invoice[key]));
    prop_assert!(due == 0 || due >= 50, "below the minimum nothing is charged");
    if invoice["status"] != "draft" {
        prop_assert_eq!(&invoice["ending_balance"], start + total - due);
        prop_assert_eq!(&invoice["amount_paid"], due);
    }
    Ok(())
}

/// Asserts that the credits for a line do not exceed its amount.
fn nothing_is_credited_twice(invoices: &[Value]) -> TestCaseResult {
    let net = |line: &Value| {
        let off = line["discount_amounts"].as_array().unwrap().iter();
        number(&line["amount"]) - off.map(|one| number(&one["amount"])).sum::<i64>()
    };
    let lines = || invoices.iter().flat_map(|invoice| list(&invoice["lines"]));
    let charged: BTreeMap<String, i64> = lines().map(|line| (id(line), net(line))).collect();
    let mut left: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for line in lines() {
        let details = &line["parent"]["subscription_item_details"]["proration_details"];
        let Some(origins) = details["credited_items"]["invoice_line_items"].as_array() else {
            continue;
        };
        let left = left
            .entry(origins.iter().map(|origin| origin.as_str().unwrap().to_owned()).collect())
            .or_insert_with_key(|origins| origins.iter().map(|origin| charged[origin]).sum());
        *left += net(line);
        prop_assert!(*left >= 0, "{line}");
    }
    Ok(())
}

/// Tests random values on one shop.
pub fn run<S: Strategy>(strategy: &S, test: impl Fn(&Shop, S::Value) -> TestCaseResult)
where
    S::Value: Clone,
{
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = ProptestConfig { cases: cases.unwrap_or(CASES), ..ProptestConfig::default() };
    let shop = Shop::new();
    if let Err(failure) = TestRunner::new(config).run(strategy, |value| test(&shop, value)) {
        panic!("{failure}");
    }
}

#[test]
fn random_changes_keep_invoices_balanced() {
    run(&life(), |shop, life| {
        let mut run = Run::begin(shop, &life);
        for action in &life.actions {
            run.perform(action)?;
        }
        run.renewal_is_as_previewed()?;
        run.check(&life)
    });
}

#[test]
fn reverted_change_costs_nothing_in_flexible_billing() {
    let few = || prop::collection::vec(0..8_usize, 0..=2);
    // Only lasting coupons: a used one would be missing on the way back.
    let lasting = || prop::collection::vec(prop::sample::select(vec![0_usize, 3, 4]), 0..=2);
    let prices = (0..64_usize, 0..64_usize, 1..30_i64, 0..30_i64);
    let strategy = (prices, lasting(), few(), 1..60 * DAY, any::<bool>());
    run(&strategy, |shop, ((from, to, quantity, other), discounts, rates, wait, itemized)| {
        let first = (from, quantity);
        let life = Life { classic: false, itemized, first, discounts, rates, actions: Vec::new() };
        let mut run = Run::begin(shop, &life);
        run.wait(wait);
        let item = id(&run.items()[0]);
        let before = run.invoices().len();
        for (price, quantity) in [(to, other), (from, quantity)] {
            let mut form = Form::default();
            form.set("items[0][id]", &item);
            form.set("items[0][price]", &shop.prices[price % shop.prices.len()]);
            form.set("items[0][quantity]", quantity);
            form.set("proration_behavior", "always_invoice");
            run.change(&form)?;
        }
        let invoices = run.invoices();
        let made = &invoices[..invoices.len() - before];
        let totals: Vec<i64> = made.iter().map(|invoice| number(&invoice["total"])).collect();
        prop_assert_eq!(totals.iter().sum::<i64>(), 0, "{:?}", totals);
        run.check(&life)
    });
}
