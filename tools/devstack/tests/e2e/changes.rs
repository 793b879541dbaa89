//! Plan changes from preview to invoice: the charge equals the preview to the cent.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, at, day, month_after};
use crate::expected_error::{assert_error, assert_error_with};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::{CHANGE, JSON, Ledger, PREVIEW, Payer, Start, change_as_previewed, money, with};
use crate::stripe::text;

cases![
    upgrade_charges_the_preview_and_keeps_add_ons,
    downgrade_gives_credit_that_the_next_change_uses,
    change_from_month_to_year_starts_a_whole_year_now,
    change_from_year_to_month_credits_the_rest_of_the_year,
    change_from_free_to_paid_starts_a_whole_month_now,
    tax_discount_and_balance_are_charged_as_previewed,
    change_during_a_trial_is_free_and_keeps_the_trial,
    change_while_the_first_invoice_after_a_trial_is_a_draft,
    older_debt_is_not_part_of_a_change_without_an_invoice,
    yen_have_no_decimals,
    change_without_a_quote_is_priced_now,
    charge_that_differs_from_the_held_price_is_reported,
    usage_is_due_with_a_new_cycle_only,
    operators_limits_are_kept_by_change_and_preview,
    usage_that_classic_billing_would_lose_blocks_the_change,
    declined_change_leaves_everything_unchanged,
    change_without_a_payment_method_is_declined,
    change_that_needs_authentication_is_pending_until_the_customer_authenticates,
    second_change_replaces_a_pending_one,
];

/// Returns the share of this amount that is left of the payer's month.
fn rest(payer: &Payer, minor: i64) -> i64 {
    let whole = month_after(payer.start) - payer.start;
    let left = month_after(payer.start) - payer.now;
    (2 * minor * left + whole) / (2 * whole)
}

fn usd(minor: i64) -> Value {
    json!(money(minor, "usd"))
}

/// Returns a breakdown without tax and discount, for a customer without a balance.
fn plain(minor: i64) -> Value {
    let (due, credit) = (usd(minor.max(0)), usd(-minor.min(0)));
    json!({
        "subtotal": usd(minor), "discount": "0.00", "billingCredits": "0.00", "tax": "0.00", "total": usd(minor),
        "creditApplied": "0.00", "amountDue": due, "balanceAfter": credit,
    })
}

/// Returns the body of an applied change, on the payer's clock.
fn changed(payer: &Payer, plans: [&str; 2], minor: i64, period_end: i64) -> Value {
    json!({
        "plan": plans[1], "previousPlan": plans[0], "status": "active", "outcome": "applied",
        "prorationAmount": usd(minor), "currency": "USD", "effectiveAt": at(payer.now),
        "currentPeriodEnd": day(period_end),
        "invoice": { "id": "<in_…>", "number": "<text>", "status": "paid", "payment": "paid", "amount": usd(minor), "hostedUrl": "<url>" },
        "warnings": [],
    })
}

/// Returns the two proration lines of a change within the month.
fn prorated(payer: &Payer, from: (&str, i64), to: (&str, i64)) -> Value {
    let date = english(payer.now);
    let line = |description: String, minor: i64| {
        json!({
            "description": description, "amount": usd(minor), "proration": true,
            "periodStart": day(payer.now), "periodEnd": day(month_after(payer.start)), "meter": null,
        })
    };
    json!([
        line(format!("Unused time on {} after {date}", from.0), -rest(payer, from.1)),
        line(format!("Remaining time on {} after {date}", to.0), rest(payer, to.1)),
    ])
}

/// Formats a date as `22 Nov 2026`.
fn english(seconds: i64) -> String {
    let day = text(&json!({ "day": day(seconds) }), "day");
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month: usize = day[5..7].parse().expect("a month");
    format!("{} {} {}", &day[8..], &months[3 * month - 3..3 * month], &day[..4])
}

fn same(actual: &Value, expected: &Value) {
    let response = devstack::http::Response {
        status: 200,
        headers: hyper::HeaderMap::default(),
        body: actual.to_string(),
    };
    expect(&response, 200, expected);
}

