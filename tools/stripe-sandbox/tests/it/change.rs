//! Plan changes: their cost, to the second and to the cent, and equal previews.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, MIDDLE, START, at_the_middle};
use crate::support::{Api, Form, amounts, id, stamp};

const NOW: (&str, &str) = ("subscription_details[proration_behavior]", "always_invoice");

#[test]
fn upgrade_at_half_period_costs_half_the_difference_with_tax_and_credit() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let vat = id(&api.post(
        "/v1/tax_rates",
        &[("display_name", "VAT"), ("percentage", "10"), ("inclusive", "false")],
    ));
    let base = api.monthly("Starter", "usd", "2000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &base, &[("default_tax_rates[0]", &vat)]);
    api.advance(&clock, MIDDLE);
    let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    let case = Case { api, clock, customer, sub: id(&sub), item };
    case.credit("-400");
    let bigger = case.api.monthly("Pro", "usd", "5000");

    let preview = case.preview(&bigger, &[NOW]);
    let changed = case.change(&bigger, &[("proration_behavior", "always_invoice")]);
    let invoice = &changed["latest_invoice"];
    for (name, shown) in [("preview", &preview), ("invoice", invoice)] {
        assert_eq!(amounts(shown), [-1000, 2500], "{name}");
        assert_eq!((&shown["subtotal"], &shown["total"]), (&json!(1500), &json!(1650)), "{name}");
        assert_eq!(shown["total_taxes"][0]["amount"], 150, "{name}");
        assert_eq!(
            (&shown["starting_balance"], &shown["amount_due"]),
            (&json!(-400), &json!(1250)),
            "{name}"
        );
    }
    assert_eq!((&invoice["status"], &invoice["ending_balance"]), (&json!("paid"), &json!(0)));
    assert_eq!(invoice["billing_reason"], "subscription_update");
    let line = &invoice["lines"]["data"][0];
    assert_eq!(line["description"], "Unused time on Starter after 16 Apr 2027");
    assert_eq!((&line["discountable"], &line["taxes"][0]["amount"]), (&json!(false), &json!(-100)));
    let parent = &line["parent"]["subscription_item_details"];
    assert_eq!(
        (&parent["proration"], &parent["subscription_item"]),
        (&json!(true), &json!(case.item))
    );
    assert_eq!(
        preview["parent"]["subscription_details"]["subscription_proration_date"],
        stamp(MIDDLE)
    );
    assert!(id(&preview).starts_with("upcoming_in_"));
    assert_eq!(changed["items"]["data"][0]["price"]["id"], bigger);
}

