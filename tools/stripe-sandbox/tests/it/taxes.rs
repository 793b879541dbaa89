//! Manual tax rates: exclusive, inclusive, several at once, on items, and for exempt customers.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, START, at_the_middle};
use crate::support::{Api, Form, amounts, id};

fn rate(api: &Api, percentage: &str, inclusive: &str) -> String {
    let form = [("display_name", "Tax"), ("percentage", percentage), ("inclusive", inclusive)];
    id(&api.post("/v1/tax_rates", &form))
}

fn first(api: &Api, amount: &str, customer: Form<'_>, more: Form<'_>) -> Value {
    let clock = api.clock_at(START);
    let price = api.monthly("Pro", "usd", amount);
    let customer = api.customer(&clock, Some("pm_card_visa"), customer);
    let sub = api.subscribe(&customer, &price, more);
    api.invoice(sub["latest_invoice"].as_str().unwrap())
}

fn sums(invoice: &Value) -> [i64; 4] {
    ["subtotal", "subtotal_excluding_tax", "total_excluding_tax", "total"]
        .map(|key| invoice[key].as_i64().unwrap())
}

fn taxes(invoice: &Value) -> Vec<i64> {
    let taxes = invoice["total_taxes"].as_array().unwrap();
    taxes.iter().map(|tax| tax["amount"].as_i64().unwrap()).collect()
}

#[test]
fn multiple_rates_on_a_line_share_a_base_and_round_separately() {
    let api = Api::new();
    let (gst, qst) = (rate(&api, "5", "false"), rate(&api, "9.975", "false"));
    let form = [("default_tax_rates[0]", gst.as_str()), ("default_tax_rates[1]", &qst)];
    let invoice = first(&api, "1999", &[], &form);
    // 99.95 and 199.40.
    assert_eq!((taxes(&invoice), sums(&invoice)), (vec![100, 199], [1999, 1999, 1999, 2298]));
    let (state, city) = (rate(&api, "6", "true"), rate(&api, "4", "true"));
    let form = [("default_tax_rates[0]", state.as_str()), ("default_tax_rates[1]", &city)];
    let invoice = first(&api, "1999", &[], &form);
    // Of 1999 are 1817.27 net, 109.04 and 72.69 tax.
    assert_eq!((taxes(&invoice), sums(&invoice)), (vec![109, 73], [1999, 1817, 1817, 1999]));
    let form = [("default_tax_rates[0]", state.as_str()), ("default_tax_rates[1]", &gst)];
    let invoice = first(&api, "1060", &[], &form);
    assert_eq!((taxes(&invoice), sums(&invoice)), (vec![60, 50], [1060, 1000, 1000, 1110]));
}

#[test]
fn item_tax_rates_replace_the_default_rates() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let (vat, low) = (rate(&api, "20", "false"), rate(&api, "5", "false"));
    let (books, tools) = (api.monthly("Books", "usd", "1000"), api.monthly("Tools", "usd", "1000"));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let form = [
        ("items[0][tax_rates][0]", low.as_str()),
        ("items[1][price]", &tools),
        ("default_tax_rates[0]", &vat),
    ];
    let sub = api.subscribe(&customer, &books, &form);
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!((taxes(&invoice), &invoice["total"]), (vec![50, 200], &json!(2250)));
    // Without its own rates, the default ones apply from the next line on. Nothing is prorated.
    let item = sub["items"]["data"][0]["id"].as_str().unwrap();
    let form = [("items[0][id]", item), ("items[0][tax_rates]", "")];
    let changed = api.post(&format!("/v1/subscriptions/{}", id(&sub)), &form);
    assert_eq!(changed["latest_invoice"], sub["latest_invoice"]);
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(api.invoices(&id(&sub))[0]["total"], 2400);
}

#[test]
fn credit_uses_the_charged_tax_rate() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let (old, new) = (rate(&api, "10", "false"), rate(&api, "20", "false"));
    let base = api.monthly("Starter", "usd", "2000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, &[("default_tax_rates[0]", &old)]);
    api.advance(&clock, datetime!(2027-04-16 00:00 UTC));
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    let case = Case { api, clock, customer, sub: id(&sub), item };
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let form = [("proration_behavior", "always_invoice"), ("default_tax_rates[0]", &new)];
    let invoice = case.change(&bigger, &form)["latest_invoice"].clone();
    assert_eq!(amounts(&invoice), [-1000, 2500]);
    assert_eq!((taxes(&invoice), &invoice["total"]), (vec![-100, 500], &json!(1900)));
}

#[test]
fn exempt_customers_pay_no_tax_and_the_invoice_states_the_reason() {
    let api = Api::new();
    let (vat, gst) = (rate(&api, "20", "false"), rate(&api, "10", "true"));
    for (status, reason) in [("exempt", "customer_exempt"), ("reverse", "reverse_charge")] {
        let form = [("default_tax_rates[0]", vat.as_str()), ("default_tax_rates[1]", &gst)];
        let invoice = first(&api, "1100", &[("tax_exempt", status)], &form);
        assert_eq!((taxes(&invoice), sums(&invoice)), (vec![0, 0], [1100; 4]), "{status}");
        assert_eq!(invoice["customer_tax_exempt"], status);
        let tax = &invoice["lines"]["data"][0]["taxes"][0];
        assert_eq!(
            (&tax["taxability_reason"], &tax["taxable_amount"]),
            (&json!(reason), &json!(0))
        );
    }
}

#[test]
fn discounts_apply_before_tax_and_reduce_inclusive_tax() {
    let api = Api::new();
    let half = id(&api.post("/v1/coupons", &[("percent_off", "50"), ("duration", "forever")]));
    let gst = rate(&api, "10", "true");
    let form = [("default_tax_rates[0]", gst.as_str()), ("discounts[0][coupon]", &half)];
    let invoice = first(&api, "1999", &[], &form);
    // 999 remain (1999.5 rounded up is 1000 off): 90.82 of inclusive tax, 181.73 before the
    // discount.
    assert_eq!((taxes(&invoice), sums(&invoice)), (vec![91], [1999, 1817, 908, 999]));
}

#[test]
fn balance_is_used_over_several_invoices_in_both_directions() {
    let case = at_the_middle("2000", &[]);
    case.credit("-4500");
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    case.api.advance(&case.clock, datetime!(2027-06-01 01:00 UTC));
    case.api.advance(&case.clock, datetime!(2027-07-01 01:00 UTC));
    case.credit("1250");
    case.api.advance(&case.clock, datetime!(2027-08-01 01:00 UTC));
    let invoices = case.api.invoices(&case.sub);
    let told: Vec<[i64; 3]> = invoices
        .iter()
        .rev()
        .skip(1)
        .map(|invoice| {
            ["starting_balance", "amount_due", "ending_balance"]
                .map(|key| invoice[key].as_i64().unwrap())
        })
        .collect();
    assert_eq!(told, [[-4500, 0, -2500], [-2500, 0, -500], [-500, 1500, 0], [1250, 3250, 0]]);
    assert_eq!(case.balance(), 0);
}
