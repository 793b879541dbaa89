//! Metered billing over several periods: volume tiers, flat fees, packages, allowances.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, Form, amounts, id, stamp};

const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
const MAY: OffsetDateTime = datetime!(2027-05-01 00:00 UTC);
const JUNE: OffsetDateTime = datetime!(2027-06-01 00:00 UTC);

/// Subscription with metered prices only, each with its own meter.
struct Metered {
    api: Api,
    clock: String,
    customer: String,
    sub: String,
}

fn metered(prices: &[(&str, &str, Form<'_>)]) -> Metered {
    let api = Api::new();
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let mut form = vec![("customer".to_owned(), customer.clone())];
    for (n, (event, formula, more)) in prices.iter().enumerate() {
        let meter = [
            ("display_name", *event),
            ("event_name", event),
            ("default_aggregation[formula]", formula),
        ];
        let meter = id(&api.post("/v1/billing/meters", &meter));
        let price = [
            ("currency", "usd"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ];
        let price = api.price(event, &[&price[..], more].concat());
        form.push((format!("items[{n}][price]"), price));
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (&**key, &**value)).collect();
    let sub = api.post("/v1/subscriptions", &form);
    assert_eq!((&sub["status"], &sub["latest_invoice"]), (&json!("active"), &Value::Null));
    Metered { api, clock, customer, sub: id(&sub) }
}

impl Metered {
    fn report(&self, event: &str, values: &[&str], at: OffsetDateTime) {
        for value in values {
            let form = [
                ("event_name", event),
                ("payload[stripe_customer_id]", self.customer.as_str()),
                ("payload[value]", value),
                ("timestamp", &at.unix_timestamp().to_string()),
            ];
            self.api.post("/v1/billing/meter_events", &form);
        }
    }

    /// Returns the invoice that is collected an hour after the period end.
    fn billed(&self, end: OffsetDateTime) -> Value {
        self.api.advance(&self.clock, end + time::Duration::HOUR);
        let invoice = self.api.invoices(&self.sub).remove(0);
        assert_eq!(
            (&invoice["period_end"], &invoice["status"]),
            (&stamp(end), &json!("paid")),
            "{invoice}"
        );
        invoice
    }
}

/// 100 included, then 2 cents up to 1000, then 1 cent, plus 5 dollars in the third tier.
const TIERS: Form<'_> = &[
    ("billing_scheme", "tiered"),
    ("tiers[0][up_to]", "100"),
    ("tiers[0][unit_amount]", "0"),
    ("tiers[1][up_to]", "1000"),
    ("tiers[1][unit_amount]", "2"),
    ("tiers[2][up_to]", "inf"),
    ("tiers[2][unit_amount]", "1"),
    ("tiers[2][flat_amount]", "500"),
];

#[test]
fn graduated_tiers_bill_each_unit_at_its_tier_and_restart_each_month() {
    let tiers = [TIERS, &[("tiers_mode", "graduated")]].concat();
    let it = metered(&[("egress", "sum", &tiers)]);
    it.api.advance(&it.clock, datetime!(2027-04-20 00:00 UTC));
    it.report("egress", &["900", "600"], datetime!(2027-04-12 00:00 UTC));
    // 100 × 0; 900 × 2 = 1800; 500 × 1 + 500 = 1000.
    assert_eq!(amounts(&it.billed(MAY)), [0, 1800, 1000]);
    it.report("egress", &["60"], MAY);
    it.report("egress", &["40"], datetime!(2027-05-01 00:30 UTC));
    // Within the allowance.
    assert_eq!(amounts(&it.billed(JUNE)), [0]);
}

#[test]
fn volume_tiers_bill_every_unit_at_the_reached_tier() {
    let tiers = [TIERS, &[("tiers_mode", "volume")]].concat();
    let it = metered(&[("egress", "sum", &tiers)]);
    it.report("egress", &["100"], START);
    assert_eq!(amounts(&it.billed(MAY)), [0]);
    it.report("egress", &["101"], MAY);
    // 101 × 2: volume pricing has no included units.
    assert_eq!(amounts(&it.billed(JUNE)), [202]);
    it.report("egress", &["1001"], JUNE);
    // 1001 × 1 + 500.
    assert_eq!(amounts(&it.billed(datetime!(2027-07-01 00:00 UTC))), [1501]);
}

#[test]
fn aggregations_are_billed_by_unit_and_by_package() {
    let packages = [
        ("unit_amount", "30"),
        ("transform_quantity[divide_by]", "1000"),
        ("transform_quantity[round]", "up"),
    ];
    let it = metered(&[
        ("requests", "sum", &packages),
        ("builds", "count", &[("unit_amount", "25")]),
        ("storage", "last", &[("unit_amount_decimal", "1.8")]),
    ]);
    it.api.advance(&it.clock, datetime!(2027-04-20 00:00 UTC));
    it.report("requests", &["1500", "501"], START);
    it.report("builds", &["9", "9", "9"], START);
    it.report("storage", &["500"], datetime!(2027-04-02 00:00 UTC));
    it.report("storage", &["123"], datetime!(2027-04-19 00:00 UTC));
    // 2001 requests are 3 packages: 90. Three builds: 75. 123 × 1.8 = 221.4.
    let invoice = it.billed(MAY);
    assert_eq!((amounts(&invoice), &invoice["amount_paid"]), (vec![90, 75, 221], &json!(386)));
    // No usage in the next month.
    assert_eq!(amounts(&it.billed(JUNE)), [0, 0, 0]);
}

#[test]
fn late_usage_counts_in_its_period_until_the_invoice_is_finalized() {
    let it = metered(&[("builds", "count", &[("unit_amount", "100")])]);
    it.api.advance(&it.clock, datetime!(2027-05-01 00:59:59 UTC));
    it.report("builds", &["1"], datetime!(2027-04-30 23:59:59 UTC));
    it.report("builds", &["1"], MAY);
    assert_eq!(amounts(&it.billed(MAY)), [100]);
    // Too late for April, and outside May.
    it.report("builds", &["1"], datetime!(2027-04-30 23:59:59 UTC));
    assert_eq!(amounts(&it.billed(JUNE)), [100]);
}
