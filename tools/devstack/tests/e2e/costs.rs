//! Costs of plan changes, as `docs/plan-changes.md` shows them.
//!
//! The case makes each change of the page's table, asserts that the charge equals the preview and that the next invoice
//! equals the announced one, and compares the table. `UPDATE=1` updates the page.

use fixtures::WrittenPart;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cases;
use crate::clock::{DAY, HOUR, day};
use crate::harness::Harness;
use crate::payer::{Payer, Start, change_as_previewed, with};
use crate::stripe::text;

cases![plan_changes_cost_what_the_page_shows];

const TABLE: WrittenPart = WrittenPart {
    page: "plan-changes.md",
    begin: "<!-- costs: begin. Written by the test `costs`; UPDATE=1 updates it. -->\n",
    end: "<!-- costs: end -->",
};

/// The time of each change: 2027-04-16T00:00:00Z, the middle of a month of 30 days.
const NOW: i64 = 1_807_833_600;

/// Fifth part of a year of 365 days.
const FIFTH_OF_YEAR: i64 = 73 * DAY;

/// A plan and its interval.
type Plan = [&'static str; 2];

/// Course of a change after the preview.
enum Course {
    /// Paid at once, or there is nothing to pay.
    Paid,
    /// Paid by a bank debit, which is still processing.
    Debited,
    Declined,
    /// Paid after the customer authenticates the payment.
    Authenticated,
}

/// A row of the table.
struct Change {
    name: &'static str,
    from: Plan,
    to: Plan,
    age: i64,
    /// Returns additional parameters of the subscription.
    more: fn(&Harness) -> Vec<(&'static str, String)>,
    /// Prepares the customer for the change.
    prepare: fn(&Harness, &Payer),
    course: Course,
}

const PRO: Plan = ["pro", "month"];
const AGENCY: Plan = ["agency", "month"];

impl Change {
    /// An upgrade in the middle of the month, with a good card.
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            from: PRO,
            to: AGENCY,
            age: 15 * DAY,
            more: |_| Vec::new(),
            prepare: |_, _| {},
            course: Course::Paid,
        }
    }

    const fn with_card(name: &'static str, prepare: fn(&Harness, &Payer), course: Course) -> Self {
        Self { prepare, course, ..Self::named(name) }
    }
}

const CHANGES: &[Change] = &[
    Change::named("upgrade"),
    Change { from: AGENCY, to: ["starter", "month"], ..Change::named("downgrade") },
    Change { to: ["pro", "year"], ..Change::named("month to year") },
    Change {
        from: ["pro", "year"],
        to: PRO,
        age: FIFTH_OF_YEAR,
        ..Change::named("year to month, four fifths of the year left")
    },
    Change { from: ["hobby", "month"], to: PRO, ..Change::named("free to paid") },
    Change {
        more: |_| vec![("trial_period_days", "30".to_owned())],
        ..Change::named("in a trial")
    },
    Change { prepare: use_cpu, ..Change::named("usage so far of 6.00") },
    Change {
        to: ["pro", "year"],
        prepare: use_cpu,
        ..Change::named("usage so far of 6.00, new billing cycle")
    },
    Change {
        prepare: |harness, payer| harness.credit(&payer.customer.id, -1_000, "usd"),
        ..Change::named("credit balance of 10.00")
    },
    Change { more: tax, ..Change::named("tax of 20 %, exclusive") },
    Change { more: discount, ..Change::named("discount of 20 %") },
    Change::with_card(
        "card is declined",
        |harness, payer| harness.card(&payer.customer, "pm_card_chargeCustomerFail"),
        Course::Declined,
    ),
    Change::with_card(
        "card needs authentication",
        |harness, payer| harness.card(&payer.customer, "pm_card_authenticationRequired"),
        Course::Authenticated,
    ),
    Change::with_card(
        "bank debit",
        |harness, payer| harness.card(&payer.customer, "pm_usBankAccount"),
        Course::Debited,
    ),
];

/// Reports usage that costs 6.00 on Pro.
fn use_cpu(harness: &Harness, payer: &Payer) {
    let event = [
        ("event_name", "cantila_cpu"),
        ("payload[stripe_customer_id]", &*payer.customer.id),
        ("payload[value]", "2000"),
    ];
    harness.stripe_post("/billing/meter_events", &event);
}

fn tax(harness: &Harness) -> Vec<(&'static str, String)> {
    let tax = [("display_name", "VAT"), ("percentage", "20"), ("inclusive", "false")];
    vec![("default_tax_rates[0]", text(&harness.stripe_post("/tax_rates", &tax), "id"))]
}

