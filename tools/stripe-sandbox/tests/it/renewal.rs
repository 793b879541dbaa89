//! Renewals: usage in arrears, the hour before finalization, and month ends.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Api, Form, amounts, id, stamp};

/// Creates a metered price: 100 units free, then 1.2 cents each.
fn metered(api: &Api) -> String {
    let meter = api.post(
        "/v1/billing/meters",
        &[("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")],
    );
    let meter = id(&meter);
    let product = [("name", "CPU"), ("unit_label", "vCore-hour")];
    let product = id(&api.post("/v1/products", &product));
    let price = api.post(
        "/v1/prices",
        &[
            ("product", &*product),
            ("currency", "usd"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
            ("billing_scheme", "tiered"),
            ("tiers_mode", "graduated"),
            ("tiers[0][up_to]", "100"),
            ("tiers[0][unit_amount]", "0"),
            ("tiers[1][up_to]", "inf"),
            ("tiers[1][unit_amount_decimal]", "1.2"),
        ],
    );
    id(&price)
}

fn report(api: &Api, customer: &str, value: &str, more: Form<'_>) {
    let form = [
        &[
            ("event_name", "cpu"),
            ("payload[stripe_customer_id]", customer),
            ("payload[value]", value),
        ],
        more,
    ]
    .concat();
    api.post("/v1/billing/meter_events", &form);
}

fn period(subscription: &Value, item: usize) -> (OffsetDateTime, OffsetDateTime) {
    let item = &subscription["items"]["data"][item];
    let at = |key: &str| OffsetDateTime::from_unix_timestamp(item[key].as_i64().unwrap()).unwrap();
    (at("current_period_start"), at("current_period_end"))
}

#[test]
fn renewal_bills_past_usage_and_the_next_base_fee() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-01-31 09:30 UTC));
    let (base, cpu) = (api.monthly("Pro", "usd", "3500"), metered(&api));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[("invoice_prefix", "CANT")]);
    let sub = api.subscribe(&customer, &base, &[("items[1][price]", &cpu)]);
    assert_eq!(sub["status"], "active");
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!((&first["number"], &first["status"]), (&json!("CANT-0001"), &json!("paid")));
    assert_eq!(
        (amounts(&first), &first["billing_reason"]),
        (vec![3500], &json!("subscription_create"))
    );

    api.advance(&clock, datetime!(2027-02-10 00:00 UTC));
    report(&api, &customer, "150", &[]);
    let preview = api.post("/v1/invoices/create_preview", &[("subscription", &id(&sub))]);
    // 150 units: 100 free, 50 at 1.2 cents.
    assert_eq!((amounts(&preview), &preview["total"]), (vec![3500, 0, 60], &json!(3560)));
    let lines = preview["lines"]["data"].as_array().unwrap();
    let descriptions: Vec<_> = lines.iter().map(|line| line["description"].as_str()).collect();
    // The wording of Stripe's own invoices, for example "1000 credit × Usage (Tier 1 at $0.00 / month)".
    let expected = [
        "1 × Pro (at $35.00 / month)",
        "100 vCore-hour × CPU (Tier 1 at $0.00 / month)",
        "50 vCore-hour × CPU (Tier 2 at $0.012 / month)",
    ];
    assert_eq!(descriptions, expected.map(Some));

    api.advance(&clock, datetime!(2027-02-28 09:30 UTC));
    let draft = api.invoices(&id(&sub)).remove(0);
    assert_eq!(
        (&draft["status"], &draft["number"], &draft["attempted"]),
        (&json!("draft"), &Value::Null, &json!(false))
    );
    assert_eq!(draft["next_payment_attempt"], stamp(datetime!(2027-02-28 10:30 UTC)));
    assert_eq!(draft["period_start"], stamp(datetime!(2027-01-31 09:30 UTC)));
    assert_eq!(draft["period_end"], stamp(datetime!(2027-02-28 09:30 UTC)));
    assert_eq!(api.subscription(&id(&sub))["latest_invoice"], draft["id"]);

    // Reported late, but used in the billed period.
    let used_at = datetime!(2027-02-28 09:00 UTC).unix_timestamp().to_string();
    report(&api, &customer, "50", &[("timestamp", &used_at)]);
    api.advance(&clock, datetime!(2027-02-28 10:30 UTC));
    let paid = api.invoice(draft["id"].as_str().unwrap());
    assert_eq!((&paid["status"], &paid["number"]), (&json!("paid"), &json!("CANT-0002")));
    assert_eq!((amounts(&paid), &paid["amount_paid"]), (vec![3500, 0, 120], &json!(3620)));
    assert_eq!(paid["attempt_count"], 1);
    assert_eq!(paid["payments"]["data"][0]["status"], "paid");
    let renewed = api.subscription(&id(&sub));
    for item in 0..2 {
        assert_eq!(
            period(&renewed, item),
            (datetime!(2027-02-28 09:30 UTC), datetime!(2027-03-31 09:30 UTC))
        );
    }
}

