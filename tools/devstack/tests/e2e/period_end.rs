//! Plan changes at the end of the period, and dropping what is pending.
//!
//! `E2E_CASES` sets the number of random subscriptions. `E2E_SEED` repeats a failed run.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::cases;
use crate::clock::{DAY, HOUR, at, day, month_after};
use crate::dice::Dice;
use crate::harness::Harness;
use crate::payer::{CHANGE, JSON, PORTAL, PREVIEW, Payer, Start};
use crate::property::setting;
use crate::stripe::text;
use crate::usage::report;

cases![
    downgrade_takes_effect_at_the_end_of_the_period_and_carries_everything_over,
    scheduled_change_can_be_dropped_and_leaves_nothing,
    scheduled_change_to_a_plan_that_is_no_longer_sold_can_be_dropped,
    quote_of_a_later_change_holds_its_first_invoice,
    pending_things_agree_everywhere,
    cancellation_can_be_dropped,
    change_that_waits_for_authentication_can_be_dropped,
    foreign_schedules_are_not_touched,
    interrupted_scheduling_is_settled,
    interrupted_drop_takes_effect_once,
    change_after_a_scheduled_one_releases_its_schedule,
    usage_around_the_periods_end_is_billed_once,
    random_subscriptions_keep_all_but_the_plan,
];

fn later(plan: &str) -> Value {
    json!({ "plan": plan, "effective": "period_end" })
}

/// Drops what is pending.
#[track_caller]
fn drop_pending(harness: &Harness, payer: &Payer, headers: &[(&str, &str)]) -> Response {
    harness.send("DELETE", CHANGE, &payer.account.key, headers, "")
}

fn summary(harness: &Harness, payer: &Payer) -> Value {
    harness.get("/v1/billing/summary", &payer.account.key, &[]).json()
}

#[track_caller]
fn expect_error(response: &Response, status: u16, error: &str, details: &Value) {
    let body = response.json();
    assert_eq!((response.status, &body["error"]), (status, &json!(error)), "{body}");
    assert_eq!(&body["details"], details, "{body}");
}

/// Returns the subscription at Stripe.
fn whole(harness: &Harness, payer: &Payer) -> Value {
    payer.at_stripe(harness)
}

/// Creates a payer with seats, an add-on, tax rates, discounts of the subscription and of an item, and metadata.
fn decorated(harness: &Harness, handle: &str) -> Payer {
    let coupon = |duration: &str, months: &str| {
        let mut form = vec![("percent_off", "10"), ("duration", duration)];
        form.extend((!months.is_empty()).then_some(("duration_in_months", months)));
        text(&harness.stripe_post("/coupons", &form), "id")
    };
    let (all, base) = (coupon("repeating", "12"), coupon("forever", ""));
    let tax = [("display_name", "VAT"), ("percentage", "20"), ("inclusive", "false")];
    let tax = text(&harness.stripe_post("/tax_rates", &tax), "id");
    let add_on = harness.add_on("month", "usd", "500");
    let more = [
        ("items[0][quantity]", "3"),
        ("items[0][discounts][0][coupon]", &*base),
        ("items[0][metadata][seat]", "yes"),
        ("items[6][price]", &*add_on),
        ("items[6][quantity]", "2"),
        ("discounts[0][coupon]", &*all),
        ("default_tax_rates[0]", &*tax),
        ("metadata[team]", "blue"),
        ("description", "Ours"),
    ];
    harness.payer(handle, Start { more: &more, ..Start::on("pro") })
}

