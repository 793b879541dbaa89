//! The response for each state at Stripe.

use fixtures::{view, with};
use serde_json::{Value, json};
use shared::Timestamp;
use shared::billing::payment::Payment;
use shared::stripe::views::{Invoice, Subscription};
use shared::stripe::{Decline, DeclineKind};

use crate::debts::Debts;
use crate::response::Dunning;
use crate::state::{Rules, Verdict};

const DAY: i64 = 86_400;
/// Time of the test clock.
const NOW: i64 = fixtures::PERIOD_END;
const RULES: Rules = Rules { max_attempts: 4, grace_days: 21 };

fn subscription(id: &str, status: &str, change: &Value) -> Subscription {
    let base = json!({ "created": NOW - 90 * DAY, "test_clock": { "frozen_time": NOW } });
    view(with(with(fixtures::subscription(id, status, &[]), &base), change))
}

/// Returns an open invoice of `sub_1` that was finalized `days` ago and has 35.00 USD unpaid.
fn invoice(id: &str, days: i64, change: &Value) -> Value {
    let base = json!({
        "number": format!("CANT-{id}"), "attempted": true, "attempt_count": 2, "next_payment_attempt": NOW + DAY,
        "created": NOW - days * DAY - 3600, "status_transitions": { "finalized_at": NOW - days * DAY },
        "hosted_invoice_url": format!("https://invoice.stripe.com/i/{id}"),
        "parent": { "subscription_details": { "subscription": "sub_1" } },
    });
    with(with(fixtures::invoice(id, "open", 3500), &base), change)
}

/// Returns the fields of an invoice that is sent and due at `due`, with those of `change`.
fn sent(due: i64, change: &Value) -> Value {
    let base = json!({
        "collection_method": "send_invoice", "due_date": due, "attempted": false, "attempt_count": 9,
        "next_payment_attempt": null,
    });
    with(base, change)
}

fn decline(kind: DeclineKind) -> Decline {
    Decline {
        code: Some("card_declined".to_owned()),
        decline_code: None,
        kind,
        message: "Declined.".to_owned(),
    }
}

fn dunning(subscriptions: &[Subscription], open: &[Value], failure: Option<DeclineKind>) -> Value {
    with_processing(subscriptions, open, failure, &[])
}

/// The payments of the invoices in `processing` are processing since [`NOW`].
fn with_processing(
    subscriptions: &[Subscription],
    open: &[Value],
    failure: Option<DeclineKind>,
    processing: &[&str],
) -> Value {
    let open: Vec<Invoice> = view(json!(open));
    let since = Timestamp::try_from(NOW).expect("in range");
    let payment = |invoice: &Invoice| {
        let is_processing = processing.contains(&invoice.id.as_str());
        if is_processing { Payment::Processing { since } } else { Payment::None }
    };
    let debts = Debts::of(&open, subscriptions, payment, Timestamp::now());
    let verdict = Verdict::of(subscriptions, &debts, &RULES);
    let currency = verdict.invoice.map_or("usd".parse().expect("a currency"), |it| it.currency);
    let dunning = Dunning::of(&verdict, &debts, currency, failure.map(decline), &RULES);
    serde_json::to_value(dunning.expect("it adds up")).expect("serializes")
}

fn pick(answer: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| answer[*field].clone()).collect()
}

#[test]
fn account_without_debt_is_active() {
    let expected = json!({
        "state": "active", "reason": null, "since": null, "attempts": 0, "maxAttempts": 4, "nextAttemptAt": null,
        "graceEndsAt": null, "amountDue": "0.00", "currency": "USD", "overdue": [], "invoice": null, "processing": null, "failure": null,
        "deployBlocked": false, "recovery": null,
    });
    let none = json!({});
    for subscriptions in [
        vec![],
        vec![subscription("sub_1", "active", &none)],
        vec![subscription("sub_1", "trialing", &none)],
    ] {
        assert_eq!(dunning(&subscriptions, &[], None), expected);
    }
}