fn discount(harness: &Harness) -> Vec<(&'static str, String)> {
    let coupon = [("percent_off", "20"), ("duration", "forever")];
    vec![("discounts[0][coupon]", text(&harness.stripe_post("/coupons", &coupon), "id"))]
}

fn plan_changes_cost_what_the_page_shows(harness: &Harness) {
    let columns =
        ["change", "from → to", "due now", "how it comes about", "next invoice", "outcome"];
    let mut table = format!("\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for (number, change) in CHANGES.iter().enumerate() {
        let cells = change.cells(harness, &format!("cost-{number}"));
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {} | {} |", change.name, cells.join(" | "));
    }
    TABLE.check(&format!("{table}\n"));
}

impl Change {
    /// Makes the change, and returns its cells.
    fn cells(&self, harness: &Harness, handle: &str) -> [String; 5] {
        let [tier, interval] = self.from;
        let more = (self.more)(harness);
        let more: Vec<_> = more.iter().map(|(name, value)| (*name, &**value)).collect();
        let start =
            Start { interval, age: self.age, at: Some(NOW), more: &more, ..Start::on(tier) };
        let payer = harness.payer(handle, start);
        (self.prepare)(harness, &payer);
        let (preview, outcome) = self.apply(harness, &payer);
        let next = self.next_invoice(harness, &payer, &preview);
        [
            format!("{} → {}", named(self.from), named(self.to)),
            text(&preview, "prorationAmount"),
            composition(&preview),
            next,
            outcome,
        ]
    }

    /// Sends the change with the quote of a preview, and asserts that the charge equals the preview. Returns the preview
    /// and the cell of the outcome.
    fn apply(&self, harness: &Harness, payer: &Payer) -> (Value, String) {
        let [tier, interval] = self.to;
        if matches!(self.course, Course::Paid) {
            let (preview, changed) = change_as_previewed(harness, payer, self.to, &[]);
            return (
                preview,
                format!("200 `{}`: {}", text(&changed, "outcome"), plan(harness, payer)),
            );
        }
        let body = json!({ "plan": tier, "interval": interval });
        let before = payer.ledger(harness);
        let preview = payer.preview(harness, &body);
        let quoted = with(&body, "quote", preview["quote"].clone());
        let response = payer.change(harness, &quoted);
        let (status, response) = (response.status, response.json());
        let outcome = match self.course {
            Course::Paid | Course::Debited => text(&response, "outcome"),
            Course::Declined | Course::Authenticated => text(&response, "error"),
        };
        let mut cell = format!("{status} `{outcome}`: {}", plan(harness, payer));
        match self.course {
            Course::Paid => {}
            Course::Declined => {
                assert_eq!(payer.ledger(harness), before, "nothing changes");
                cell.push_str("; nothing is charged");
            }
            Course::Debited => {
                let invoice = &response["invoice"];
                assert_eq!(invoice["amount"], preview["breakdown"]["total"]);
                assert_eq!(newest(harness, payer), due(&preview));
                let _ = write!(cell, "; its invoice is {}", shown_invoice(invoice));
            }
            Course::Authenticated => {
                assert_eq!(newest(harness, payer), due(&preview));
                authenticate(harness, payer);
                let paid = payer.ledger(harness).charges().1 - before.charges().1;
                assert_eq!(paid, due(&preview), "the amount due was charged");
                let _ = write!(cell, "; after the authentication {}", plan(harness, payer));
            }
        }
        (preview, cell)
    }

    /// Advances the clock to the next invoice, and returns its cell.
    fn next_invoice(&self, harness: &Harness, payer: &Payer, preview: &Value) -> String {
        let subscription = payer.at_stripe(harness);
        let ends = subscription["items"]["data"][0]["current_period_end"].as_i64();
        let ends = ends.expect("a moment");
        harness.advance(&payer.customer, ends + 2 * HOUR);
        let path = format!("/invoices?limit=1&customer={}", payer.customer.id);
        let invoice = harness.stripe(&path)["data"][0].take();
        assert_eq!(invoice["billing_reason"], "subscription_cycle", "{invoice:#}");
        let number = |field: &str| invoice[field].as_i64().expect("a number");
        let total = dollars(number("total"));
        let next = json!({ "date": day(ends), "amount": total });
        if !matches!(self.course, Course::Declined) {
            assert_eq!(preview["nextInvoice"], next, "{}: {preview:#} {invoice:#}", self.name);
        }
        let parts = [
            (usage_of(harness, &invoice, self.to), "of it usage"),
            (number("total") - number("amount_due"), "of it from the balance"),
        ];
        let parts = parts.iter().filter(|(amount, _)| *amount != 0);
        let parts = parts.map(|(amount, part)| format!("{} {part}", dollars(*amount)));
        let amounts: Vec<_> = std::iter::once(total).chain(parts).collect();
        format!("{}: {}", text(&next, "date"), amounts.join(", "))
    }
}