/// Checks that a change at the end of the period left everything but prices and period as it was.
#[track_caller]
fn assert_kept(after: &Value, before: &Value) {
    for field in [
        "discounts",
        "default_tax_rates",
        "description",
        "collection_method",
        "automatic_tax",
        "default_payment_method",
        "cancel_at",
        "billing_mode",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["metadata"]["team"], before["metadata"]["team"]);
    let items = |subscription: &Value| {
        let mut items: Vec<Value> = subscription["items"]["data"]
            .as_array()
            .expect("items")
            .iter()
            .filter(|item| item["quantity"].is_u64())
            .map(|item| {
                json!([item["quantity"], item["discounts"], item["tax_rates"], item["metadata"]])
            })
            .collect();
        items.sort_by_key(ToString::to_string);
        items
    };
    assert_eq!(items(after), items(before));
}

fn downgrade_takes_effect_at_the_end_of_the_period_and_carries_everything_over(harness: &Harness) {
    let mut payer = decorated(harness, "later-whole");
    let before = whole(harness, &payer);
    let ends = month_after(payer.start);
    let preview = harness.post(PREVIEW, &payer.account.key, &later("starter"));
    let shown = preview.json();
    assert_eq!(preview.status, 200, "{shown}");
    // Three seats at 10.00 less 10 %, and two add-ons at 5.00; of that 90 %, and 20 % tax.
    let picked = ["plan", "prorationAmount", "direction", "effectiveAt", "lines", "usage"];
    assert_eq!(
        json!(picked.map(|name| shown[name].clone())),
        json!(["starter", "0.00", "downgrade", at(ends), [], null])
    );
    assert_eq!(shown["nextInvoice"], json!({ "date": day(ends), "amount": "39.96" }));
    assert_eq!(shown["breakdown"]["amountDue"], "0.00");
    let with_quote =
        json!({ "plan": "starter", "effective": "period_end", "quote": shown["quote"] });
    let response = harness.post(CHANGE, &payer.account.key, &with_quote);
    let expected = json!({
        "plan": "starter", "previousPlan": "pro", "status": "active", "outcome": "scheduled",
        "prorationAmount": "0.00", "currency": "USD", "effectiveAt": at(ends),
        "currentPeriodEnd": day(ends), "invoice": null, "warnings": [],
    });
    assert_eq!((response.status, response.json()), (200, expected));
    let pending = &summary(harness, &payer)["pendingChange"];
    assert_eq!(
        json!([pending["plan"], pending["effectiveAt"], pending["reason"], pending["quantity"]]),
        json!(["starter", at(ends), "scheduled", "3"])
    );
    // After the end of the period it is the new plan, with everything else as it was.
    payer.now = ends + 2 * HOUR;
    harness.advance(&payer.customer, payer.now);
    let after = whole(harness, &payer);
    let now = summary(harness, &payer);
    assert_eq!(
        json!([now["plan"], now["pendingChange"], now["quantity"]]),
        json!(["starter", null, "3"])
    );
    assert_kept(&after, &before);
    let newest = harness.get("/v1/billing/invoices?limit=1", &payer.account.key, &[]).json();
    let newest = &newest["invoices"][0];
    assert_eq!(
        json!([newest["amount"], newest["status"], newest["reason"]]),
        json!(["39.96", "paid", "subscription_cycle"])
    );
}

fn scheduled_change_can_be_dropped_and_leaves_nothing(harness: &Harness) {
    let payer = decorated(harness, "later-dropped");
    let before = whole(harness, &payer);
    let ends = month_after(payer.start);
    for (plan, interval) in [("starter", "month"), ("agency", "year")] {
        let body = json!({ "plan": plan, "interval": interval, "effective": "period_end" });
        // The add-on is billed by the month only, so another interval has no common end afterwards; it may be scheduled.
        let scheduled = harness.post(CHANGE, &payer.account.key, &body);
        assert_eq!(scheduled.status, 200, "{}", scheduled.body);
        let canceled = json!({ "plan": plan, "interval": interval, "effectiveAt": at(ends), "reason": "scheduled" });
        let headers = [("idempotency-key", &*format!("drop-{plan}")), JSON];
        let first = drop_pending(harness, &payer, &headers);
        assert_eq!(
            (first.status, first.json()),
            (200, json!({ "plan": "pro", "canceled": canceled }))
        );
        let again = drop_pending(harness, &payer, &headers);
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
        assert_eq!(again.body, first.body);
        assert_eq!(whole(harness, &payer), before, "{plan}");
    }
    expect_error(&drop_pending(harness, &payer, &[]), 409, "no_pending_change", &Value::Null);
}