#[test]
fn overdue_account_has_all_fields() {
    let subscriptions = [subscription("sub_1", "past_due", &json!({}))];
    let open =
        [invoice("in_2", 1, &json!({ "amount_remaining": 1000 })), invoice("in_1", 5, &json!({}))];
    let expected = json!({
        "state": "past_due", "reason": null, "since": "2026-06-23T09:30:00Z", "attempts": 2, "maxAttempts": 4,
        "nextAttemptAt": "2026-06-29T09:30:00Z", "graceEndsAt": "2026-07-14T09:30:00Z",
        "amountDue": "45.00", "currency": "USD", "overdue": [{ "currency": "USD", "amount": "45.00" }],
        "invoice": { "number": "CANT-in_1", "amountDue": "35.00", "currency": "USD", "hostedUrl": "https://invoice.stripe.com/i/in_1" },
        "processing": null,
        "failure": { "code": "card_declined", "declineCode": null, "kind": "soft", "message": "Declined." },
        "deployBlocked": false,
        "recovery": { "action": "pay_invoice", "url": "https://invoice.stripe.com/i/in_1", "method": "GET" },
    });
    assert_eq!(dunning(&subscriptions, &open, Some(DeclineKind::Soft)), expected);
}

#[test]
fn each_status_has_its_state() {
    let ended = |reason: &str| json!({ "ended_at": NOW - DAY, "cancellation_details": { "reason": reason } });
    let none = json!({});
    // status, what else, days since the first failure, attempts → state, reason, deploy blocked
    let cases = [
        ("past_due", none.clone(), 20, 3, json!(["past_due", null, false])),
        ("past_due", none.clone(), 21, 1, json!(["suspended", null, true])),
        ("past_due", none.clone(), 1, 4, json!(["suspended", null, true])),
        ("incomplete", none.clone(), 0, 1, json!(["past_due", null, false])),
        ("incomplete", none.clone(), 0, 4, json!(["suspended", null, true])),
        ("unpaid", none.clone(), 9, 4, json!(["suspended", null, true])),
        ("paused", none.clone(), 0, 0, json!(["suspended", null, true])),
        (
            "canceled",
            ended("cancellation_requested"),
            0,
            0,
            json!(["canceled", "cancellation_requested", false]),
        ),
        ("canceled", ended("payment_failed"), 9, 4, json!(["canceled", "payment_failed", true])),
        (
            "canceled",
            ended("payment_disputed"),
            0,
            0,
            json!(["canceled", "payment_disputed", true]),
        ),
        ("canceled", none.clone(), 0, 0, json!(["canceled", null, false])),
        ("incomplete_expired", none, 0, 0, json!(["canceled", "payment_failed", true])),
    ];
    for (status, change, days, attempts, expected) in cases {
        let open = [invoice("in_1", days, &json!({ "attempt_count": attempts }))];
        let got = dunning(&[subscription("sub_1", status, &change)], &open, None);
        assert_eq!(
            pick(&got, &["state", "reason", "deployBlocked"]),
            expected,
            "{status} {days} {attempts}"
        );
    }
}

#[test]
fn the_way_out_fits_the_failure() {
    let page = |action: &str| json!({ "action": action, "url": "https://invoice.stripe.com/i/in_1", "method": "GET" });
    let portal = json!({ "action": "update_payment_method", "url": "/v1/billing/portal-session", "method": "POST" });
    let resubscribe =
        json!({ "action": "resubscribe", "url": "/v1/billing/checkout-session", "method": "POST" });
    let (none, no_retry, no_page) =
        (json!({}), json!({ "next_payment_attempt": null }), json!({ "hosted_invoice_url": null }));
    let cases = [
        ("past_due", &none, Some(DeclineKind::Soft), page("pay_invoice")),
        ("past_due", &none, None, page("pay_invoice")),
        ("past_due", &none, Some(DeclineKind::Authentication), page("authenticate_payment")),
        ("past_due", &none, Some(DeclineKind::Hard), portal.clone()),
        ("past_due", &no_retry, Some(DeclineKind::Hard), page("pay_invoice")),
        ("past_due", &no_page, Some(DeclineKind::Authentication), portal.clone()),
        ("unpaid", &no_retry, Some(DeclineKind::Soft), page("pay_invoice")),
        ("paused", &none, Some(DeclineKind::Soft), portal),
        ("canceled", &none, None, resubscribe.clone()),
        ("incomplete_expired", &none, None, resubscribe),
    ];
    for (status, change, failure, expected) in cases {
        let got = dunning(
            &[subscription("sub_1", status, &none)],
            &[invoice("in_1", 1, change)],
            failure,
        );
        assert_eq!(got["recovery"], expected, "{status} {failure:?}");
    }
    let without_invoice = dunning(&[subscription("sub_1", "past_due", &none)], &[], None);
    assert_eq!(without_invoice["recovery"]["action"], "update_payment_method");
    assert_eq!(without_invoice["since"], "2026-03-30T09:30:00Z", "since the subscription was made");
}