#[test]
fn renewal_without_usage_lists_the_first_tier() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let (base, cpu) = (api.monthly("Pro", "usd", "3500"), metered(&api));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, &[("items[1][price]", &cpu)]);
    let preview = api.post("/v1/invoices/create_preview", &[("subscription", &id(&sub))]);
    let line = &preview["lines"]["data"][1];
    assert_eq!((&line["amount"], &line["quantity"]), (&json!(0), &json!(0)));
    assert_eq!(line["pricing"]["unit_amount_decimal"], "0");
    assert!(sub["items"]["data"][1].get("quantity").is_none(), "metered items have no quantity");
}

#[test]
fn usage_counts_once_per_identifier_within_the_time_window() {
    let api = Api::new();
    let start = datetime!(2027-04-01 00:00 UTC);
    let clock = api.clock_at(start);
    let (base, cpu) = (api.monthly("Pro", "usd", "3500"), metered(&api));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, &[("items[1][price]", &cpu)]);
    report(&api, &customer, "200", &[("identifier", "once")]);
    let event = [
        ("event_name", "cpu"),
        ("payload[stripe_customer_id]", customer.as_str()),
        ("payload[value]", "200"),
    ];
    let again = [&event[..], &[("identifier", "once")]].concat();
    api.refused(400, "POST", "/v1/billing/meter_events", &again);
    for (offset, code) in
        [(-36 * 86_400, "timestamp_too_far_in_past"), (301, "timestamp_in_future")]
    {
        let at = (start.unix_timestamp() + offset).to_string();
        let form = [&event[..], &[("timestamp", at.as_str())]].concat();
        assert_eq!(api.refused(400, "POST", "/v1/billing/meter_events", &form).code(), code);
    }
    let preview = api.post("/v1/invoices/create_preview", &[("subscription", &id(&sub))]);
    assert_eq!(amounts(&preview), [3500, 0, 120]);
}

#[test]
fn subscription_from_the_31st_renews_on_the_last_day_of_each_month() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2028-01-31 12:00 UTC));
    let base = api.monthly("Pro", "usd", "1000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    for end in [
        datetime!(2028-02-29 12:00 UTC),
        datetime!(2028-03-31 12:00 UTC),
        datetime!(2028-04-30 12:00 UTC),
        datetime!(2028-05-31 12:00 UTC),
    ] {
        assert_eq!(period(&api.subscription(&sub), 0).1, end);
        api.advance(&clock, end);
    }
    assert_eq!(api.invoices(&sub).len(), 5);
}

#[test]
fn yearly_subscription_from_a_leap_day_renews_on_it_again() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2028-02-29 00:00 UTC));
    let base = api.price(
        "Pro",
        &[("currency", "usd"), ("unit_amount", "9900"), ("recurring[interval]", "year")],
    );
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    for end in [
        datetime!(2029-02-28 00:00 UTC),
        datetime!(2030-02-28 00:00 UTC),
        datetime!(2031-02-28 00:00 UTC),
        datetime!(2032-02-29 00:00 UTC),
    ] {
        assert_eq!(period(&api.subscription(&sub), 0).1, end);
        api.advance(&clock, end);
    }
}