fn scheduled_change_to_a_plan_that_is_no_longer_sold_can_be_dropped(harness: &Harness) {
    harness.new_plan("bern", "chf", "4000");
    let price = harness.new_plan("chur", "chf", "2000");
    let payer = harness.payer("later-unsold", Start::on("bern"));
    let scheduled = harness.post(CHANGE, &payer.account.key, &later("chur"));
    assert_eq!(scheduled.status, 200, "{}", scheduled.body);
    harness.stripe_post(&format!("/prices/{price}"), &[("active", "false")]);
    let canceled = json!({
        "plan": "chur", "interval": "month", "effectiveAt": at(month_after(payer.start)), "reason": "scheduled",
    });
    let dropped = drop_pending(harness, &payer, &[]);
    assert_eq!(
        (dropped.status, dropped.json()),
        (200, json!({ "plan": "bern", "canceled": canceled }))
    );
}

fn quote_of_a_later_change_holds_its_first_invoice(harness: &Harness) {
    let payer = harness.payer("later-quote", Start::on("pro"));
    let preview = || harness.post(PREVIEW, &payer.account.key, &later("agency")).json();
    let change = |quote: &Value, effective: &str| {
        let body = json!({ "plan": "agency", "effective": effective, "quote": quote });
        harness.post(CHANGE, &payer.account.key, &body)
    };
    let quote = preview()["quote"].take();
    expect_error(&change(&quote, "now"), 422, "validation", &json!({ "field": "quote" }));
    // Neither usage nor the balance moves it.
    harness.credit(&payer.customer.id, -700, "usd");
    report(harness, &payer, "cantila_cpu", "5000", payer.now);
    let coupon = [("percent_off", "50"), ("duration", "forever")];
    let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
    let path = format!("/subscriptions/{}", payer.subscription);
    harness.stripe_post(&path, &[("discounts[0][coupon]", &coupon)]);
    let refused = change(&quote, "period_end");
    let body = refused.json();
    assert_eq!((refused.status, &body["error"]), (409, &json!("quote_changed")), "{body}");
    assert_eq!(body["details"]["preview"]["nextInvoice"]["amount"], "49.50");
    let quote = preview()["quote"].take();
    harness.credit(&payer.customer.id, -100, "usd");
    report(harness, &payer, "cantila_cpu", "100", payer.now);
    assert_eq!(change(&quote, "period_end").json()["outcome"], "scheduled");
}

fn pending_things_agree_everywhere(harness: &Harness) {
    let payer = harness.payer("later-agrees", Start::on("pro"));
    let may_change = || {
        let info = harness.get("/v1/billing/info", &payer.account.key, &[]).json();
        info["capabilities"]["planChange"].clone()
    };
    assert_eq!(may_change(), true);
    let scheduled = harness.post(CHANGE, &payer.account.key, &later("starter"));
    assert_eq!(scheduled.status, 200, "{}", scheduled.body);
    assert_eq!(may_change(), false);
    for (path, body) in [
        (PREVIEW, later("agency")),
        (CHANGE, json!({ "plan": "agency" })),
        (CHANGE, later("agency")),
    ] {
        let response = harness.post(path, &payer.account.key, &body);
        expect_error(
            &response,
            409,
            "subscription_not_changeable",
            &json!({ "reason": "scheduled" }),
        );
    }
    assert_eq!(drop_pending(harness, &payer, &[]).status, 200);
    assert_eq!(
        (may_change(), &summary(harness, &payer)["pendingChange"]),
        (json!(true), &Value::Null)
    );
    // A mixed subscription has no one end of its period.
    let add_on = harness.add_on("year", "usd", "500");
    let path = format!("/subscriptions/{}", payer.subscription);
    harness.stripe_post(&path, &[("items[0][price]", &add_on)]);
    let response = harness.post(CHANGE, &payer.account.key, &later("starter"));
    expect_error(
        &response,
        409,
        "subscription_not_changeable",
        &json!({ "reason": "mixed_intervals" }),
    );
    let response =
        harness.post(CHANGE, &payer.account.key, &json!({ "plan": "pro", "effective": "soon" }));
    expect_error(&response, 422, "validation", &json!({ "field": "effective" }));
}

