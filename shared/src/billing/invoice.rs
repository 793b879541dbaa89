//! Invoices: what is still to pay, since when it is overdue, and the period that was billed. No I/O.

use crate::stripe::views::{
    CollectionMethod, Expandable, Invoice, InvoiceStatus, Line, Period, Subscription,
    SubscriptionStatus,
};
use crate::values::{Money, Timestamp};

/// Returns the amount that is still to pay. Stripe keeps the remaining amount of void and uncollectible invoices,
/// which nobody has to pay.
pub fn still_to_pay(invoice: &Invoice) -> Money {
    let is_open = invoice.status == InvoiceStatus::Open;
    Money::new(if is_open { invoice.amount_remaining } else { 0 }, invoice.currency)
}

/// Returns since when the invoice is overdue, if it stays unpaid: the due date of an invoice that is sent, else the
/// time of the first attempt.
pub fn overdue_since(invoice: &Invoice) -> Timestamp {
    let first_attempt = invoice.status_transitions.finalized_at.unwrap_or(invoice.created);
    match invoice.collection_method {
        CollectionMethod::SendInvoice => invoice.due_date.unwrap_or(first_attempt),
        CollectionMethod::ChargeAutomatically => first_attempt,
    }
}

/// Returns the number of attempts to charge the invoice. Stripe does not charge one that is sent.
pub fn attempts(invoice: &Invoice) -> u32 {
    match invoice.collection_method {
        CollectionMethod::SendInvoice => 0,
        CollectionMethod::ChargeAutomatically => invoice.attempt_count,
    }
}

/// The claim that an open invoice has on the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing remains to be paid, or the first attempt or the due date lies ahead.
    NotDue,
    /// Its payment applies a pending update. The customer owes it only if it wants the change.
    PendingUpdate,
    Due,
}

/// Returns the claim of an open invoice at `now`.
///
/// An invoice that is sent can be paid until its due date. Others are charged at once: they are due after the first
/// attempt, or if their subscription waits for them.
pub fn claim(invoice: &Invoice, subscriptions: &[Subscription], now: Timestamp) -> Claim {
    let of_latest = subscriptions.iter().find(|subscription| {
        latest_invoice(subscription).is_some_and(|latest| latest.id == invoice.id)
    });
    let is_awaited = of_latest.is_some_and(|subscription| {
        matches!(
            subscription.status,
            SubscriptionStatus::Incomplete
                | SubscriptionStatus::PastDue
                | SubscriptionStatus::Unpaid
        )
    });
    let is_due = match invoice.collection_method {
        CollectionMethod::SendInvoice => invoice.due_date.is_some_and(|date| date <= now),
        CollectionMethod::ChargeAutomatically => is_awaited || invoice.attempted,
    };
    match () {
        () if invoice.amount_remaining <= 0 => Claim::NotDue,
        () if of_latest.is_some_and(|subscription| subscription.pending_change().is_some()) => {
            Claim::PendingUpdate
        }
        () if is_due => Claim::Due,
        () => Claim::NotDue,
    }
}

/// Returns the latest invoice of a subscription, if it was expanded.
pub fn latest_invoice(subscription: &Subscription) -> Option<&Invoice> {
    subscription.latest_invoice.as_ref().and_then(Expandable::object)
}

/// Returns the subscription's latest invoice if it is a draft that Stripe will charge: a renewal stays one for an hour.
pub fn draft_renewal(subscription: &Subscription) -> Option<&Invoice> {
    latest_invoice(subscription)
        .filter(|invoice| invoice.status == InvoiceStatus::Draft && invoice.auto_advance)
}

/// Returns the period that the subscription was billed for.
///
/// The invoice's own period covers the collection of its items. Usage is billed for the period before, so the line
/// that ends last is that of the base price.
pub fn billed_period(invoice: &Invoice) -> Period {
    let bills = |proration: bool| {
        let lines = invoice.lines.data.iter();
        lines
            .filter(move |line| {
                line.subscription_item().is_some_and(|item| item.proration == proration)
            })
            .max_by_key(|line: &&Line| line.period.end)
    };
    let line = bills(false).or_else(|| bills(true));
    line.map_or(Period { start: invoice.period_start, end: invoice.period_end }, |line| line.period)
}

#[cfg(test)]
mod tests {
    use fixtures::{PERIOD_END, PERIOD_START, view, with};
    use serde_json::{Value, json};

    use super::*;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    fn invoice(change: &Value) -> Invoice {
        view(with(fixtures::invoice("in_1", "open", 3500), change))
    }

    #[test]
    fn only_open_invoices_have_something_to_pay() {
        for (status, due) in
            [("open", 3500), ("paid", 0), ("void", 0), ("uncollectible", 0), ("draft", 0)]
        {
            let invoice = invoice(&json!({ "status": status, "amount_remaining": 3500 }));
            assert_eq!(still_to_pay(&invoice).minor, due, "{status}");
        }
    }

