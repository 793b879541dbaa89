//! One-off charges: `add_invoice_items`, invoice items and manual invoices.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, MIDDLE, START, at_the_middle};
use crate::support::{Api, Form, amounts, id, stamp};

const NOW: (&str, &str) = ("proration_behavior", "always_invoice");

/// Creates a one-time price.
fn fee(api: &Api, cents: &str) -> String {
    api.price("Migration", &[("currency", "usd"), ("unit_amount", cents)])
}

fn rate(api: &Api, percentage: &str, inclusive: &str) -> String {
    let form = [("display_name", "VAT"), ("percentage", percentage), ("inclusive", inclusive)];
    id(&api.post("/v1/tax_rates", &form))
}

fn half(api: &Api) -> String {
    id(&api.post("/v1/coupons", &[("percent_off", "50"), ("duration", "once")]))
}

fn pending(case: &Case) -> Vec<Value> {
    let form = [("customer", case.customer.as_str()), ("pending", "true")];
    case.api.get("/v1/invoiceitems", &form)["data"].as_array().unwrap().clone()
}

fn post(case: &Case, form: Form<'_>) -> Value {
    let form = [form, &[("expand[]", "latest_invoice")]].concat();
    case.api.post(&format!("/v1/subscriptions/{}", case.sub), &form)
}

fn totals(invoice: &Value) -> [i64; 3] {
    ["subtotal", "total", "amount_due"].map(|key| invoice[key].as_i64().unwrap())
}

#[test]
fn new_subscription_can_include_a_fee() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let (base, fee) = (api.monthly("Pro", "usd", "2000"), fee(&api, "700"));
    let (vat, low) = (rate(&api, "10", "false"), rate(&api, "5", "false"));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let form = [
        ("default_tax_rates[0]", vat.as_str()),
        ("add_invoice_items[0][price]", &fee),
        ("add_invoice_items[0][quantity]", "2"),
        ("add_invoice_items[1][price]", &fee),
        ("add_invoice_items[1][tax_rates][0]", &low),
        ("add_invoice_items[1][discounts][0][coupon]", &half(&api)),
        ("add_invoice_items[1][metadata][for]", "move"),
    ];
    let sub = api.subscribe(&customer, &base, &form);
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(amounts(&first), [2000, 1400, 700]);
    // 2000 and 1400 at 10 %, 350 at 5 %: 17.5 is rounded to even.
    assert_eq!(totals(&first), [3750, 3750 + 200 + 140 + 18, 4108]);
    let line = &first["lines"]["data"][2];
    assert_eq!(line["parent"]["type"], "invoice_item_details");
    assert_eq!(
        (&line["discount_amounts"][0]["amount"], &line["metadata"]["for"]),
        (&json!(350), &json!("move"))
    );
    assert_eq!(line["period"]["end"], sub["items"]["data"][0]["current_period_end"]);
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(amounts(&api.invoices(&id(&sub))[0]), [2000]);
}

#[test]
fn fee_is_charged_immediately_in_a_trial() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let (base, fee) = (api.monthly("Pro", "usd", "2000"), fee(&api, "700"));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let form = [("trial_period_days", "14"), ("add_invoice_items[0][price]", fee.as_str())];
    let sub = api.subscribe(&customer, &base, &form);
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!((amounts(&first), &first["amount_paid"]), (vec![0, 700], &json!(700)));
    assert_eq!(sub["status"], "trialing");
}

#[test]
fn fee_without_change_waits_for_the_renewal_in_flexible_billing_only() {
    for (mode, billed) in [("flexible", false), ("classic", true)] {
        let case = at_the_middle("2000", &[("billing_mode[type]", mode)]);
        let fee = fee(&case.api, "700");
        let first = case.shown()["latest_invoice"].clone();
        let form = [
            ("add_invoice_items[0][price]", fee.as_str()),
            NOW,
            ("payment_behavior", "pending_if_incomplete"),
        ];
        let changed = post(&case, &form);
        assert_eq!(changed["latest_invoice"]["id"] != first, billed, "{mode}");
        assert_eq!(pending(&case).len(), usize::from(!billed), "{mode}");
        case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
        let renewal = &case.api.invoices(&case.sub)[0];
        assert_eq!(renewal["total"], if billed { 2000 } else { 2700 }, "{mode}");
    }
}

#[test]
fn fee_with_a_change_is_on_its_invoice_and_in_its_pending_update() {
    let case = at_the_middle("2000", &[]);
    let (fee, bigger) = (fee(&case.api, "700"), case.api.monthly("Pro", "usd", "5000"));
    let form =
        [NOW, ("payment_behavior", "pending_if_incomplete"), ("add_invoice_items[0][price]", &fee)];
    case.use_card("pm_card_chargeCustomerFail");
    let waiting = case.change(&bigger, &form);
    assert_eq!(amounts(&waiting["latest_invoice"]), [-1000, 2500, 700]);
    assert!(waiting["pending_update"]["subscription_items"].is_array());
    let card = case.use_card("pm_card_visa");
    let paid = case.change(&bigger, &[NOW, ("add_invoice_items[0][price]", &fee)]);
    assert_eq!(
        amounts(&paid["latest_invoice"]),
        [-1000, 2500, 700],
        "the other one is void: {card}"
    );
    assert_eq!(paid["latest_invoice"]["amount_paid"], 2200);
    assert_eq!(pending(&case), Vec::<Value>::new());
}