#[test]
fn two_periods_in_one_advance_renew_in_order() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let base = api.monthly("Pro", "usd", "1000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    api.advance(&clock, datetime!(2027-06-01 00:00 UTC));
    let seen: Vec<(Value, Value)> = api
        .invoices(&sub)
        .iter()
        .map(|invoice| (invoice["created"].clone(), invoice["status"].clone()))
        .collect();
    let expected = [
        (stamp(datetime!(2027-06-01 00:00 UTC)), json!("draft")),
        (stamp(datetime!(2027-05-01 00:00 UTC)), json!("paid")),
        (stamp(datetime!(2027-04-01 00:00 UTC)), json!("paid")),
    ];
    assert_eq!(seen, expected);
    let paid = api.invoices(&sub).remove(1);
    assert_eq!(paid["status_transitions"]["paid_at"], stamp(datetime!(2027-05-01 01:00 UTC)));
    let too_far = datetime!(2027-08-01 00:00:01 UTC).unix_timestamp().to_string();
    let path = format!("/v1/test_helpers/test_clocks/{clock}/advance");
    let refusal = api.refused(400, "POST", &path, &[("frozen_time", &too_far)]);
    assert!(refusal.message().contains("You can only advance it up to"));
}

#[test]
fn free_plan_renews_with_paid_zero_invoices() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let base = api.monthly("Hobby", "usd", "0");
    let customer = api.customer(&clock, None, &[]);
    let sub = api.subscribe(&customer, &base, &[]);
    assert_eq!(sub["status"], "active");
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    let renewal = api.invoices(&id(&sub)).remove(0);
    assert_eq!((&renewal["status"], &renewal["total"]), (&json!("paid"), &json!(0)));
    assert_eq!(api.invoice(&id(&renewal))["payments"]["data"], json!([]));
}

#[test]
fn items_with_different_intervals_keep_their_own_periods() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let month = api.monthly("Pro", "usd", "1000");
    let year = api.price(
        "Domain",
        &[("currency", "usd"), ("unit_amount", "1200"), ("recurring[interval]", "year")],
    );
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &month, &[("items[1][price]", &year)]);
    api.advance(&clock, datetime!(2027-05-01 01:00 UTC));
    let renewal = api.invoices(&id(&sub)).remove(0);
    assert_eq!(amounts(&renewal), [1000]);
    let renewed = api.subscription(&id(&sub));
    assert_eq!(period(&renewed, 0).1, datetime!(2027-06-01 00:00 UTC));
    assert_eq!(period(&renewed, 1).1, datetime!(2028-04-01 00:00 UTC));
    let classic = [
        ("customer", customer.as_str()),
        ("items[0][price]", &month),
        ("items[1][price]", &year),
        ("billing_mode[type]", "classic"),
    ];
    api.refused(400, "POST", "/v1/subscriptions", &classic);
}

#[test]
fn customers_without_test_clock_use_the_sandbox_clock() {
    let api = Api::new();
    let base = api.monthly("Pro", "usd", "1000");
    let form = [
        ("payment_method", "pm_card_visa"),
        ("invoice_settings[default_payment_method]", "pm_card_visa"),
    ];
    let customer = id(&api.post("/v1/customers", &form));
    let sub = id(&api.subscribe(&customer, &base, &[]));
    api.pass(31 * 86_400 + 3600);
    let invoices = api.invoices(&sub);
    assert_eq!(invoices.len(), 2);
    assert_eq!(invoices[0]["status"], "paid");
}

#[test]
fn future_billing_cycle_anchor_shortens_the_first_period() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-16 00:00 UTC));
    let base = api.monthly("Pro", "usd", "3000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let anchor = datetime!(2027-05-01 00:00 UTC).unix_timestamp().to_string();
    let sub = api.subscribe(&customer, &base, &[("billing_cycle_anchor", &anchor)]);
    // 15 of the 30 days of April.
    let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(amounts(&first), [1500]);
    assert_eq!(period(&sub, 0), (datetime!(2027-04-16 00:00 UTC), datetime!(2027-05-01 00:00 UTC)));
}
