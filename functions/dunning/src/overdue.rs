//! Overdue invoices. No I/O.

use std::collections::HashMap;

use shared::billing::breakdown::sum;
use shared::stripe::is_processing;
use shared::stripe::views::{
    CollectionMethod, Expandable, Invoice, InvoicePayment, Subscription, SubscriptionStatus,
};
use shared::{Currency, Money, StripeError, Timestamp};

/// The payments of invoices, by the invoice's ID.
pub type Payments = HashMap<String, Vec<InvoicePayment>>;

/// The open invoices that are overdue, oldest first.
pub struct Overdue<'a>(Vec<&'a Invoice>);

impl<'a> Overdue<'a> {
    /// Selects the overdue ones of the open invoices.
    pub fn of(open: &'a [Invoice], subscriptions: &[Subscription]) -> Self {
        let now = subscriptions.first().map_or_else(Timestamp::now, Subscription::now);
        let is_overdue = |invoice: &&Invoice| {
            let role =
                subscriptions.iter().find_map(|subscription| Role::of(invoice, subscription));
            match role {
                // Owed only if the customer wants the change.
                Some(Role::PendingChange) => false,
                role => invoice.amount_remaining > 0 && is_late(invoice, role.is_some(), now),
            }
        };
        let mut overdue: Vec<_> = open.iter().filter(is_overdue).collect();
        overdue.sort_by_key(|invoice| invoice.created);
        Self(overdue)
    }

    /// Removes the invoices whose payment is under way, such as a bank debit that takes days.
    pub fn remove_processing(&mut self, payments: &Payments) {
        self.0.retain(|invoice| payments.get(&invoice.id).is_none_or(|own| !is_processing(own)));
    }

    /// Returns the overdue invoices, oldest first.
    pub fn invoices(&self) -> impl Iterator<Item = &'a Invoice> {
        self.0.iter().copied()
    }

    /// Returns the oldest overdue invoice of a subscription.
    pub fn oldest_of(&self, subscription: &Subscription) -> Option<&'a Invoice> {
        self.0.iter().copied().find(|invoice| invoice.subscription() == Some(&subscription.id))
    }

    /// Returns the oldest overdue invoice.
    pub fn oldest(&self) -> Option<&'a Invoice> {
        self.0.first().copied()
    }

    /// Returns the overdue sum in a currency.
    pub fn sum(&self, currency: Currency) -> Result<Money, StripeError> {
        let of_currency = self.0.iter().filter(|invoice| invoice.currency == currency);
        sum(of_currency.map(|invoice| invoice.amount_remaining), currency)
    }
}

/// Returns whether a payment of the invoice is late. An invoice that is sent can be paid until its due date. Others are
/// charged at once: they are late after the first attempt, or if the subscription waits for them.
fn is_late(invoice: &Invoice, is_awaited: bool, now: Timestamp) -> bool {
    match invoice.collection_method {
        CollectionMethod::SendInvoice => invoice.due_date.is_some_and(|date| date <= now),
        CollectionMethod::ChargeAutomatically => is_awaited || invoice.attempted,
    }
}

/// The role of a subscription's latest invoice.
enum Role {
    /// Its payment applies a pending update.
    PendingChange,
    /// Its payment would make the subscription active.
    Blocking,
}

impl Role {
    fn of(invoice: &Invoice, subscription: &Subscription) -> Option<Self> {
        let latest = subscription.latest_invoice.as_ref().and_then(Expandable::object)?;
        let stuck = matches!(
            subscription.status,
            SubscriptionStatus::Incomplete
                | SubscriptionStatus::PastDue
                | SubscriptionStatus::Unpaid
        );
        match () {
            () if latest.id != invoice.id => None,
            () if subscription.pending_change().is_some() => Some(Self::PendingChange),
            () => stuck.then_some(Self::Blocking),
        }
    }
}