fn upgrade_charges_the_preview_and_keeps_add_ons(harness: &Harness) {
    let add_on = harness.add_on("month", "usd", "500");
    let mut prices = harness.prices("pro", "month");
    prices.push(add_on.clone());
    let quantity = format!("items[{}][quantity]", prices.len() - 1);
    let more = [(&*quantity, "3")];
    let payer = harness.payer_of("upgrades", &prices, Start { more: &more, ..Start::on("pro") });
    let kept = [(add_on, json!(3))];
    let (preview, response) = change_as_previewed(harness, &payer, ["agency", "month"], &kept);
    let cost = rest(&payer, 9_900) - rest(&payer, 3_500);
    let end = month_after(payer.start);
    let whole = json!({
        "plan": "agency", "prorationAmount": usd(cost), "currency": "USD", "breakdown": plain(cost),
        "lines": prorated(&payer, ("Pro", 3_500), ("Agency", 9_900)), "direction": "upgrade",
        "effectiveAt": at(payer.now), "nextInvoice": { "date": day(end), "amount": "114.00" },
        "recurring": { "amount": "99.00", "interval": "month" }, "usage": null, "quote": "<text>",
    });
    same(&preview, &whole);
    same(&response, &changed(&payer, ["pro", "agency"], cost, end));
    // The renewal costs the announced amount.
    harness.advance(&payer.customer, end + 2 * crate::clock::HOUR);
    let invoices = payer.ledger(harness).invoices;
    assert_eq!((invoices.len(), invoices[0].2), (3, 11_400));
}

fn downgrade_gives_credit_that_the_next_change_uses(harness: &Harness) {
    let payer = harness.payer("downgrades", Start::on("agency"));
    let (preview, response) = change_as_previewed(harness, &payer, ["starter", "month"], &[]);
    let cost = rest(&payer, 1_000) - rest(&payer, 9_900);
    let end = month_after(payer.start);
    let whole = json!({
        "plan": "starter", "prorationAmount": usd(cost), "currency": "USD", "breakdown": plain(cost),
        "lines": prorated(&payer, ("Agency", 9_900), ("Starter", 1_000)), "direction": "downgrade",
        "effectiveAt": at(payer.now), "nextInvoice": { "date": day(end), "amount": "10.00" },
        "recurring": { "amount": "10.00", "interval": "month" }, "usage": null, "quote": "<text>",
    });
    same(&preview, &whole);
    same(&response, &changed(&payer, ["agency", "starter"], cost, end));
    assert_eq!(payer.ledger(harness).balance, cost);
    let (preview, response) = change_as_previewed(harness, &payer, ["pro", "month"], &[]);
    let next = rest(&payer, 3_500) - rest(&payer, 1_000);
    let shown = &preview["breakdown"];
    assert_eq!((&shown["total"], &shown["creditApplied"]), (&usd(next), &usd(next)));
    assert_eq!((&shown["amountDue"], &shown["balanceAfter"]), (&usd(0), &usd(-cost - next)));
    assert_eq!(
        (&response["prorationAmount"], &response["invoice"]["amount"]),
        (&usd(0), &usd(next))
    );
    assert_eq!(payer.ledger(harness).charges(), (1, 9_900), "only the first month was charged");
}

fn change_from_month_to_year_starts_a_whole_year_now(harness: &Harness) {
    let payer = harness.payer("by-the-year", Start::on("pro"));
    let (preview, response) = change_as_previewed(harness, &payer, ["pro", "year"], &[]);
    let cost = 35_000 - rest(&payer, 3_500);
    assert_eq!(preview["prorationAmount"], usd(cost), "{preview:#}");
    assert_eq!(preview["recurring"], json!({ "amount": "350.00", "interval": "year" }));
    assert_eq!(preview["nextInvoice"]["amount"], "350.00");
    let subscription = payer.at_stripe(harness);
    let end = subscription["items"]["data"][0]["current_period_end"].as_i64().expect("a moment");
    assert!((365 * DAY..=366 * DAY).contains(&(end - payer.now)));
    assert_eq!(preview["nextInvoice"]["date"], day(end));
    same(&response, &changed(&payer, ["pro", "pro"], cost, end));
}