fn cancellation_can_be_dropped(harness: &Harness) {
    let payer = harness.payer("later-kept", Start::on("pro"));
    let ends = month_after(payer.start);
    let path = format!("/subscriptions/{}", payer.subscription);
    let sometime = (payer.now + DAY).to_string();
    for (form, end) in
        [(("cancel_at_period_end", "true"), ends), (("cancel_at", &*sometime), payer.now + DAY)]
    {
        harness.stripe_post(&path, &[form]);
        let response = drop_pending(harness, &payer, &[]);
        let canceled = json!({ "plan": null, "interval": null, "effectiveAt": at(end), "reason": "cancellation" });
        assert_eq!(
            (response.status, response.json()),
            (200, json!({ "plan": "pro", "canceled": canceled }))
        );
        let now = whole(harness, &payer);
        assert_eq!(json!([now["cancel_at"], now["cancel_at_period_end"]]), json!([null, false]));
        assert_eq!(summary(harness, &payer)["cancelAt"], Value::Null);
    }
    expect_error(&drop_pending(harness, &payer, &[]), 409, "no_pending_change", &Value::Null);
    let fresh = &harness.admin_of("later-none", None).key;
    let none = harness.send("DELETE", CHANGE, fresh, &[], "");
    expect_error(&none, 409, "no_pending_change", &Value::Null);
    let body = harness.send("DELETE", CHANGE, fresh, &[JSON], r#"{"plan":"pro"}"#);
    expect_error(&body, 422, "validation", &json!({ "field": "plan" }));
    let long = format!("{{{}}}", " ".repeat(16 * 1024));
    let long = harness.send("DELETE", CHANGE, fresh, &[JSON], &long);
    expect_error(&long, 413, "body_too_large", &Value::Null);
    let plain = harness.send("DELETE", CHANGE, fresh, &[("content-type", "text/plain")], "{}");
    expect_error(&plain, 415, "unsupported_media_type", &Value::Null);
    let key = ("idempotency-key", "another-route");
    assert_eq!(harness.send("POST", PORTAL, fresh, &[JSON, key], "{}").status, 201);
    let reused = harness.send("DELETE", CHANGE, fresh, &[key], "");
    expect_error(&reused, 422, "idempotency_key_reused", &Value::Null);
}

fn change_that_waits_for_authentication_can_be_dropped(harness: &Harness) {
    let payer = harness.payer("later-waits", Start::on("pro"));
    let before = payer.ledger(harness);
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let waits = harness.post(CHANGE, &payer.account.key, &json!({ "plan": "agency" }));
    assert_eq!(waits.status, 402, "{}", waits.body);
    let response = drop_pending(harness, &payer, &[]);
    let canceled = json!({ "plan": "agency", "interval": "month", "effectiveAt": null, "reason": "payment_action_required" });
    assert_eq!(
        (response.status, response.json()),
        (200, json!({ "plan": "pro", "canceled": canceled }))
    );
    let after = payer.ledger(harness);
    assert_eq!((after.open(), after.charges()), (0, before.charges()), "{after:?}");
    assert_eq!(summary(harness, &payer)["pendingChange"], Value::Null);
    expect_error(&drop_pending(harness, &payer, &[]), 409, "no_pending_change", &Value::Null);
}

fn foreign_schedules_are_not_touched(harness: &Harness) {
    let payer = harness.payer("later-foreign", Start::on("pro"));
    let made = harness
        .stripe_post("/subscription_schedules", &[("from_subscription", &payer.subscription)]);
    let before = whole(harness, &payer);
    let reason = json!({ "reason": "scheduled" });
    expect_error(&drop_pending(harness, &payer, &[]), 409, "subscription_not_changeable", &reason);
    let change = harness.post(CHANGE, &payer.account.key, &later("starter"));
    expect_error(&change, 409, "subscription_not_changeable", &reason);
    assert_eq!(whole(harness, &payer), before);
    let status = harness.stripe(&format!("/subscription_schedules/{}", text(&made, "id")));
    assert_eq!(status["status"], "active");
}

fn interrupted_scheduling_is_settled(harness: &Harness) {
    for (number, path) in
        ["/v1/subscription_schedules", "/v1/subscription_schedules/sub_sched"].iter().enumerate()
    {
        for after_work in [false, true] {
            let handle = format!("later-cut-{number}-{after_work}");
            let payer = harness.payer(&handle, Start::on("pro"));
            let before = whole(harness, &payer);
            let cut = harness.break_stripe(&json!({
                "path": path, "method": "POST", "kind": "cut", "after_work": after_work,
            }));
            let headers = [JSON, ("idempotency-key", &*handle)];
            let body = later("starter").to_string();
            let send = || harness.send("POST", CHANGE, &payer.account.key, &headers, &body);
            assert_eq!(send().status, 503, "{handle}");
            drop(cut);
            if number == 0 {
                // Another request settles it first.
                expect_error(
                    &drop_pending(harness, &payer, &[]),
                    409,
                    "no_pending_change",
                    &Value::Null,
                );
                assert_eq!(whole(harness, &payer), before, "{handle}");
            }
            let retry = send();
            assert_eq!(retry.json()["outcome"], "scheduled", "{handle}: {}", retry.body);
            let all =
                harness.stripe(&format!("/subscription_schedules?customer={}", payer.customer.id));
            let live = all["data"].as_array().expect("a list").iter();
            assert_eq!(live.filter(|one| one["status"] == "active").count(), 1, "{handle}: {all}");
            assert_eq!(drop_pending(harness, &payer, &[]).status, 200);
            assert_eq!(whole(harness, &payer), before, "{handle}");
        }
    }
}

fn interrupted_drop_takes_effect_once(harness: &Harness) {
    for after_work in [false, true] {
        let handle = format!("drop-cut-{after_work}");
        let payer = harness.payer(&handle, Start::on("pro"));
        let key = &payer.account.key;
        assert_eq!(harness.post(CHANGE, key, &later("starter")).status, 200);
        let headers = [("idempotency-key", &*handle)];
        let cut = harness.break_stripe(&json!({
            "path": "/v1/subscription_schedules/sub_sched", "method": "POST", "kind": "cut",
            "after_work": after_work,
        }));
        assert_eq!(drop_pending(harness, &payer, &headers).status, 503, "{handle}");
        drop(cut);
        // Another change comes before the retry.
        let other = harness.post(CHANGE, key, &later("agency"));
        let outcome = (other.status, other.json()["details"]["reason"].take());
        let expected = if after_work { (200, Value::Null) } else { (409, json!("scheduled")) };
        assert_eq!(outcome, expected, "{handle}: {}", other.body);
        let retry = drop_pending(harness, &payer, &headers);
        assert_eq!((retry.status, &retry.json()["canceled"]["plan"]), (200, &json!("starter")));
        let pending = summary(harness, &payer)["pendingChange"]["plan"].take();
        let kept = if after_work { json!("agency") } else { Value::Null };
        assert_eq!(pending, kept, "{handle}: only the first change was dropped");
    }
}

fn change_after_a_scheduled_one_releases_its_schedule(harness: &Harness) {
    let mut payer = harness.payer("later-spent", Start::on("pro"));
    assert_eq!(harness.post(CHANGE, &payer.account.key, &later("starter")).status, 200);
    payer.now = month_after(payer.start) + 2 * DAY;
    harness.advance(&payer.customer, payer.now);
    assert!(whole(harness, &payer)["schedule"].is_string(), "the phase lasts a period");
    expect_error(&drop_pending(harness, &payer, &[]), 409, "no_pending_change", &Value::Null);
    let preview = harness.post(PREVIEW, &payer.account.key, &json!({ "plan": "agency" })).json();
    let body = json!({ "plan": "agency", "quote": preview["quote"] });
    let changed = harness.post(CHANGE, &payer.account.key, &body).json();
    assert_eq!(
        (&changed["outcome"], &changed["prorationAmount"]),
        (&json!("applied"), &preview["prorationAmount"])
    );
    assert_eq!(whole(harness, &payer)["schedule"], Value::Null);
    assert_eq!(
        harness.post(CHANGE, &payer.account.key, &later("pro")).json()["outcome"],
        "scheduled"
    );
}

fn usage_around_the_periods_end_is_billed_once(harness: &Harness) {
    let mut payer = harness.payer("later-usage", Start::on("pro"));
    report(harness, &payer, "cantila_cpu", "2000", payer.now);
    assert_eq!(harness.post(CHANGE, &payer.account.key, &later("starter")).status, 200);
    let ends = month_after(payer.start);
    payer.now = ends + 2 * HOUR;
    harness.advance(&payer.customer, payer.now);
    report(harness, &payer, "cantila_cpu", "1000", payer.now);
    payer.now = month_after(ends) + 2 * HOUR;
    harness.advance(&payer.customer, payer.now);
    let list = harness.get("/v1/billing/invoices", &payer.account.key, &[]).json();
    let amounts: Vec<_> = list["invoices"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|invoice| invoice["amount"].clone())
        .collect();
    // 2,000 on pro, of which 1,500 are included, and 1,000 on starter, of which 400 are.
    assert_eq!(json!(amounts), json!(["17.20", "16.00", "35.00"]), "{list}");
}

fn random_subscriptions_keep_all_but_the_plan(harness: &Harness) {
    let seed = setting("E2E_SEED").unwrap_or_else(|| crate::clock::now().unsigned_abs());
    let mut dice = Dice(seed);
    for case in 0..setting("E2E_CASES").unwrap_or(6) {
        let name = format!("E2E_SEED={seed}, case {case}");
        println!("{name}");
        keeps_all_but_the_plan(harness, &mut dice, &format!("later-random-{case}"), &name);
    }
}

/// Returns random parameters of a subscription.
fn decorations(harness: &Harness, dice: &mut Dice) -> Vec<(&'static str, String)> {
    let mut more = vec![("items[0][quantity]", dice.between(1, 5).to_string())];
    let coupon = |dice: &mut Dice| {
        let form = match dice.below(4) {
            0 => vec![("percent_off", "25"), ("duration", "forever")],
            1 => vec![("percent_off", "10"), ("duration", "once")],
            2 => vec![("amount_off", "300"), ("currency", "usd"), ("duration", "forever")],
            _ => {
                vec![("percent_off", "15"), ("duration", "repeating"), ("duration_in_months", "3")]
            }
        };
        text(&harness.stripe_post("/coupons", &form), "id")
    };
    if dice.one_in(2) {
        more.push(("discounts[0][coupon]", coupon(dice)));
    }
    if dice.one_in(2) {
        more.push(("items[0][discounts][0][coupon]", coupon(dice)));
    }
    if dice.one_in(2) {
        let rate = dice.pick(&["7.7", "19", "8.875"]);
        let inclusive = dice.pick(&["true", "false"]);
        let tax = [("display_name", "VAT"), ("percentage", rate), ("inclusive", inclusive)];
        more.push(("default_tax_rates[0]", text(&harness.stripe_post("/tax_rates", &tax), "id")));
    }
    if dice.one_in(2) {
        more.push(("items[6][price]", harness.add_on("month", "usd", "700")));
        more.push(("items[6][quantity]", dice.between(1, 4).to_string()));
        more.push(("items[6][metadata][size]", "large".to_owned()));
    }
    if dice.one_in(2) {
        more.push(("metadata[team]", "blue".to_owned()));
        more.push(("description", "Ours".to_owned()));
    }
    more
}

/// Returns the quantity that the newest invoice bills at a price of the CPU meter.
fn billed(harness: &Harness, payer: &Payer, plan: &str) -> i64 {
    let path = format!("/prices?lookup_keys[]=cantila_{plan}_month_cpu");
    let price = text(&harness.stripe(&path)["data"][0], "id");
    let path = format!("/invoices?limit=1&customer={}", payer.customer.id);
    let newest = harness.stripe(&path)["data"][0].take();
    let lines = newest["lines"]["data"].as_array().expect("lines").iter();
    let of_meter = lines.filter(|line| line["pricing"]["price_details"]["price"] == *price);
    of_meter.map(|line| line["quantity"].as_i64().expect("a quantity")).sum()
}

fn keeps_all_but_the_plan(harness: &Harness, dice: &mut Dice, handle: &str, name: &str) {
    let (from, to) = dice.pick(&[
        ("starter", "pro"),
        ("starter", "agency"),
        ("pro", "starter"),
        ("pro", "agency"),
        ("agency", "pro"),
        ("agency", "starter"),
    ]);
    let more = decorations(harness, dice);
    let more: Vec<_> = more.iter().map(|(name, value)| (*name, &**value)).collect();
    let mut payer = harness.payer(handle, Start { more: &more, ..Start::on(from) });
    let name = format!("{name}: {from} to {to}, {more:?}");
    let before = whole(harness, &payer);
    // Dropped again, it leaves nothing.
    let scheduled = harness.post(CHANGE, &payer.account.key, &later(to));
    assert_eq!(scheduled.status, 200, "{name}: {}", scheduled.body);
    assert_eq!(drop_pending(harness, &payer, &[]).status, 200, "{name}");
    assert_eq!(whole(harness, &payer), before, "{name}");
    // After the end of the period it is the new plan, and charges its preview and the usage before.
    let usage = dice.pick(&[0, 0, 2000, 4321]);
    if usage > 0 {
        report(harness, &payer, "cantila_cpu", &usage.to_string(), payer.now);
    }
    let preview = harness.post(PREVIEW, &payer.account.key, &later(to)).json();
    let body = json!({ "plan": to, "effective": "period_end", "quote": preview["quote"] });
    let scheduled = harness.post(CHANGE, &payer.account.key, &body);
    assert_eq!(scheduled.status, 200, "{name}: {}", scheduled.body);
    let ends = month_after(payer.start);
    payer.now = ends + 2 * HOUR;
    harness.advance(&payer.customer, payer.now);
    let after = whole(harness, &payer);
    assert_kept(&after, &before);
    assert_eq!(summary(harness, &payer)["plan"], to, "{name}");
    let list = harness.get("/v1/billing/invoices", &payer.account.key, &[]).json();
    let renewal = &list["invoices"][0];
    if usage == 0 {
        assert_eq!(renewal["amount"], preview["nextInvoice"]["amount"], "{name}: {preview}");
    }
    assert_eq!(billed(harness, &payer, from), usage, "{name}: {list}");
    let later = dice.pick(&[0, 1500]);
    if later > 0 {
        report(harness, &payer, "cantila_cpu", &later.to_string(), payer.now);
    }
    payer.now = month_after(ends) + 2 * HOUR;
    harness.advance(&payer.customer, payer.now);
    assert_eq!((billed(harness, &payer, from), billed(harness, &payer, to)), (0, later), "{name}");
}
