//! Amounts from Stripe's documentation and from measurements.

use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::case::Case;
use crate::support::{Api, Form, amounts, id};

const NOW: (&str, &str) = ("proration_behavior", "always_invoice");

/// Returns a subscription that began at `start`, at a later time.
fn later(start: OffsetDateTime, at: OffsetDateTime, price: Form<'_>, more: Form<'_>) -> Case {
    let api = Api::new();
    let clock = api.clock_at(start);
    let base = api.price("Gold product", price);
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, more);
    api.advance(&clock, at);
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    Case { api, clock, customer, sub: id(&sub), item }
}

fn monthly<'a>(currency: &'a str, amount: &'a str) -> [(&'a str, &'a str); 3] {
    [("currency", currency), ("unit_amount", amount), ("recurring[interval]", "month")]
}

#[test]
fn documented_proration_of_445540_of_2678400_seconds_matches() {
    let (start, end) = (datetime!(2020-08-05 12:00 UTC), datetime!(2020-09-05 12:00 UTC));
    let case = later(start, end - Duration::seconds(445_540), &monthly("usd", "1000"), &[]);
    let dear = case.api.monthly("Gold product", "usd", "3252");
    // 1000 · 445540 / 2678400 = 166.35 and 3252 · 445540 / 2678400 = 540.96.
    let changed = case.change(&dear, &[]);
    let preview = case.api.post("/v1/invoices/create_preview", &[("subscription", &case.sub)]);
    let mut shown = amounts(&preview);
    shown.sort_unstable();
    assert_eq!(shown, [-166, 541, 3252]);
    let described = |text: &str| {
        let lines = preview["lines"]["data"].as_array().unwrap();
        lines.iter().any(|line| line["description"] == text)
    };
    assert!(described("Unused time on Gold product after 31 Aug 2020"));
    assert!(described("Remaining time on Gold product after 31 Aug 2020"));
    assert!(described("1 × Gold product (at $32.52 / month)"));
    assert_eq!(changed["latest_invoice"]["billing_reason"], "subscription_create");
}

/// Adds a second seat without proration and removes it again. Returns the invoice.
fn a_free_seat_taken_away(mode: &str) -> Value {
    let (start, then) = (datetime!(2027-04-01 00:00 UTC), datetime!(2027-04-11 00:00 UTC));
    let case = later(start, then, &monthly("usd", "1000"), &[("billing_mode[type]", mode)]);
    let seats = |quantity: &str, behavior: &str| {
        let form = [
            ("items[0][id]", case.item.as_str()),
            ("items[0][quantity]", quantity),
            ("proration_behavior", behavior),
            ("expand[]", "latest_invoice"),
        ];
        case.api.post(&format!("/v1/subscriptions/{}", case.sub), &form)
    };
    seats("2", "none");
    case.api.advance(&case.clock, datetime!(2027-04-21 00:00 UTC));
    seats("1", "always_invoice")["latest_invoice"].clone()
}

#[test]
fn classic_billing_credits_uncharged_seats_and_flexible_does_not() {
    // A third of the month remains: 667 for two seats is credited and 333 for one is charged; 333
    // had been charged.
    let classic = a_free_seat_taken_away("classic");
    assert_eq!((amounts(&classic), &classic["total"]), (vec![-667, 333], &json!(-334)));
    let flexible = a_free_seat_taken_away("flexible");
    assert_eq!((amounts(&flexible), &flexible["total"]), (vec![-333, 333], &json!(0)));
}

#[test]
fn fixed_coupon_is_split_over_items_in_flexible_billing_only() {
    // 5 dollars off 10 and 20. Half a month later the first item is removed. Its share of the
    // coupon was a third, so 8.33 were charged for it. Classic billing takes the whole coupon off
    // the item.
    for (mode, expected) in [("classic", -250), ("flexible", -417)] {
        let (start, then) = (datetime!(2027-04-01 00:00 UTC), datetime!(2027-04-16 00:00 UTC));
        let api = Api::new();
        let clock = api.clock_at(start);
        let off = [("amount_off", "500"), ("currency", "usd"), ("duration", "forever")];
        let coupon = id(&api.post("/v1/coupons", &off));
        let (small, large) =
            (api.monthly("Small", "usd", "1000"), api.monthly("Large", "usd", "2000"));
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let form = [
            ("items[1][price]", large.as_str()),
            ("discounts[0][coupon]", &coupon),
            ("billing_mode[type]", mode),
        ];
        let sub = api.subscribe(&customer, &small, &form);
        let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
        assert_eq!((&first["subtotal"], &first["total"]), (&json!(3000), &json!(2500)), "{mode}");
        api.advance(&clock, then);
        let item = sub["items"]["data"][0]["id"].as_str().unwrap();
        let form = [
            ("items[0][id]", item),
            ("items[0][deleted]", "true"),
            NOW,
            ("expand[]", "latest_invoice"),
        ];
        let changed = api.post(&format!("/v1/subscriptions/{}", id(&sub)), &form);
        assert_eq!(amounts(&changed["latest_invoice"]), [expected], "{mode}");
    }
}