fn change_from_year_to_month_credits_the_rest_of_the_year(harness: &Harness) {
    let start = Start { interval: "year", ..Start::on("agency") };
    let payer = harness.payer("no-longer-by-the-year", start);
    let (preview, response) = change_as_previewed(harness, &payer, ["pro", "month"], &[]);
    assert_eq!(preview["direction"], "downgrade");
    assert!(text(&preview, "prorationAmount").starts_with('-'), "{preview:#}");
    assert_eq!(response["currentPeriodEnd"], day(month_after(payer.now)));
    assert_eq!(
        preview["nextInvoice"],
        json!({ "date": day(month_after(payer.now)), "amount": "35.00" })
    );
}

fn change_from_free_to_paid_starts_a_whole_month_now(harness: &Harness) {
    let payer = harness.payer("pays-at-last", Start::on("hobby"));
    let (preview, response) = change_as_previewed(harness, &payer, ["pro", "month"], &[]);
    let end = month_after(payer.now);
    assert_eq!(preview["breakdown"], plain(3_500), "{preview:#}");
    assert_eq!(preview["nextInvoice"], json!({ "date": day(end), "amount": "35.00" }));
    same(&response, &changed(&payer, ["hobby", "pro"], 3_500, end));
    assert_eq!(payer.ledger(harness).charges(), (1, 3_500));
}

fn tax_discount_and_balance_are_charged_as_previewed(harness: &Harness) {
    let coupon = [("percent_off", "20"), ("duration", "forever")];
    let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
    for (inclusive, balance) in [("false", -1_000), ("true", -1_000), ("false", 700), ("true", 0)] {
        let tax = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", inclusive)];
        let tax = text(&harness.stripe_post("/tax_rates", &tax), "id");
        let more = [("discounts[0][coupon]", &*coupon), ("default_tax_rates[0]", &*tax)];
        let handle = format!("taxed-{inclusive}-{}", balance + 1_000);
        let payer = harness.payer(&handle, Start { more: &more, ..Start::on("starter") });
        if balance != 0 {
            harness.credit(&payer.customer.id, balance, "usd");
        }
        let ways = [["agency", "month"], ["pro", "month"], ["pro", "year"]];
        for to in ways {
            let (preview, _) = change_as_previewed(harness, &payer, to, &[]);
            let shown = &preview["breakdown"];
            assert_ne!(shown["tax"], "0.00", "{to:?}: {shown:#}");
            // Proration lines already include the discount; a whole year's price does not.
            assert_eq!(shown["discount"] != "0.00", to[1] == "year", "{to:?}: {shown:#}");
        }
    }
}

fn change_during_a_trial_is_free_and_keeps_the_trial(harness: &Harness) {
    let more = [("trial_period_days", "14")];
    let payer = harness.payer("tries", Start { more: &more, ..Start::on("pro") });
    let (preview, response) = change_as_previewed(harness, &payer, ["agency", "month"], &[]);
    let end = payer.start + 14 * DAY;
    assert_eq!(preview["prorationAmount"], "0.00");
    assert_eq!(preview["nextInvoice"], json!({ "date": day(end), "amount": "99.00" }));
    assert_eq!(
        (&response["status"], &response["currentPeriodEnd"]),
        (&json!("trialing"), &day(end))
    );
    assert_eq!(payer.ledger(harness).charges(), (0, 0));
    // A change to the year as well; the charge at the trial's end is the announced amount.
    let (preview, _) = change_as_previewed(harness, &payer, ["agency", "year"], &[]);
    assert_eq!(preview["nextInvoice"], json!({ "date": day(end), "amount": "990.00" }));
    harness.advance(&payer.customer, end + 2 * crate::clock::HOUR);
    assert_eq!(payer.ledger(harness).charges(), (1, 99_000));
}