#[test]
fn the_worst_of_several_live_subscriptions_counts_and_ended_ones_do_not() {
    let none = json!({});
    let sub = |id: &str, status: &str| subscription(id, status, &none);
    let cases = [
        (vec![sub("sub_2", "active"), sub("sub_1", "past_due")], "past_due"),
        (vec![sub("sub_2", "unpaid"), sub("sub_1", "past_due")], "suspended"),
        (vec![sub("sub_2", "active"), sub("sub_1", "canceled")], "active"),
    ];
    for (subscriptions, state) in cases {
        assert_eq!(dunning(&subscriptions, &[], None)["state"], state);
    }
    let ended = |id: &str, at: i64, reason: &str| {
        subscription(
            id,
            "canceled",
            &json!({ "ended_at": at, "cancellation_details": { "reason": reason } }),
        )
    };
    let two = [
        ended("sub_2", NOW - 9 * DAY, "payment_failed"),
        ended("sub_1", NOW - DAY, "cancellation_requested"),
    ];
    assert_eq!(
        pick(&dunning(&two, &[], None), &["reason", "since"]),
        json!(["cancellation_requested", "2026-06-27T09:30:00Z"])
    );
}

#[test]
fn what_is_not_due_yet_is_not_overdue() {
    let latest = |invoice: &Value| json!({ "latest_invoice": invoice });
    let fresh = invoice("in_1", 0, &json!({ "attempted": false, "attempt_count": 0 }));
    let mut pending = latest(&invoice("in_1", 0, &json!({})));
    let items = fixtures::items(&[("prod_agency", "licensed")]);
    pending["pending_update"] = json!({ "expires_at": NOW + DAY, "subscription_items": items });
    let mut resuming = latest(&invoice("in_1", 0, &json!({})));
    resuming["pending_update"] = json!({ "expires_at": NOW + DAY });
    let sent = |due: i64| invoice("in_1", 9, &sent(due, &json!({ "parent": null })));
    // subscription's status and fields, invoice → amount due
    let cases = [
        ("active", json!({}), fresh.clone(), "0.00"),
        ("incomplete", latest(&fresh), fresh.clone(), "35.00"),
        ("past_due", latest(&fresh), fresh, "35.00"),
        ("active", pending, invoice("in_1", 0, &json!({})), "0.00"),
        ("paused", resuming, invoice("in_1", 0, &json!({})), "35.00"),
        ("active", json!({}), sent(NOW + DAY), "0.00"),
        ("active", json!({}), sent(NOW - DAY), "35.00"),
        ("past_due", latest(&sent(NOW + DAY)), sent(NOW + DAY), "0.00"),
        ("active", json!({}), invoice("in_1", 1, &json!({ "amount_remaining": 0 })), "0.00"),
    ];
    for (status, change, invoice, amount) in cases {
        let got = dunning(&[subscription("sub_1", status, &change)], &[invoice], None);
        assert_eq!(got["amountDue"], amount, "{status} {change}");
    }
}

#[test]
fn an_invoice_that_is_sent_is_overdue_from_its_due_date_on() {
    let sent = |due: i64| invoice("in_1", 40, &sent(due, &json!({})));
    let of = |invoice: Value| {
        dunning(&[subscription("sub_1", "past_due", &json!({}))], &[invoice], None)
    };
    let fields = ["state", "since", "graceEndsAt", "attempts", "deployBlocked", "recovery"];
    let pay = json!({ "action": "pay_invoice", "url": "https://invoice.stripe.com/i/in_1", "method": "GET" });
    assert_eq!(
        pick(&of(sent(NOW - 10 * DAY)), &fields),
        json!(["past_due", "2026-06-18T09:30:00Z", "2026-07-09T09:30:00Z", 0, false, pay])
    );
    assert_eq!(
        pick(&of(sent(NOW - 21 * DAY)), &fields),
        json!(["suspended", "2026-06-07T09:30:00Z", null, 0, true, pay])
    );
}