#[test]
fn fee_has_the_requested_period() {
    let case = at_the_middle("2000", &[]);
    let fee = fee(&case.api, "700");
    let at = datetime!(2027-04-20 00:00 UTC).unix_timestamp().to_string();
    let rows: [(Form<'_>, Value, Value); 3] = [
        (&[], stamp(START), stamp(datetime!(2027-05-01 00:00 UTC))),
        (
            &[
                ("add_invoice_items[0][period][start][type]", "now"),
                ("add_invoice_items[0][period][end][type]", "min_item_period_end"),
            ],
            stamp(MIDDLE),
            stamp(datetime!(2027-05-01 00:00 UTC)),
        ),
        (
            &[
                ("add_invoice_items[0][period][start][type]", "max_item_period_start"),
                ("add_invoice_items[0][period][end][type]", "timestamp"),
                ("add_invoice_items[0][period][end][timestamp]", &at),
            ],
            stamp(START),
            stamp(datetime!(2027-04-20 00:00 UTC)),
        ),
    ];
    for (form, start, end) in rows {
        post(&case, &[&[("add_invoice_items[0][price]", fee.as_str())], form].concat());
        assert_eq!(pending(&case)[0]["period"], json!({ "start": start, "end": end }));
    }
    let recurring = case.api.monthly("Pro", "usd", "1");
    let path = format!("/v1/subscriptions/{}", case.sub);
    let form = [("add_invoice_items[0][price]", recurring.as_str())];
    let refusal = case.api.refused(400, "POST", &path, &form);
    assert!(refusal.message().contains("only accepts prices with `type=one_time`"));
}

#[test]
fn invoice_item_uses_its_own_tax_and_discounts_or_those_of_the_invoice() {
    let case = at_the_middle("2000", &[]);
    let vat = rate(&case.api, "20", "false");
    post(&case, &[("default_tax_rates[0]", &vat)]);
    let low = rate(&case.api, "10", "true");
    let item = |more: Form<'_>| {
        let form = [
            &[("customer", case.customer.as_str()), ("amount", "1100"), ("currency", "usd")],
            more,
        ];
        case.api.post("/v1/invoiceitems", &form.concat())
    };
    let discounted = item(&[
        ("subscription", &case.sub),
        ("tax_rates[0]", &low),
        ("discounts[0][coupon]", &half(&case.api)),
        ("expand[]", "discounts"),
    ]);
    assert_eq!(discounted["discounts"][0]["invoice_item"], discounted["id"]);
    item(&[("subscription", &case.sub), ("discountable", "false")]);
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let renewal = &case.api.invoices(&case.sub)[0];
    // 2000 and 1100 with 20 % added, 550 with 10 % included.
    assert_eq!(totals(renewal), [3650, 3650 + 400 + 220, 4270]);
    let inside = |tax: &&Value| tax["tax_behavior"] == "inclusive";
    let taxes = renewal["total_taxes"].as_array().unwrap();
    assert_eq!(taxes.iter().find(inside).unwrap()["amount"], 50);
    assert_eq!(renewal["subtotal_excluding_tax"], 3600);
    assert_eq!(renewal["total_excluding_tax"], 3600);
}

#[test]
fn manual_invoice_totals_include_discounts_and_taxes() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let (vat, fee) = (rate(&api, "19", "false"), fee(&api, "333"));
    let five = id(&api
        .post("/v1/coupons", &[("amount_off", "500"), ("currency", "usd"), ("duration", "once")]));
    let form = [
        ("customer", customer.as_str()),
        ("currency", "usd"),
        ("default_tax_rates[0]", &vat),
        ("discounts[0][coupon]", &five),
    ];
    let invoice = id(&api.post("/v1/invoices", &form));
    let rows: [Form<'_>; 4] = [
        &[("pricing[price]", &fee), ("quantity", "3")],
        &[("unit_amount_decimal", "0.5"), ("quantity", "5"), ("currency", "usd")],
        &[("amount", "-200"), ("currency", "usd")],
        &[("amount", "1000"), ("currency", "usd"), ("discounts[0][coupon]", &half(&api))],
    ];
    for row in rows {
        let form = [&[("customer", customer.as_str()), ("invoice", &invoice)], row].concat();
        api.post("/v1/invoiceitems", &form);
    }
    let path = format!("/v1/invoices/{invoice}");
    let draft = api.get(&path, &[]);
    assert_eq!(amounts(&draft), [999, 3, -200, 1000]);
    // 500 off of 999, 3 and 500: 332.6, 1.0 and 166.4, the largest remainders rounded up.
    let off: Vec<i64> = draft["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|line| line["discount_amounts"].as_array().unwrap())
        .filter(|one| one["discount"] == draft["discounts"][0])
        .map(|one| one["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(off, [333, 1, 166]);
    // Tax by line: 19 % of 666, 2, −200 and 334 is 126.54, 0.38, −38 and 63.46.
    assert_eq!(totals(&draft), [1302, 802 + 127 - 38 + 63, 954]);
    let paid = api.post(&format!("{path}/pay"), &[]);
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(954)));
}

#[test]
fn preview_can_include_one_off_items_with_discounts_and_taxes() {
    let case = at_the_middle("2000", &[]);
    let vat = rate(&case.api, "10", "false");
    post(&case, &[("default_tax_rates[0]", &vat)]);
    let form = [
        ("subscription", case.sub.as_str()),
        ("invoice_items[0][amount]", "1000"),
        ("invoice_items[0][currency]", "usd"),
        ("invoice_items[0][discounts][0][coupon]", &half(&case.api)),
    ];
    let preview = case.api.post("/v1/invoices/create_preview", &form);
    assert_eq!(totals(&preview), [2500, 2750, 2750]);
    assert_eq!(pending(&case), Vec::<Value>::new());
}