#[test]
fn tax_on_a_yen_proration_rounds_half_to_even() {
    // 7750 seconds into a month of 31 days: 5982.6 of 6000 and 11965.3 of 12000 yen remain. A tenth
    // of 11965 is 1196.5, which Stripe rounded to 1196.
    let start = datetime!(2027-05-01 00:00 UTC);
    let api = Api::new();
    let form = [("display_name", "JCT"), ("percentage", "10"), ("inclusive", "false")];
    let rate = id(&api.post("/v1/tax_rates", &form));
    let clock = api.clock_at(start);
    let base = api.monthly("Small", "jpy", "6000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, &[("default_tax_rates[0]", &rate)]);
    api.advance(&clock, start + Duration::seconds(7750));
    let dear = api.monthly("Large", "jpy", "12000");
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    let case = Case { api, clock, customer, sub: id(&sub), item };
    let invoice = case.change(&dear, &[NOW])["latest_invoice"].clone();
    assert_eq!(amounts(&invoice), [-5983, 11965]);
    let tax = |line: usize| &invoice["lines"]["data"][line]["taxes"][0]["amount"];
    assert_eq!((tax(0), tax(1)), (&json!(-598), &json!(1196)));
    assert_eq!(invoice["total_taxes"][0]["amount"], 598);
    assert_eq!((&invoice["subtotal"], &invoice["total"]), (&json!(5982), &json!(6580)));
}

#[test]
fn change_from_10_to_20_at_half_period_costs_5() {
    let (start, then) = (datetime!(2027-04-01 00:00 UTC), datetime!(2027-04-16 00:00 UTC));
    let case = later(start, then, &monthly("usd", "1000"), &[]);
    let dear = case.api.monthly("Gold product", "usd", "2000");
    let invoice = case.change(&dear, &[NOW])["latest_invoice"].clone();
    assert_eq!((amounts(&invoice), &invoice["amount_paid"]), (vec![-500, 1000], &json!(500)));
}

/// Checks the minimum of each currency, and one unit below it.
#[test]
fn minimum_is_charged_and_less_is_added_to_the_balance() {
    let minimums = "usd 50 eur 50 aud 50 cad 50 chf 50 nzd 50 sgd 50 brl 50 inr 50 gbp 30 jpy 50 krw 50 \
        sek 300 nok 300 dkk 250 pln 200 ron 200 myr 200 aed 200 czk 1500 huf 17500 hkd 400 mxn 1000 thb 1000";
    let words: Vec<&str> = minimums.split_whitespace().collect();
    let mut api = Api::new();
    api.typed = false;
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    for pair in words.chunks(2) {
        let least: i64 = pair[1].parse().unwrap();
        for (amount, due) in [(least - 1, 0), (least, least), (0, 0)] {
            let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
            let price = api.monthly("Tiny", pair[0], &amount.to_string());
            let sub = api.subscribe(&customer, &price, &[]);
            let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
            let owed = amount - due;
            assert_eq!(
                [&invoice["status"], &invoice["amount_due"], &invoice["ending_balance"]],
                [&json!("paid"), &json!(due), &json!(owed)],
                "{amount} {}",
                pair[0]
            );
            let customer = api.get(&format!("/v1/customers/{customer}"), &[]);
            assert_eq!(customer["balance"], owed);
        }
    }
}

#[test]
fn each_currency_uses_stripes_decimals() {
    let rows = [
        // A month, half of it with ties rounded down, and the formatted price.
        ("isk", "50000", 25000, "ISK 500.00"),
        ("ugx", "50000", 25000, "UGX 500.00"),
        ("isk", "50100", 25000, "ISK 501.00"),
        ("huf", "99999", 49999, "HUF 999.99"),
        ("twd", "99999", 49999, "TWD 999.99"),
        ("jpy", "4121", 2060, "¥4121"),
        ("krw", "4121", 2060, "KRW 4121"),
        ("mga", "4121", 2060, "MGA 4121"),
        ("kwd", "4130", 2060, "KWD 4.130"),
        ("bhd", "4120", 2060, "BHD 4.120"),
    ];
    for (currency, amount, half, written) in rows {
        let (start, then) = (datetime!(2027-04-01 00:00 UTC), datetime!(2027-04-16 00:00 UTC));
        let case = later(start, then, &monthly(currency, "0"), &[]);
        let dear = case.api.monthly("Gold product", currency, amount);
        let invoice = case.change(&dear, &[NOW])["latest_invoice"].clone();
        assert_eq!(amounts(&invoice).last(), Some(&half), "{currency}");
        let form = [("subscription", case.sub.as_str()), ("preview_mode", "recurring")];
        let steady = case.api.post("/v1/invoices/create_preview", &form);
        let description = format!("1 × Gold product (at {written} / month)");
        assert_eq!(steady["lines"]["data"][0]["description"], description);
    }
    let api = Api::new();
    let product = api.product("Odd");
    for (currency, amount) in [("isk", "50050"), ("ugx", "50050"), ("kwd", "4125"), ("omr", "4121")]
    {
        let form = [&[("product", product.as_str())], &monthly(currency, amount)[..]].concat();
        api.refused(400, "POST", "/v1/prices", &form);
    }
}