fn change_while_the_first_invoice_after_a_trial_is_a_draft(harness: &Harness) {
    let more = [("trial_period_days", "4")];
    let age = 4 * DAY + 949;
    let start = Start { more: &more, age, interval: "year", ..Start::on("pro") };
    let payer = harness.payer("tried", start);
    assert_eq!((payer.ledger(harness).charges(), payer.ledger(harness).open()), ((0, 0), 1));
    change_as_previewed(harness, &payer, ["agency", "year"], &[]);
    let (count, charged) = payer.ledger(harness).charges();
    assert_eq!((count, payer.ledger(harness).open()), (1, 1), "the draft is left as it is");
    harness.advance(&payer.customer, payer.now + crate::clock::HOUR);
    assert_eq!(payer.ledger(harness).charges(), (2, charged + 35_000), "then it is charged");
}

fn older_debt_is_not_part_of_a_change_without_an_invoice(harness: &Harness) {
    let more = [("trial_period_days", "14")];
    let payer = harness.payer("tries-in-debt", Start { more: &more, ..Start::on("pro") });
    harness.credit(&payer.customer.id, 2_505, "usd");
    let (preview, response) = change_as_previewed(harness, &payer, ["agency", "month"], &[]);
    assert_eq!(preview["prorationAmount"], "0.00");
    assert_eq!(preview["breakdown"]["balanceAfter"], "-25.05");
    assert_eq!(
        (&response["prorationAmount"], &response["invoice"]),
        (&json!("0.00"), &Value::Null)
    );
    assert_eq!(response["effectiveAt"], preview["effectiveAt"]);
}

fn yen_have_no_decimals(harness: &Harness) {
    for (tier, amount) in [("kyoto", "4120"), ("osaka", "9800")] {
        harness.new_plan(tier, "jpy", amount);
    }
    let payer = harness.payer("moves-to-osaka", Start::on("kyoto"));
    let (preview, _) = change_as_previewed(harness, &payer, ["osaka", "month"], &[]);
    let cost = rest(&payer, 9_800) - rest(&payer, 4_120);
    assert_eq!(preview["prorationAmount"], cost.to_string());
    assert_eq!(preview["recurring"]["amount"], "9800");
    let (preview, _) = change_as_previewed(harness, &payer, ["kyoto", "month"], &[]);
    assert_eq!(preview["prorationAmount"], (-cost).to_string());
}

fn change_without_a_quote_is_priced_now(harness: &Harness) {
    let payer = harness.payer("in-a-hurry", Start::on("pro"));
    let cost = rest(&payer, 9_900) - rest(&payer, 3_500);
    let response = payer.change(harness, &json!({ "plan": "agency", "interval": null }));
    expect(&response, 200, &changed(&payer, ["pro", "agency"], cost, month_after(payer.start)));
    assert_eq!(payer.ledger(harness).charges(), (2, 3_500 + cost));
}

/// Stripe bills an item that somebody adds between the check of the price and the change.
fn charge_that_differs_from_the_held_price_is_reported(harness: &Harness) {
    for (handle, is_quoted) in [("billed-in-between", true), ("billed-without-a-quote", false)] {
        let payer = harness.payer(handle, Start::on("pro"));
        let body = json!({ "plan": "agency" });
        let quote = payer.preview(harness, &body)["quote"].take();
        let body = if is_quoted { with(&body, "quote", quote) } else { body };
        let mut function = FunctionProcess::start(harness, "plan-change", &[]);
        let bearer = format!("Bearer {}", payer.account.key);
        let fault = json!({
            "path": "/v1/invoices/create_preview", "kind": "latency", "delay_ms": 1_500, "after_work": true, "count": 1,
        });
        let response = {
            let _slow = harness.break_stripe(&fault);
            let headers = [JSON, ("authorization", &*bearer)];
            function.send_with_body(PATIENT, &headers, &body.to_string());
            sleep(Duration::from_millis(700));
            let item = [
                ("customer", &*payer.customer.id),
                ("subscription", &*payer.subscription),
                ("amount", "500"),
                ("currency", "usd"),
            ];
            harness.stripe_post("/invoiceitems", &item);
            function.response()
        };
        let cost = rest(&payer, 9_900) - rest(&payer, 3_500);
        let changed = changed(&payer, ["pro", "agency"], cost + 500, month_after(payer.start));
        expect(&response, 200, &with(&changed, "warnings", json!(["amount_differs"])));
        let log = function.logged();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let lines: Vec<Value> = lines.collect();
        let line = lines.iter().find(|line| line["level"] == "ERROR").expect("a line");
        let named = ["subscription", "invoice"].map(|name| line[name].clone());
        let invoice = response.json()["invoice"]["id"].take();
        assert_eq!(named, [json!(payer.subscription), invoice], "{line}");
        let metrics = lines.iter().find(|line| line.get("_aws").is_some()).expect("a line");
        assert_eq!(metrics["AmountsDiffering"], 1, "{metrics}");
    }
}

