//! Discounts of items and subscriptions: duration, order and proration.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{Case, at_the_middle};
use crate::support::{Api, Form, amounts, id, stamp};

const NOW: (&str, &str) = ("proration_behavior", "always_invoice");
const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);

fn percent(api: &Api, percent: &str, duration: &str) -> String {
    id(&api.post("/v1/coupons", &[("percent_off", percent), ("duration", duration)]))
}

fn dollars_off(api: &Api, cents: &str, duration: &str) -> String {
    let form = [("amount_off", cents), ("currency", "usd"), ("duration", duration)];
    id(&api.post("/v1/coupons", &form))
}

fn redeemed(api: &Api, coupon: &str) -> Value {
    api.get(&format!("/v1/coupons/{coupon}"), &[])["times_redeemed"].clone()
}

fn totals(case: &Case) -> Vec<i64> {
    let invoices = case.api.invoices(&case.sub);
    invoices.iter().rev().map(|invoice| invoice["total"].as_i64().unwrap()).collect()
}

/// Returns the discount amounts of each invoice line.
fn off(invoice: &Value) -> Vec<Vec<i64>> {
    let line = |line: &Value| {
        let amounts = line["discount_amounts"].as_array().unwrap();
        amounts.iter().map(|one| one["amount"].as_i64().unwrap()).collect()
    };
    invoice["lines"]["data"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn item_discount_applies_to_its_item_and_reduces_the_subtotal() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let (half, tenth) = (percent(&api, "50", "forever"), percent(&api, "10", "forever"));
    let (small, large) = (api.monthly("Small", "usd", "1000"), api.monthly("Large", "usd", "3000"));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let form = [
        ("items[0][discounts][0][coupon]", half.as_str()),
        ("items[1][price]", &large),
        ("discounts[0][coupon]", &tenth),
        ("expand[]", "items.data.discounts"),
    ];
    let sub = api.subscribe(&customer, &small, &form);
    let item = &sub["items"]["data"][0];
    assert_eq!(item["discounts"][0]["subscription_item"], item["id"]);
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(amounts(&invoice), [1000, 3000]);
    // The half comes off first: 500 and 3000 are left, then a tenth comes off.
    assert_eq!(off(&invoice), [vec![500, 50], vec![300]]);
    assert_eq!((&invoice["subtotal"], &invoice["total"]), (&json!(3500), &json!(3150)));
    assert_eq!(redeemed(&api, &half), 1);
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(api.invoices(&id(&sub))[0]["total"], 3150);
}

#[test]
fn once_and_repeating_item_coupons_end() {
    let rows: [(Form<'_>, [i64; 4]); 3] = [
        (&[("percent_off", "50"), ("duration", "once")], [500, 1000, 1000, 1000]),
        (
            &[("percent_off", "50"), ("duration", "repeating"), ("duration_in_months", "2")],
            [500, 500, 1000, 1000],
        ),
        (
            &[("amount_off", "300"), ("currency", "usd"), ("duration", "forever")],
            [700, 700, 700, 700],
        ),
    ];
    for (form, expected) in rows {
        let case = at_the_middle("1000", &[]);
        let coupon = id(&case.api.post("/v1/coupons", form));
        let customer = case.api.customer(&case.clock, Some("pm_card_visa"), &[]);
        let price = case.api.monthly("Pro", "usd", "1000");
        let form = [("items[0][discounts][0][coupon]", coupon.as_str())];
        let sub = case.api.subscribe(&customer, &price, &form);
        let months = [
            datetime!(2027-05-16 01:00 UTC),
            datetime!(2027-06-16 01:00 UTC),
            datetime!(2027-07-16 01:00 UTC),
        ];
        for month in months {
            case.api.advance(&case.clock, month);
        }
        assert_eq!(totals(&Case { sub: id(&sub), ..case }), expected);
    }
}

#[test]
fn repeating_coupon_has_an_end_and_leaves_the_subscription() {
    let case = at_the_middle("1000", &[]);
    let form = [("percent_off", "50"), ("duration", "repeating"), ("duration_in_months", "1")];
    let coupon = id(&case.api.post("/v1/coupons", &form));
    let path = format!("/v1/subscriptions/{}", case.sub);
    let form = [("discounts[0][coupon]", coupon.as_str()), ("expand[]", "discounts")];
    let discount = case.api.post(&path, &form)["discounts"][0].clone();
    assert_eq!(discount["start"], stamp(datetime!(2027-04-16 00:00 UTC)));
    assert_eq!(discount["end"], stamp(datetime!(2027-05-16 00:00 UTC)));
    // It applies to the renewal of May, not to that of June.
    case.api.advance(&case.clock, datetime!(2027-05-15 23:59:59 UTC));
    assert_eq!(case.shown()["discounts"], json!([discount["id"]]));
    case.api.advance(&case.clock, datetime!(2027-05-16 00:00 UTC));
    assert_eq!(case.shown()["discounts"], json!([]));
    case.api.advance(&case.clock, datetime!(2027-06-01 01:00 UTC));
    assert_eq!(totals(&case), [1000, 500, 1000]);
}

#[test]
fn change_with_item_discount_matches_its_preview() {
    let case = at_the_middle("2000", &[]);
    let half = percent(&case.api, "50", "forever");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let form = [
        ("subscription_details[items][0][discounts][0][coupon]", half.as_str()),
        ("subscription_details[proration_behavior]", "always_invoice"),
    ];
    let preview = case.preview(&bigger, &form);
    // Half a month of 50 dollars, half of which is discounted before the line is created.
    assert_eq!(amounts(&preview), [-1000, 1250]);
    assert_eq!(redeemed(&case.api, &half), 0);
    case.use_card("pm_card_chargeCustomerFail");
    let form = [
        ("items[0][discounts][0][coupon]", half.as_str()),
        NOW,
        ("payment_behavior", "pending_if_incomplete"),
    ];
    let waiting = case.change(&bigger, &form);
    assert_eq!(amounts(&waiting["latest_invoice"]), amounts(&preview));
    let pending = &waiting["pending_update"]["subscription_items"][0];
    assert_eq!(pending["discounts"].as_array().unwrap().len(), 1);
    assert_eq!(case.shown()["items"]["data"][0]["discounts"], json!([]));
    assert_eq!(redeemed(&case.api, &half), 0, "it counts when it is used");
    let card = case.use_card("pm_card_visa");
    let path = format!("/v1/invoices/{}/pay", id(&waiting["latest_invoice"]));
    case.api.post(&path, &[("payment_method", &card)]);
    assert_eq!(redeemed(&case.api, &half), 1);
    let item = case.shown()["items"]["data"][0].clone();
    assert_eq!((&item["price"]["id"], &item["discounts"]), (&json!(bigger), &pending["discounts"]));
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(case.api.invoices(&case.sub)[0]["total"], 2500);
}

#[test]
fn refused_change_removes_its_discount() {
    let case = at_the_middle("2000", &[]);
    let form = [("percent_off", "50"), ("duration", "forever"), ("max_redemptions", "1")];
    let single = id(&case.api.post("/v1/coupons", &form));
    case.use_card("pm_card_chargeCustomerFail");
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let form = [
        ("items[0][id]", case.item.as_str()),
        ("items[0][price]", &bigger),
        ("items[0][discounts][0][coupon]", &single),
        NOW,
        ("payment_behavior", "error_if_incomplete"),
    ];
    let path = format!("/v1/subscriptions/{}", case.sub);
    case.api.refused(402, "POST", &path, &form);
    assert_eq!(redeemed(&case.api, &single), 0);
    assert_eq!(case.shown()["items"]["data"][0]["discounts"], json!([]));
    case.use_card("pm_card_visa");
    case.api.post(&path, &form);
    assert_eq!(redeemed(&case.api, &single), 1);
    let again = [("items[0][id]", case.item.as_str()), ("items[0][discounts][0][coupon]", &single)];
    assert_eq!(case.api.refused(400, "POST", &path, &again).code(), "coupon_expired");
}

#[test]
fn price_change_keeps_the_item_discount_and_credits_the_paid_amount() {
    for mode in ["flexible", "classic"] {
        let api = Api::new();
        let clock = api.clock_at(START);
        let half = percent(&api, "50", "forever");
        let base = api.monthly("Starter", "usd", "2000");
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let form =
            [("items[0][discounts][0][coupon]", half.as_str()), ("billing_mode[type]", mode)];
        let sub = api.subscribe(&customer, &base, &form);
        api.advance(&clock, datetime!(2027-04-16 00:00 UTC));
        let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
        let case = Case { api, clock, customer, sub: id(&sub), item };
        let bigger = case.api.monthly("Pro", "usd", "5000");
        let changed = case.change(&bigger, &[NOW]);
        assert_eq!(amounts(&changed["latest_invoice"]), [-500, 1250], "{mode}");
        assert_eq!(off(&changed["latest_invoice"]), [[0], [0]], "included, so named with nothing");
        let items = &changed["items"]["data"][0];
        assert_eq!(items["discounts"], sub["items"]["data"][0]["discounts"]);
    }
}

#[test]
fn new_discounts_apply_from_the_next_invoice() {
    let case = at_the_middle("1000", &[]);
    let half = percent(&case.api, "50", "forever");
    let form = [
        ("items[0][id]", case.item.as_str()),
        ("items[0][discounts][0][coupon]", &half),
        NOW,
        ("payment_behavior", "pending_if_incomplete"),
    ];
    let path = format!("/v1/subscriptions/{}", case.sub);
    let changed = case.api.post(&path, &form);
    assert_eq!((totals(&case), &changed["pending_update"]), (vec![1000], &Value::Null));
    let kept = changed["items"]["data"][0]["discounts"][0].as_str().unwrap().to_owned();
    // An existing discount can be kept beside a new one. An empty list removes all.
    let tenth = percent(&case.api, "10", "forever");
    let form = [
        ("items[0][id]", case.item.as_str()),
        ("items[0][discounts][0][discount]", &kept),
        ("items[0][discounts][1][coupon]", &tenth),
    ];
    let two = case.api.post(&path, &form)["items"]["data"][0]["discounts"].clone();
    assert_eq!((&two[0], two.as_array().unwrap().len()), (&json!(kept), 2));
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(totals(&case), [1000, 450]);
    case.api.post(&path, &[("items[0][id]", &case.item), ("items[0][discounts]", "")]);
    case.api.advance(&case.clock, datetime!(2027-06-01 01:00 UTC));
    assert_eq!(totals(&case), [1000, 450, 1000]);
    let form =
        [("items[0][id]", case.item.as_str()), ("items[0][discounts][0][discount]", "di_none")];
    case.api.refused(400, "POST", &path, &form);
}

#[test]
fn discounts_apply_in_the_given_order() {
    let rows = [(["percent", "amount"], 400, [500, 100]), (["amount", "percent"], 450, [100, 450])];
    for (order, total, amounts_off) in rows {
        let case = at_the_middle("1000", &[]);
        let half = percent(&case.api, "50", "forever");
        let dollar = dollars_off(&case.api, "100", "forever");
        let coupon = |kind: &str| if kind == "percent" { half.clone() } else { dollar.clone() };
        let (first, second) = (coupon(order[0]), coupon(order[1]));
        let price = case.api.monthly("Pro", "usd", "1000");
        let customer = case.api.customer(&case.clock, Some("pm_card_visa"), &[]);
        let form = [("discounts[0][coupon]", first.as_str()), ("discounts[1][coupon]", &second)];
        let sub = case.api.subscribe(&customer, &price, &form);
        let invoice = case.api.invoice(sub["latest_invoice"].as_str().unwrap());
        assert_eq!((&invoice["total"], off(&invoice)), (&json!(total), vec![amounts_off.to_vec()]));
    }
}

#[test]
fn coupon_can_be_limited_to_products_and_currencies() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let (base, support) = (api.product("Base"), api.product("Support"));
    let price = |product: &str, amount: &str| {
        let form = [
            ("product", product),
            ("currency", "usd"),
            ("unit_amount", amount),
            ("recurring[interval]", "month"),
            ("currency_options[eur][unit_amount]", amount),
        ];
        id(&api.post("/v1/prices", &form))
    };
    let (base_price, support_price) = (price(&base, "1000"), price(&support, "4000"));
    let form = [
        ("amount_off", "1500"),
        ("currency", "usd"),
        ("currency_options[eur][amount_off]", "700"),
        ("duration", "forever"),
        ("applies_to[products][0]", &base),
    ];
    let coupon = id(&api.post("/v1/coupons", &form));
    for (currency, off_base) in [("usd", 1000), ("eur", 700)] {
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let form = [
            ("items[1][price]", support_price.as_str()),
            ("discounts[0][coupon]", &coupon),
            ("currency", currency),
        ];
        let sub = api.subscribe(&customer, &base_price, &form);
        let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
        assert_eq!(off(&invoice), [vec![off_base], vec![]], "{currency}");
        assert_eq!(invoice["total"], 5000 - off_base);
    }
    let pounds = api.monthly("Pounds", "gbp", "1000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let form = [
        ("customer", customer.as_str()),
        ("items[0][price]", &pounds),
        ("discounts[0][coupon]", &coupon),
    ];
    let refusal = api.refused(400, "POST", "/v1/subscriptions", &form);
    assert!(refusal.message().contains("does not support the currency gbp"));
    assert_eq!(redeemed(&api, &coupon), 2);
}

#[test]
fn itemized_prorations_list_discounts_at_the_same_total() {
    let change = |shown: &str| {
        let case = at_the_middle("1000", &[]);
        let third = percent(&case.api, "33.3", "forever");
        let customer = case.api.customer(&case.clock, Some("pm_card_visa"), &[]);
        let (base, bigger) =
            (case.api.monthly("Small", "usd", "1999"), case.api.monthly("Big", "usd", "4999"));
        let form = [
            ("discounts[0][coupon]", third.as_str()),
            ("billing_mode[type]", "flexible"),
            ("billing_mode[flexible][proration_discounts]", shown),
        ];
        let sub = case.api.subscribe(&customer, &base, &form);
        assert_eq!(sub["billing_mode"]["flexible"]["proration_discounts"], shown);
        case.api.advance(&case.clock, datetime!(2027-05-01 00:00 UTC));
        let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
        let case = Case { sub: id(&sub), item, customer, ..case };
        case.change(&bigger, &[NOW])["latest_invoice"].clone()
    };
    let (included, itemized) = (change("included"), change("itemized"));
    // 1999 less 666 were charged, half of which is 666.5; 4999 less 1665 will be, half is 1667.
    assert_eq!((amounts(&included), off(&included)), (vec![-667, 1667], vec![vec![0], vec![0]]));
    assert_eq!(
        (amounts(&itemized), off(&itemized)),
        (vec![-1000, 2499], vec![vec![-333], vec![832]])
    );
    assert_eq!((&included["subtotal"], &itemized["subtotal"]), (&json!(1000), &json!(1499)));
    assert_eq!((&included["total"], &itemized["total"]), (&json!(1000), &json!(1000)));
    assert_eq!(itemized["total_discount_amounts"][0]["amount"], 499);
}

#[test]
fn prorated_cancellation_credits_at_most_the_paid_amount() {
    for mode in ["flexible", "classic"] {
        let api = Api::new();
        let clock = api.clock_at(START);
        let half = percent(&api, "50", "forever");
        let base = api.monthly("Starter", "usd", "2000");
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let form = [("discounts[0][coupon]", half.as_str()), ("billing_mode[type]", mode)];
        let sub = api.subscribe(&customer, &base, &form);
        api.advance(&clock, datetime!(2027-04-16 00:00 UTC));
        let path = format!("/v1/subscriptions/{}", id(&sub));
        api.delete(&path, &[("prorate", "true"), ("invoice_now", "true")]);
        assert_eq!(api.invoices(&id(&sub))[0]["total"], -500, "{mode}");
    }
}
