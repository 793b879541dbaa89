//! Property test: a change charges its preview, for random plans, quantities, taxes, discounts, balances and usage.
//!
//! `E2E_CASES` sets the number of subscriptions, each with up to a dozen changes. `E2E_SEED` repeats a failed run.

use serde_json::json;

use crate::cases;
use crate::clock::DAY;
use crate::dice::Dice;
use crate::harness::Harness;
use crate::payer::{Start, change_as_previewed};
use crate::stripe::text;

cases![random_changes_charge_their_previews];

const TIMES: u64 = 20;

const PLANS: [&str; 4] = ["hobby", "starter", "pro", "agency"];
const INTERVALS: [&str; 3] = ["month", "month", "year"];
const METERS: [&str; 5] = ["cpu", "ram", "egress", "storage", "database"];

pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn random_changes_charge_their_previews(harness: &Harness) {
    let seed = setting("E2E_SEED").unwrap_or_else(|| crate::clock::now().unsigned_abs());
    let mut dice = Dice(seed);
    for case in 0..setting("E2E_CASES").unwrap_or(TIMES) {
        let report = Report { seed, case, text: std::cell::RefCell::default() };
        one(harness, &mut dice, &report);
    }
}

/// Describes the case; prints the description if the case panics.
struct Report {
    seed: u64,
    case: u64,
    text: std::cell::RefCell<String>,
}

impl Report {
    fn note(&self, text: &str) {
        self.text.borrow_mut().push_str(text);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("case {} of E2E_SEED={}: {}", self.case, self.seed, self.text.borrow());
        }
    }
}

/// Returns random parameters for tax, discount and trial.
fn terms(harness: &Harness, dice: &mut Dice) -> Vec<(&'static str, String)> {
    let mut more = Vec::new();
    if dice.one_in(2) {
        let rate = dice.pick(&["7.7", "19", "20", "8.875"]);
        let inclusive = dice.pick(&["true", "false"]);
        let tax = [("display_name", "VAT"), ("percentage", rate), ("inclusive", inclusive)];
        let tax = text(&harness.stripe_post("/tax_rates", &tax), "id");
        more.push(("default_tax_rates[0]", tax));
    }
    if dice.one_in(2) {
        let duration = ("duration", dice.pick(&["once", "forever"]));
        let amount = dice.between(1, 4_000).to_string();
        let percent = dice.between(1, 100).to_string();
        let off = if dice.one_in(2) {
            vec![duration, ("percent_off", &percent)]
        } else {
            vec![duration, ("amount_off", &amount), ("currency", "usd")]
        };
        let coupon = harness.stripe_post("/coupons", &off);
        more.push(("discounts[0][coupon]", text(&coupon, "id")));
    }
    if dice.one_in(6) {
        more.push(("trial_period_days", dice.between(1, 60).to_string()));
    }
    more
}

fn one(harness: &Harness, dice: &mut Dice, report: &Report) {
    let (tier, interval) = (dice.pick(&PLANS), dice.pick(&INTERVALS));
    let mut more = terms(harness, dice);
    let mut prices = harness.prices(tier, interval);
    let mut kept = Vec::new();
    more.push(("items[0][quantity]", dice.pick(&[1, 1, 1, 2, 7]).to_string()));
    let quantity = format!("items[{}][quantity]", prices.len());
    let count = dice.between(1, 9);
    if dice.one_in(3) {
        let add_on = harness.add_on(interval, "usd", &dice.between(1, 3_000).to_string());
        prices.push(add_on.clone());
        kept.push((add_on, json!(count)));
    }
    let mut form: Vec<(&str, &str)> =
        more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let count = count.to_string();
    if !kept.is_empty() {
        form.push((&quantity, &count));
    }
    let age = dice.between(60, 27 * DAY);
    let start = Start { interval, age, more: &form, ..Start::on(tier) };
    report.note(&format!("{tier} by the {interval}, {age} s old, {form:?}"));
    let handle = format!("dice-{}-{}", report.seed, report.case);
    let payer = harness.payer_of(&handle, &prices, start);
    if dice.one_in(2) {
        for meter in METERS {
            let event = format!("cantila_{meter}");
            let value = dice.between(0, 6_000).to_string();
            let event = [
                ("event_name", &*event),
                ("payload[stripe_customer_id]", &payer.customer.id),
                ("payload[value]", &value),
            ];
            harness.stripe_post("/billing/meter_events", &event);
            report.note(&format!(", {meter} {value}"));
        }
    }
    let mut current = [tier, interval];
    for _ in 0..=dice.below(13) {
        if dice.one_in(2) {
            let balance = dice.between(-6_000, 3_000);
            // Stripe refuses a transaction of 0.
            let balance = if balance == 0 { 1 } else { balance };
            harness.credit(&payer.customer.id, balance, "usd");
            report.note(&format!(", balance {balance}"));
        }
        // With an add-on the interval stays, because all items of a subscription share it.
        let mut to = [dice.pick(&PLANS), dice.pick(&INTERVALS)];
        if !kept.is_empty() {
            to[1] = interval;
        }
        if to == current {
            continue;
        }
        report.note(&format!(", to {to:?}"));
        change_as_previewed(harness, &payer, to, &kept);
        current = to;
    }
}