/// Asserts that nothing has changed except for this many additional void invoices.
#[track_caller]
fn untouched(before: &Ledger, after: &Ledger, void: usize) {
    assert_eq!(&Ledger { void: before.void + void, ..before.clone() }, after);
}

/// Usage so far is due with a change only where a new billing cycle starts.
fn usage_is_due_with_a_new_cycle_only(harness: &Harness) {
    let payer = harness.payer("uses-and-changes", Start::on("pro"));
    let report = |value: &str| {
        let event = [
            ("event_name", "cantila_egress"),
            ("payload[stripe_customer_id]", &*payer.customer.id),
            ("payload[value]", value),
        ];
        harness.stripe_post("/billing/meter_events", &event);
    };
    report("12345");
    let monthly = payer.preview(harness, &json!({ "plan": "agency" }));
    assert_eq!(monthly["usage"], Value::Null);
    report("1");
    let body = json!({ "plan": "agency", "quote": monthly["quote"] });
    let changed = payer.change(harness, &body);
    assert_eq!(
        (changed.status, &changed.json()["warnings"]),
        (200, &json!([])),
        "{}",
        changed.body
    );
    assert_eq!(changed.json()["prorationAmount"], monthly["prorationAmount"]);

    let to_year = json!({ "plan": "agency", "interval": "year" });
    report("50000");
    let yearly = payer.preview(harness, &to_year);
    let usage = text(&yearly["usage"], "amount");
    let cents = |amount: &str| amount.replace('.', "").parse::<i64>().expect("an amount");
    assert!(cents(&usage) > 0, "{yearly:#}");
    report("100");
    let with_most = |most: &str| {
        let quoted = with(&to_year, "quote", yearly["quote"].clone());
        payer.change(harness, &with(&quoted, "maxAmount", most))
    };
    let due = text(&yearly["breakdown"], "amountDue");
    let dollars = |cents: i64| usd(cents).as_str().expect("an amount").to_owned();
    let below = dollars(cents(&due) - 1);
    for (most, message) in [
        (&*below, format!("\"maxAmount\" must be at least the quoted amount, {due}.")),
        ("12.345", format!("\"maxAmount\" must be an amount in USD, such as \"{due}\".")),
    ] {
        let details = json!({ "field": "maxAmount" });
        assert_error_with(&with_most(most), 422, "validation", &message, &details);
    }
    let changed = with_most(&due);
    assert_eq!((changed.status, &changed.json()["error"]), (409, &json!("quote_changed")));
    let most = dollars(cents(&due) + 10_000);
    let changed = with_most(&most);
    assert_eq!(
        (changed.status, &changed.json()["warnings"]),
        (200, &json!([])),
        "{}",
        changed.body
    );
    let cost = cents(&text(&changed.json(), "prorationAmount"));
    assert!(cents(&due) < cost && cost <= cents(&most), "{}", changed.body);
}

