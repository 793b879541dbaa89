//! Changes computed by hand: the preview, and the invoice of the update.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{Case, MIDDLE, START};
use crate::support::{Api, Form, amounts, id};

/// Change and its expected amounts.
struct Sum<'a> {
    /// Price and quantity, before and after.
    from: (&'a str, &'a str),
    to: (&'a str, &'a str),
    interval: &'a str,
    at: OffsetDateTime,
    taxed: bool,
    balance: &'a str,
    lines: &'a [i64],
    taxes: &'a [i64],
    subtotal: i64,
    total: i64,
    due: i64,
    ending_balance: i64,
}

const HALF_WAY: Sum<'_> = Sum {
    from: ("2000", "1"),
    to: ("5000", "1"),
    interval: "month",
    at: MIDDLE,
    taxed: false,
    balance: "0",
    lines: &[-1000, 2500],
    taxes: &[],
    subtotal: 1500,
    total: 1500,
    due: 1500,
    ending_balance: 0,
};

impl Sum<'_> {
    fn begin(&self) -> Case {
        let api = Api::new();
        let clock = api.clock_at(START);
        let base = api.monthly("Before", "usd", self.from.0);
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let mut form = vec![("items[0][quantity]", self.from.1)];
        let rate = [("display_name", "VAT"), ("percentage", "10"), ("inclusive", "false")];
        let rate = id(&api.post("/v1/tax_rates", &rate));
        form.extend(self.taxed.then_some(("default_tax_rates[0]", rate.as_str())));
        let sub = api.subscribe(&customer, &base, &form);
        api.advance(&clock, self.at);
        let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
        let case = Case { api, clock, customer, sub: id(&sub), item };
        if self.balance != "0" {
            case.credit(self.balance);
        }
        case
    }

    /// Checks the preview and the invoice. Returns the case and the invoice.
    #[track_caller]
    fn check(&self) -> (Case, Value) {
        let case = self.begin();
        let price = [
            ("currency", "usd"),
            ("unit_amount", self.to.0),
            ("recurring[interval]", self.interval),
        ];
        let price = case.api.price("After", &price);
        let reset = self.interval == "year";
        let mut form = vec![
            ("subscription_details[items][0][quantity]", self.to.1),
            ("subscription_details[proration_behavior]", "always_invoice"),
        ];
        form.extend(reset.then_some(("subscription_details[billing_cycle_anchor][type]", "now")));
        let preview = case.preview(&price, &form);
        let date = &preview["parent"]["subscription_details"]["subscription_proration_date"];
        let date = date.to_string();
        let form = [
            ("items[0][quantity]", self.to.1),
            ("proration_behavior", "always_invoice"),
            ("payment_behavior", "pending_if_incomplete"),
            if reset { ("billing_cycle_anchor[type]", "now") } else { ("proration_date", &date) },
        ];
        let changed = case.change(&price, &form);
        let invoice = changed["latest_invoice"].clone();
        self.compare("preview", &preview);
        self.compare("invoice", &invoice);
        assert_eq!(invoice["status"], "paid");
        assert_eq!(invoice["ending_balance"], self.ending_balance);
        assert_eq!(case.balance(), self.ending_balance);
        let payments = &case.api.invoice(&id(&invoice))["payments"]["data"];
        assert_eq!(payments.as_array().unwrap().len(), usize::from(self.due > 0));
        (case, invoice)
    }

    #[track_caller]
    fn compare(&self, name: &str, shown: &Value) {
        assert_eq!(amounts(shown), self.lines, "{name}");
        let taxes: Vec<i64> = shown["lines"]["data"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|line| line["taxes"].as_array().unwrap())
            .map(|tax| tax["amount"].as_i64().unwrap())
            .collect();
        assert_eq!(taxes, self.taxes, "{name}");
        let starting: i64 = self.balance.parse().unwrap();
        let sums = ["subtotal", "total", "starting_balance", "amount_due"].map(|key| &shown[key]);
        let expected = [self.subtotal, self.total, starting, self.due].map(|sum| json!(sum));
        assert_eq!(sums, expected.each_ref(), "{name}");
    }
}

#[test]
fn upgrade_at_half_period_with_tax_and_credit_matches_preview() {
    let sum = Sum {
        taxed: true,
        balance: "-400",
        taxes: &[-100, 250],
        total: 1650,
        due: 1250,
        ..HALF_WAY
    };
    sum.check();
}