fn named([tier, interval]: Plan) -> String {
    if interval == "month" { format!("`{tier}`") } else { format!("`{tier}`, {interval}") }
}

/// Returns the account's current plan.
fn plan(harness: &Harness, payer: &Payer) -> String {
    let summary = harness.get("/v1/billing/summary", &payer.account.key, &[]).json();
    format!("`{}`", text(&summary, "plan"))
}

/// Returns the sum of the invoice's lines that do not bill a base price.
fn usage_of(harness: &Harness, invoice: &Value, to: Plan) -> i64 {
    let base = [PRO, to].map(|[tier, interval]| harness.prices(tier, interval).remove(0));
    let lines = invoice["lines"]["data"].as_array().expect("a list").iter();
    let price = |line: &Value| text(&line["pricing"]["price_details"], "price");
    lines
        .filter(|line| !base.contains(&price(line)))
        .map(|line| line["amount"].as_i64().expect("an amount"))
        .sum()
}

fn shown_invoice(invoice: &Value) -> String {
    format!("`{}`, its payment `{}`", text(invoice, "status"), text(invoice, "payment"))
}

/// Returns the amount due of the customer's newest invoice.
fn newest(harness: &Harness, payer: &Payer) -> i64 {
    let path = format!("/invoices?limit=1&customer={}", payer.customer.id);
    harness.stripe(&path)["data"][0]["amount_due"].as_i64().expect("an amount")
}

/// Completes the customer's authentication of the newest invoice.
fn authenticate(harness: &Harness, payer: &Payer) {
    let path = format!("/invoices?limit=1&customer={}", payer.customer.id);
    let invoice = text(&harness.stripe(&path)["data"][0], "id");
    let payments = harness.stripe(&format!("/invoice_payments?invoice={invoice}"));
    let intent = text(&payments["data"][0]["payment"], "payment_intent");
    let path = format!("/payment_intents/{intent}/authenticate");
    harness.sandbox("POST", &path, &json!({ "succeed": true }));
}

fn dollars(minor: i64) -> String {
    crate::payer::money(minor, "usd")
}

fn cents(amount: &Value) -> i64 {
    let digits = amount.as_str().expect("an amount").replace('.', "");
    digits.parse().expect("an amount")
}

fn due(preview: &Value) -> i64 {
    cents(&preview["breakdown"]["amountDue"])
}

/// Returns the parts of the amount due, and asserts that they add up to it.
fn composition(preview: &Value) -> String {
    let breakdown = &preview["breakdown"];
    let lines = preview["lines"].as_array().expect("a list");
    let sum = |is_part: fn(&Value) -> bool| -> i64 {
        lines.iter().filter(|line| is_part(line)).map(|line| cents(&line["amount"])).sum()
    };
    let usage = sum(|line| !line["meter"].is_null());
    let shown = if preview["usage"].is_null() { 0 } else { cents(&preview["usage"]["amount"]) };
    assert_eq!(shown, usage, "{preview:#}");
    let parts = [
        (sum(|line| line["meter"].is_null() && cents(&line["amount"]) < 0), "old plan"),
        (sum(|line| line["meter"].is_null() && cents(&line["amount"]) > 0), "new plan"),
        (usage, "usage"),
        (-cents(&breakdown["discount"]), "discount"),
        (cents(&breakdown["tax"]), "tax"),
        (-cents(&breakdown["creditApplied"]), "balance"),
    ];
    let due: i64 = parts.iter().map(|(amount, _)| amount).sum();
    assert_eq!(dollars(due), text(preview, "prorationAmount"), "{preview:#}");
    let parts = parts.iter().filter(|(amount, _)| *amount != 0);
    let parts: Vec<_> =
        parts.map(|(amount, part)| format!("{} {part}", dollars(*amount))).collect();
    let left = match cents(&breakdown["balanceAfter"]) {
        0 => String::new(),
        left => format!("; {} to the balance", dollars(left)),
    };
    if parts.is_empty() { "no invoice".to_owned() } else { parts.join(", ") + &left }
}