#[test]
fn create_prorations_bills_prorations_with_the_renewal() {
    let case = at_the_middle("2000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let changed = case.change(&bigger, &[]);
    assert_eq!(changed["latest_invoice"]["billing_reason"], "subscription_create");
    let pending =
        case.api.get("/v1/invoiceitems", &[("customer", &case.customer), ("pending", "true")]);
    assert_eq!(pending["data"].as_array().unwrap().len(), 2);
    let preview = case.api.post("/v1/invoices/create_preview", &[("subscription", &case.sub)]);
    assert_eq!(preview["total"], 6500);
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let renewal = case.api.invoices(&case.sub).remove(0);
    assert_eq!((&renewal["total"], &renewal["status"]), (&json!(6500), &json!("paid")));
    let left =
        case.api.get("/v1/invoiceitems", &[("customer", &case.customer), ("pending", "true")]);
    assert_eq!(left["data"], json!([]));
}

#[test]
fn proration_behavior_none_applies_the_price_from_the_next_period() {
    let case = at_the_middle("2000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    case.change(&bigger, &[("proration_behavior", "none")]);
    let preview = case.api.post("/v1/invoices/create_preview", &[("subscription", &case.sub)]);
    assert_eq!(amounts(&preview), [5000]);
}

#[test]
fn change_to_yearly_with_new_anchor_bills_the_whole_year() {
    let case = at_the_middle("2000", &[]);
    let year = case.api.price(
        "Year",
        &[("currency", "usd"), ("unit_amount", "20000"), ("recurring[interval]", "year")],
    );
    let preview =
        case.preview(&year, &[NOW, ("subscription_details[billing_cycle_anchor][type]", "now")]);
    assert_eq!(amounts(&preview), [-1000, 20000]);
    let changed = case.change(&year, &[("billing_cycle_anchor[type]", "now")]);
    let invoice = &changed["latest_invoice"];
    assert_eq!((amounts(invoice), &invoice["amount_paid"]), (vec![-1000, 20000], &json!(19000)));
    let flags: Vec<&Value> = [0, 1]
        .iter()
        .map(|line| &invoice["lines"]["data"][line]["parent"]["subscription_item_details"]["proration"])
        .collect();
    assert_eq!(flags, [&json!(true), &json!(false)]);
    assert_eq!(changed["billing_cycle_anchor"], stamp(MIDDLE));
    assert_eq!(
        changed["items"]["data"][0]["current_period_end"],
        stamp(datetime!(2028-04-16 00:00 UTC))
    );
}

#[test]
fn flexible_billing_credits_the_charged_amount_and_classic_the_current_price() {
    for (mode, expected) in [("flexible", [-500, 2500]), ("classic", [-1000, 2500])] {
        let api = Api::new();
        let clock = api.clock_at(START);
        let base = api.monthly("Starter", "usd", "2000");
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let half = id(&api.post("/v1/coupons", &[("percent_off", "50"), ("duration", "once")]));
        let form = [("discounts[0][coupon]", half.as_str()), ("billing_mode[type]", mode)];
        let sub = api.subscribe(&customer, &base, &form);
        api.advance(&clock, MIDDLE);
        let item = sub["items"]["data"][0]["id"].as_str().unwrap().to_owned();
        let case = Case { api, clock, customer, sub: id(&sub), item };
        let bigger = case.api.monthly("Pro", "usd", "5000");
        let changed = case.change(&bigger, &[("proration_behavior", "always_invoice")]);
        // The customer paid 1000 for April, so half of that is 500.
        assert_eq!(amounts(&changed["latest_invoice"]), expected, "{mode}");
        let credited = &changed["latest_invoice"]["lines"]["data"][0]["parent"]["subscription_item_details"]
            ["proration_details"]["credited_items"]["invoice"];
        assert_eq!(credited.is_string(), mode == "flexible");
    }
}

#[test]
fn opposite_changes_at_one_time_cancel_out_in_flexible_billing() {
    let case = at_the_middle("1000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let smaller = case.api.monthly("Again", "usd", "1000");
    case.change(&bigger, &[]);
    case.change(&smaller, &[]);
    let preview = case.api.post("/v1/invoices/create_preview", &[("subscription", &case.sub)]);
    assert_eq!(preview["total"], 1000);
}

#[test]
fn declined_upgrade_follows_payment_behavior() {
    let case = at_the_middle("2000", &[]);
    let failing = case.api.post(
        "/v1/payment_methods/pm_card_chargeCustomerFail/attach",
        &[("customer", &case.customer)],
    );
    let path = format!("/v1/subscriptions/{}", case.sub);
    case.api.post(&path, &[("default_payment_method", &id(&failing))]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let form = [
        ("items[0][id]", case.item.as_str()),
        ("items[0][price]", &bigger),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "error_if_incomplete"),
    ];
    assert_eq!(case.api.refused(402, "POST", &path, &form).code(), "card_declined");
    assert_eq!(case.api.invoices(&case.sub).len(), 1);

    let changed = case.change(&bigger, &[("proration_behavior", "always_invoice")]);
    assert_eq!(
        (&changed["status"], &changed["latest_invoice"]["status"]),
        (&json!("past_due"), &json!("open"))
    );
    assert_eq!(changed["items"]["data"][0]["price"]["id"], bigger);
}

#[test]
fn second_change_credits_the_lines_of_the_first() {
    let case = at_the_middle("2000", &[]);
    let (bigger, biggest) =
        (case.api.monthly("Pro", "usd", "5000"), case.api.monthly("Agency", "usd", "9900"));
    let first = case.change(&bigger, &[("proration_behavior", "always_invoice")]);
    case.api.advance(&case.clock, datetime!(2027-04-21 00:00 UTC));
    let second = case.change(&biggest, &[("proration_behavior", "always_invoice")]);
    // 10 of 15 days of the 2500 are credited; 10 of 30 days of 9900 are charged.
    assert_eq!(amounts(&second["latest_invoice"]), [-1667, 3300]);
    let credited = &second["latest_invoice"]["lines"]["data"][0]["parent"]["subscription_item_details"]
        ["proration_details"]["credited_items"];
    let line = first["latest_invoice"]["lines"]["data"][1]["id"].clone();
    assert_eq!(
        *credited,
        json!({ "invoice": first["latest_invoice"]["id"], "invoice_line_items": [line] })
    );
}

#[test]
fn default_incomplete_leaves_the_change_unpaid() {
    let case = at_the_middle("2000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    let form =
        [("proration_behavior", "always_invoice"), ("payment_behavior", "default_incomplete")];
    let changed = case.change(&bigger, &form);
    let invoice = &changed["latest_invoice"];
    assert_eq!((&changed["status"], &invoice["status"]), (&json!("past_due"), &json!("open")));
    assert_eq!(invoice["attempted"], false);
    case.api.post(&format!("/v1/invoices/{}/pay", id(invoice)), &[]);
    assert_eq!(case.api.subscription(&case.sub)["status"], "active");
}

#[test]
fn removed_metered_item_is_billed_for_its_usage() {
    let case = at_the_middle("2000", &[]);
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&case.api.post("/v1/billing/meters", &form));
    let usage = case.api.price(
        "CPU",
        &[
            ("currency", "usd"),
            ("unit_amount", "10"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ],
    );
    let path = format!("/v1/subscriptions/{}", case.sub);
    let added = case.api.post(&path, &[("items[0][price]", &usage)]);
    assert_eq!(added["latest_invoice"], case.api.subscription(&case.sub)["latest_invoice"]);
    let item = added["items"]["data"][1]["id"].as_str().unwrap();
    let event = [
        ("event_name", "cpu"),
        ("payload[stripe_customer_id]", case.customer.as_str()),
        ("payload[value]", "7"),
    ];
    case.api.post("/v1/billing/meter_events", &event);
    let form = [
        ("items[0][id]", item),
        ("items[0][deleted]", "true"),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    let removed = case.api.post(&path, &form);
    assert_eq!(amounts(&removed["latest_invoice"]), [70]);
    assert_eq!(removed["items"]["data"].as_array().unwrap().len(), 1);
    let quantity = [("items[0][price]", usage.as_str()), ("items[0][quantity]", "2")];
    let refusal = case.api.refused(400, "POST", &path, &quantity);
    assert_eq!(refusal.message(), "You cannot set the quantity for metered plans.");
}

#[test]
fn interval_change_restarts_the_cycle_in_classic_billing_only() {
    for (mode, end, billed) in [
        ("classic", datetime!(2028-04-16 00:00 UTC), true),
        ("flexible", datetime!(2028-04-01 00:00 UTC), false),
    ] {
        let case = at_the_middle("2000", &[("billing_mode[type]", mode)]);
        let year = case.api.price(
            "Year",
            &[("currency", "usd"), ("unit_amount", "20000"), ("recurring[interval]", "year")],
        );
        let changed = case.change(&year, &[]);
        assert_eq!(changed["items"]["data"][0]["current_period_end"], stamp(end), "{mode}");
        let reason = &changed["latest_invoice"]["billing_reason"];
        assert_eq!(reason == "subscription_update", billed, "{mode}");
    }
}

#[test]
fn conflicting_parameters_are_refused() {
    let case = at_the_middle("2000", &[]);
    let path = format!("/v1/subscriptions/{}", case.sub);
    let date = MIDDLE.unix_timestamp().to_string();
    let item = ("items[0][id]", case.item.as_str());
    let early = datetime!(2027-03-01 00:00 UTC).unix_timestamp().to_string();
    let rows: [(Form<'_>, &str); 5] = [
        (
            &[item, ("proration_date", &date), ("billing_cycle_anchor[type]", "now")],
            "You cannot specify `proration_date` when",
        ),
        (&[("billing_cycle_anchor", "now")], "Invalid object"),
        (&[item, ("proration_date", &early)], "Invalid proration date"),
        (
            &[item, ("items[0][deleted]", "true")],
            "A subscription must have at least one active plan",
        ),
        (&[("items[0][id]", "si_none")], "No such subscription item: 'si_none'"),
    ];
    for (form, message) in rows {
        let refusal = case.api.refused(400, "POST", &path, form);
        assert!(refusal.message().starts_with(message), "{}", refusal.message());
    }
}

#[test]
fn preview_supports_new_subscriptions_and_items_without_one() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3500");
    let customer = api.customer(&clock, None, &[]);
    let form = [("customer", customer.as_str()), ("subscription_details[items][0][price]", &base)];
    let preview = api.post("/v1/invoices/create_preview", &form);
    assert_eq!((amounts(&preview), &preview["status"]), (vec![3500], &json!("draft")));
    let form = [
        ("customer", customer.as_str()),
        ("invoice_items[0][amount]", "700"),
        ("invoice_items[0][currency]", "usd"),
        ("invoice_items[0][description]", "Migration"),
    ];
    assert_eq!(amounts(&api.post("/v1/invoices/create_preview", &form)), [700]);
    api.refused(400, "POST", "/v1/invoices/create_preview", &[("customer", &customer)]);
    assert_eq!(api.get("/v1/invoices", &[("customer", &customer)])["data"], json!([]));
}

#[test]
fn recurring_preview_shows_a_regular_renewal() {
    let case = at_the_middle("2000", &[]);
    let bigger = case.api.monthly("Pro", "usd", "5000");
    case.change(&bigger, &[]);
    let form = [("subscription", case.sub.as_str()), ("preview_mode", "recurring")];
    assert_eq!(amounts(&case.api.post("/v1/invoices/create_preview", &form)), [5000]);
}

#[test]
fn preview_lines_can_be_listed() {
    let case = at_the_middle("2000", &[]);
    let mut form = vec![("subscription".to_owned(), case.sub.clone())];
    for n in 0..12 {
        form.push((format!("invoice_items[{n}][amount]"), "100".to_owned()));
        form.push((format!("invoice_items[{n}][currency]"), "usd".to_owned()));
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let preview = case.api.post("/v1/invoices/create_preview", &form);
    let first = preview["lines"]["data"].as_array().unwrap();
    assert_eq!((first.len(), &preview["lines"]["has_more"]), (10, &json!(true)));
    let after = first[9]["id"].as_str().unwrap();
    let url = preview["lines"]["url"].as_str().unwrap();
    let rest = case.api.get(url, &[("starting_after", after), ("limit", "100")]);
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (3, &json!(false)));
}