fn operators_limits_are_kept_by_change_and_preview(harness: &Harness) {
    let payer = harness.payer("restless", Start::on("pro"));
    let bearer = format!("Bearer {}", payer.account.key);
    let settings = [("PLAN_CHANGES_PER_PERIOD", "2"), ("DOWNGRADES", "period_end")];
    let send = |function: &str, plan: &str| {
        let mut process = FunctionProcess::start(harness, function, &settings);
        let headers = [JSON, ("authorization", &*bearer)];
        process.send_with_body(PATIENT, &headers, &json!({ "plan": plan }).to_string());
        process.response()
    };
    for function in ["plan-change-preview", "plan-change"] {
        let refused = send(function, "starter");
        assert_eq!(refused.status, 409, "{}", refused.body);
        assert_eq!(refused.json()["details"], json!({ "reason": "downgrade_at_period_end" }));
    }
    assert_eq!(send("plan-change", "agency").status, 200);
    assert_eq!(payer.change(harness, &json!({ "plan": "starter" })).status, 200);
    for function in ["plan-change-preview", "plan-change"] {
        let refused = send(function, "pro");
        assert_eq!(refused.status, 409, "{}", refused.body);
        let details = &refused.json()["details"];
        assert_eq!(details["reason"], "too_many_changes");
        let retry_at = text(details, "retryAt");
        assert!(
            retry_at.starts_with(day(month_after(payer.start)).as_str().expect("a day")),
            "{retry_at}"
        );
    }
    assert_eq!(payer.change(harness, &json!({ "plan": "pro" })).status, 200, "another setting");
}

fn usage_that_classic_billing_would_lose_blocks_the_change(harness: &Harness) {
    let more = [("billing_mode[type]", "classic")];
    let payer = harness.payer("classic", Start { more: &more, ..Start::on("pro") });
    let body = json!({ "plan": "agency" });
    for path in [PREVIEW, CHANGE] {
        let refused = harness.post(path, &payer.account.key, &body);
        assert_eq!(refused.status, 409, "{}", refused.body);
        assert_eq!(refused.json()["details"], json!({ "reason": "classic_billing" }));
    }
}

const DECLINED: &str = "The payment was declined: Your card was declined. Nothing was changed and nothing is owed. Add another payment method (POST /v1/billing/portal-session), then retry.";