#[test]
fn processing_payment_is_neither_overdue_nor_counted() {
    let old = invoice("in_1", 30, &json!({ "attempt_count": 9 }));
    let of = |status: &str, open: &[Value]| {
        with_processing(&[subscription("sub_1", status, &json!({}))], open, None, &["in_1"])
    };
    let fields = [
        "state",
        "since",
        "attempts",
        "graceEndsAt",
        "amountDue",
        "overdue",
        "invoice",
        "recovery",
        "deployBlocked",
    ];
    let processing = json!({
        "amount": "35.00", "currency": "USD", "since": "2026-06-28T09:30:00Z",
        "invoice": { "number": "CANT-in_1", "amountDue": "35.00", "currency": "USD", "hostedUrl": "https://invoice.stripe.com/i/in_1" },
    });
    let since = "2026-05-29T09:30:00Z";
    let cases = [
        ("active", json!(["active", null, 0, null, "0.00", [], null, null, false])),
        ("past_due", json!(["past_due", since, 0, null, "0.00", [], null, null, false])),
        ("incomplete", json!(["past_due", since, 0, null, "0.00", [], null, null, false])),
        ("unpaid", json!(["suspended", since, 0, null, "0.00", [], null, null, true])),
    ];
    for (status, expected) in cases {
        let got = of(status, std::slice::from_ref(&old));
        assert_eq!(pick(&got, &fields), expected, "{status}");
        assert_eq!(got["processing"], processing, "{status}");
    }
    let paused = of("paused", std::slice::from_ref(&old));
    assert_eq!(
        paused["recovery"]["action"], "update_payment_method",
        "a payment does not resume it"
    );
    let two = of("past_due", &[old.clone(), invoice("in_2", 1, &json!({}))]);
    assert_eq!(
        pick(&two, &["state", "amountDue", "attempts", "recovery"]),
        json!(["past_due", "35.00", 2, { "action": "pay_invoice", "url": "https://invoice.stripe.com/i/in_2", "method": "GET" }])
    );
    let resubscribe = of("canceled", &[old]);
    assert_eq!(resubscribe["recovery"]["action"], "resubscribe");
}

#[test]
fn payment_of_a_pending_update_or_of_an_invoice_before_its_due_date_is_shown() {
    let items = fixtures::items(&[("prod_agency", "licensed")]);
    let pending = json!({
        "latest_invoice": invoice("in_1", 0, &json!({})),
        "pending_update": { "expires_at": NOW + DAY, "subscription_items": items },
    });
    let sent = invoice("in_1", 1, &sent(NOW + 9 * DAY, &json!({})));
    for (change, open) in [(pending, invoice("in_1", 0, &json!({}))), (json!({}), sent)] {
        let got =
            with_processing(&[subscription("sub_1", "active", &change)], &[open], None, &["in_1"]);
        assert_eq!(pick(&got, &["state", "amountDue"]), json!(["active", "0.00"]), "{change}");
        assert_eq!(got["processing"]["amount"], "35.00", "{change}");
    }
}

#[test]
fn each_currency_has_its_own_sum() {
    let open = [
        invoice("in_3", 1, &json!({ "currency": "eur", "parent": null })),
        invoice("in_2", 2, &json!({})),
        invoice("in_1", 3, &json!({ "currency": "eur", "parent": null })),
    ];
    let got = dunning(&[subscription("sub_1", "past_due", &json!({}))], &open, None);
    assert_eq!(
        pick(&got, &["amountDue", "currency", "overdue"]),
        json!(["35.00", "USD", [{ "currency": "EUR", "amount": "70.00" }, { "currency": "USD", "amount": "35.00" }]])
    );
    assert_eq!(got["invoice"]["currency"], "USD");
}

#[test]
fn a_bill_outside_the_subscription_can_be_paid_but_suspends_nothing() {
    let one_off = invoice("in_9", 60, &json!({ "parent": null, "attempt_count": 9 }));
    let got = dunning(
        &[subscription("sub_1", "active", &json!({}))],
        std::slice::from_ref(&one_off),
        None,
    );
    assert_eq!(
        pick(&got, &["state", "deployBlocked", "amountDue"]),
        json!(["active", false, "35.00"])
    );
    assert_eq!(got["recovery"]["action"], "pay_invoice");
    let overdue = dunning(
        &[subscription("sub_1", "past_due", &json!({}))],
        &[invoice("in_1", 2, &json!({})), one_off],
        None,
    );
    assert_eq!(pick(&overdue, &["state", "amountDue"]), json!(["past_due", "70.00"]));
    assert_eq!(
        overdue["invoice"]["number"], "CANT-in_1",
        "the one that the subscription is overdue for"
    );
}

#[test]
fn without_a_test_clock_our_own_counts() {
    let mut overdue = subscription("sub_1", "past_due", &json!({ "test_clock": null }));
    let now = Timestamp::now().seconds();
    let at = |days: i64| {
        invoice("in_1", 0, &json!({ "status_transitions": { "finalized_at": now - days * DAY } }))
    };
    for (days, state) in [(20, "past_due"), (22, "suspended")] {
        assert_eq!(dunning(std::slice::from_ref(&overdue), &[at(days)], None)["state"], state);
    }
    overdue.test_clock = None;
    assert_eq!(dunning(&[overdue], &[at(22)], None)["state"], "suspended");
}