    #[test]
    fn overdue_time_and_attempts_depend_on_the_collection_method() {
        let charged = json!({ "attempt_count": 3, "status_transitions": { "finalized_at": 7 }, "due_date": 9 });
        let sent = with(charged.clone(), &json!({ "collection_method": "send_invoice" }));
        let undated = with(sent.clone(), &json!({ "due_date": null }));
        let drafted = json!({ "attempt_count": 0 });
        for (change, since, count) in
            [(charged, 7, 3), (sent, 9, 0), (undated, 7, 0), (drafted, PERIOD_END, 0)]
        {
            let invoice = invoice(&change);
            assert_eq!(
                (overdue_since(&invoice).seconds(), attempts(&invoice)),
                (since, count),
                "{change}"
            );
        }
    }

    #[test]
    fn claim_depends_on_collection_method_subscription_and_time() {
        let subscription = |status: &str, change: &Value| -> Subscription {
            let latest = json!({ "latest_invoice": fixtures::invoice("in_1", "open", 3500) });
            view(with(with(fixtures::subscription("sub_1", status, &[]), &latest), change))
        };
        let none = json!({});
        let items = fixtures::items(&[("prod_agency", "licensed")]);
        let pending = json!({ "pending_update": { "expires_at": 9, "subscription_items": items } });
        let resuming = json!({ "pending_update": { "expires_at": 9 } });
        let sent = |due: i64| json!({ "collection_method": "send_invoice", "due_date": due });
        let attempted = json!({ "attempted": true });
        let now = PERIOD_END;
        let cases = [
            ("active", &none, none.clone(), Claim::NotDue),
            ("active", &none, attempted.clone(), Claim::Due),
            ("active", &none, json!({ "attempted": true, "amount_remaining": 0 }), Claim::NotDue),
            ("incomplete", &none, none.clone(), Claim::Due),
            ("past_due", &none, none.clone(), Claim::Due),
            ("unpaid", &none, none.clone(), Claim::Due),
            ("past_due", &none, json!({ "id": "in_0" }), Claim::NotDue),
            ("active", &pending, attempted.clone(), Claim::PendingUpdate),
            ("paused", &resuming, attempted, Claim::Due),
            ("active", &none, sent(now + DAY), Claim::NotDue),
            ("past_due", &none, sent(now + DAY), Claim::NotDue),
            ("active", &none, sent(now), Claim::Due),
            ("active", &none, sent(now - DAY), Claim::Due),
            ("active", &none, json!({ "collection_method": "send_invoice" }), Claim::NotDue),
        ];
        for (status, of_subscription, change, expected) in cases {
            let subscriptions = [subscription(status, of_subscription)];
            let got = claim(&invoice(&change), &subscriptions, at(now));
            assert_eq!(got, expected, "{status} {of_subscription} {change}");
        }
    }

    #[test]
    fn only_a_draft_that_advances_is_a_renewal() {
        let cases = [("draft", true, true), ("draft", false, false), ("open", true, false)];
        for (status, advances, expected) in cases {
            let latest =
                with(fixtures::invoice("in_1", status, 1), &json!({ "auto_advance": advances }));
            let subscription = view(with(
                fixtures::subscription("sub_1", "active", &[]),
                &json!({ "latest_invoice": latest }),
            ));
            assert_eq!(draft_renewal(&subscription).is_some(), expected, "{status} {advances}");
        }
    }

    #[test]
    fn billed_period_is_that_of_the_base_price_then_of_a_proration_then_the_invoices_own() {
        let line = |start: i64, end: i64, proration: Option<bool>| {
            let details = proration
                .map(|proration| json!({ "subscription_item": "si_1", "proration": proration }));
            json!({ "id": "il_1", "amount": 0, "period": { "start": start, "end": end }, "parent": { "subscription_item_details": details } })
        };
        let (usage, base) = (line(0, 30 * DAY, Some(false)), line(30 * DAY, 61 * DAY, Some(false)));
        let (proration, item) = (line(DAY, 90 * DAY, Some(true)), line(0, 99 * DAY, None));
        let cases = [
            (json!([usage, base, proration, item]), 30 * DAY, 61 * DAY),
            (json!([usage]), 0, 30 * DAY),
            (json!([proration, item]), DAY, 90 * DAY),
            (json!([item]), PERIOD_START, PERIOD_END),
        ];
        for (lines, start, end) in cases {
            let period =
                billed_period(&invoice(&json!({ "lines": { "data": lines, "has_more": false } })));
            assert_eq!((period.start.seconds(), period.end.seconds()), (start, end), "{lines}");
        }
    }
}