fn declined_change_leaves_everything_unchanged(harness: &Harness) {
    let payer = harness.payer("declined", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    let before = payer.ledger(harness);
    for to in [["agency", "month"], ["agency", "year"], ["pro", "year"]] {
        let body = json!({ "plan": to[0], "interval": to[1] });
        let quote = text(&payer.preview(harness, &body), "quote");
        let response = payer.change(harness, &with(&body, "quote", &*quote));
        let details = json!({ "declineCode": "generic_decline", "kind": "soft" });
        assert_error_with(&response, 402, "payment_failed", DECLINED, &details);
        untouched(&before, &payer.ledger(harness), 0);
    }
    // Nothing is charged later, and with a good card the same change succeeds.
    harness.card(&payer.customer, "pm_card_visa");
    harness.advance(&payer.customer, payer.now + 5 * DAY);
    assert_eq!(payer.ledger(harness).charges(), before.charges());
    change_as_previewed(harness, &payer, ["agency", "month"], &[]);
}

fn change_without_a_payment_method_is_declined(harness: &Harness) {
    let payer = harness.payer("penniless", Start { card: None, ..Start::on("hobby") });
    let before = payer.ledger(harness);
    let body = json!({ "plan": "pro" });
    let quote = text(&payer.preview(harness, &body), "quote");
    let response = payer.change(harness, &with(&body, "quote", &*quote));
    let details = json!({ "declineCode": null, "kind": "hard" });
    let message = "The payment was declined: There is no payment method to charge. Nothing was changed and nothing is owed. Add another payment method (POST /v1/billing/portal-session), then retry.";
    assert_error_with(&response, 402, "payment_failed", message, &details);
    untouched(&before, &payer.ledger(harness), 0);
}

const AUTHENTICATE: &str = "The bank requires the customer to authenticate the payment. Send the customer to `details.url`. The change applies after the authentication.";

/// Requests a change that needs authentication, and returns the invoice of the pending update.
#[track_caller]
fn pending(harness: &Harness, payer: &Payer, plan: &str) -> Value {
    let response = payer.change(harness, &json!({ "plan": plan }));
    assert_error_with(
        &response,
        402,
        "payment_action_required",
        AUTHENTICATE,
        &json!({ "url": "<url>" }),
    );
    let path = format!("/invoices?status=open&customer={}", payer.customer.id);
    let open = harness.stripe(&path)["data"].take();
    assert_eq!(open.as_array().map(Vec::len), Some(1), "{open:#}");
    assert_eq!(response.json()["details"]["url"], open[0]["hosted_invoice_url"]);
    open[0].clone()
}

/// Completes the customer's authentication.
#[track_caller]
fn authenticate(harness: &Harness, invoice: &Value, succeed: bool) {
    let path = format!("/invoice_payments?invoice={}", text(invoice, "id"));
    let payments = harness.stripe(&path);
    let intent = text(&payments["data"][0]["payment"], "payment_intent");
    let path = format!("/payment_intents/{intent}/authenticate");
    harness.sandbox("POST", &path, &json!({ "succeed": succeed }));
}

fn change_that_needs_authentication_is_pending_until_the_customer_authenticates(harness: &Harness) {
    let payer = harness.payer("asked-by-the-bank", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let before = payer.ledger(harness);
    let invoice = pending(harness, &payer, "agency");
    let during = payer.ledger(harness);
    assert_eq!((&during.items, during.charges()), (&before.items, before.charges()));
    assert!(during.pending);
    let subscription = payer.at_stripe(harness);
    let expires = subscription["pending_update"]["expires_at"].as_i64().expect("a moment");
    let get = |path: &str| harness.get(path, &payer.account.key, &[]).json();
    let summary = get("/v1/billing/summary");
    assert_eq!(summary["plan"], "pro");
    let expected = json!({
        "plan": "agency", "interval": "month", "quantity": "1", "effectiveAt": null, "reason": "payment_action_required",
        "expiresAt": at(expires), "url": invoice["hosted_invoice_url"], "then": [],
    });
    assert_eq!(summary["pendingChange"], expected);
    assert_eq!(get("/v1/billing/info")["capabilities"]["planChange"], true);
    authenticate(harness, &invoice, true);
    let summary = get("/v1/billing/summary");
    assert_eq!((&summary["plan"], &summary["pendingChange"]), (&json!("agency"), &Value::Null));
    let after = payer.ledger(harness);
    let cost = rest(&payer, 9_900) - rest(&payer, 3_500);
    assert_eq!(after.charges(), (2, 3_500 + cost));
    assert_eq!((after.pending, after.open(), after.void), (false, 0, 0));
    let again = payer.change(harness, &json!({ "plan": "agency" }));
    assert_error(
        &again,
        (
            409,
            "already_on_plan",
            "This plan at this price is the current one. There is nothing to change.",
        ),
    );
}

fn second_change_replaces_a_pending_one(harness: &Harness) {
    let payer = harness.payer("changes-their-mind", Start::on("starter"));
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let before = payer.ledger(harness);
    let first = pending(harness, &payer, "agency");
    let second = pending(harness, &payer, "pro");
    assert_ne!(first["id"], second["id"]);
    let status = harness.stripe(&format!("/invoices/{}", text(&first, "id")))["status"].clone();
    assert_eq!(status, "void");
    // The second one's authentication fails; a third one succeeds.
    authenticate(harness, &second, false);
    let third = pending(harness, &payer, "pro");
    authenticate(harness, &third, true);
    let after = payer.ledger(harness);
    let cost = rest(&payer, 3_500) - rest(&payer, 1_000);
    assert_eq!(after.charges(), (2, 1_000 + cost));
    assert_eq!((after.pending, after.open(), after.balance), (false, 0, before.balance));
    assert_eq!(harness.get("/v1/billing/summary", &payer.account.key, &[]).json()["plan"], "pro");
}