#[test]
fn downgrade_at_half_period_becomes_credit() {
    let sum = Sum {
        from: ("5000", "1"),
        to: ("2000", "1"),
        taxed: true,
        balance: "-400",
        lines: &[-2500, 1000],
        taxes: &[-250, 100],
        subtotal: -1500,
        total: -1650,
        due: 0,
        ending_balance: -2050,
        ..HALF_WAY
    };
    sum.check();
}

#[test]
fn amount_below_the_minimum_is_added_to_the_next_invoice() {
    let sum = Sum {
        from: ("1940", "1"),
        to: ("2000", "1"),
        lines: &[-970, 1000],
        subtotal: 30,
        total: 30,
        due: 0,
        ending_balance: 30,
        ..HALF_WAY
    };
    let (case, _) = sum.check();
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let next = case.api.invoices(&case.sub).remove(0);
    assert_eq!((&next["total"], &next["starting_balance"]), (&json!(2000), &json!(30)));
    assert_eq!(next["amount_due"], 2030);
}

#[test]
fn change_to_yearly_bills_the_whole_year_without_proration() {
    let sum = Sum {
        to: ("20000", "1"),
        interval: "year",
        lines: &[-1000, 20000],
        subtotal: 19000,
        total: 19000,
        due: 19000,
        ..HALF_WAY
    };
    let (case, invoice) = sum.check();
    let prorations: Vec<&Value> = invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["parent"]["subscription_item_details"]["proration"] == true)
        .map(|line| &line["amount"])
        .collect();
    assert_eq!(prorations, [-1000]);
    let item = &case.shown()["items"]["data"][0];
    assert_eq!(item["current_period_start"], MIDDLE.unix_timestamp());
    assert_eq!(item["current_period_end"], datetime!(2028-04-16 00:00 UTC).unix_timestamp());
}

#[test]
fn each_line_is_rounded_separately() {
    let sum = Sum {
        from: ("1000", "3"),
        to: ("1000", "5"),
        at: datetime!(2027-04-21 00:00 UTC),
        lines: &[-1000, 1667],
        subtotal: 667,
        total: 667,
        due: 667,
        ..HALF_WAY
    };
    sum.check();
}

#[test]
fn preview_and_update_refuse_the_same_parameters() {
    let case = HALF_WAY.begin();
    let other = case.api.monthly("Other", "usd", "1");
    let before = datetime!(2027-03-31 23:59:59 UTC).unix_timestamp().to_string();
    let after = datetime!(2027-05-01 00:00 UTC).unix_timestamp().to_string();
    let middle = MIDDLE.unix_timestamp().to_string();
    let rows: [Form<'_>; 5] = [
        &[("[proration_date]", &before)],
        &[("[proration_date]", &after)],
        &[("[proration_date]", &middle), ("[proration_behavior]", "none")],
        &[("[proration_date]", &middle), ("[billing_cycle_anchor][type]", "now")],
        &[("[billing_cycle_anchor]", "now")],
    ];
    for row in rows {
        let item = [("[items][0][id]", case.item.as_str()), ("[items][0][price]", &other)];
        let row = [&item, row].concat();
        let refuse = |path: &str, prefix: &str, more: Form<'_>| {
            let names: Vec<String> = row.iter().map(|(name, _)| named(prefix, name)).collect();
            let form = names.iter().map(String::as_str).zip(row.iter().map(|(_, value)| *value));
            let form: Vec<(&str, &str)> = form.chain(more.iter().copied()).collect();
            case.api.refused(400, "POST", path, &form).message().to_owned()
        };
        let update = refuse(&format!("/v1/subscriptions/{}", case.sub), "", &[]);
        let preview = refuse(
            "/v1/invoices/create_preview",
            "subscription_details",
            &[("subscription", &case.sub)],
        );
        assert_eq!(update, preview);
    }
}

/// Returns `[a][b]` inside `prefix`, or `a[b]` at the top.
fn named(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.replacen('[', "", 1).replacen(']', "", 1)
    } else {
        format!("{prefix}{name}")
    }
}

#[test]
fn preview_shows_recurring_mode_and_updated_metadata() {
    let case = HALF_WAY.begin();
    let other = case.api.monthly("Other", "usd", "5000");
    let form = [
        ("preview_mode", "recurring"),
        ("subscription_details[metadata][operation]", "7"),
        ("subscription_details[proration_behavior]", "always_invoice"),
    ];
    let preview = case.preview(&other, &form);
    assert_eq!(amounts(&preview), [5000]);
    let details = &preview["parent"]["subscription_details"];
    assert_eq!(details["metadata"], json!({ "operation": "7" }));
    assert_eq!(case.shown()["metadata"], json!({}));
}
