//! The customer's debts: overdue invoices, and invoices whose payment is processing. No I/O.

use shared::billing::breakdown::sum;
use shared::billing::invoice::{Claim, claim};
use shared::billing::payment::Payment;
use shared::stripe::views::{Invoice, Subscription};
use shared::{Currency, Money, StripeError, Timestamp};

/// The open invoices that are overdue or whose payment is processing, oldest first.
#[derive(Default)]
pub struct Debts<'a> {
    overdue: Vec<&'a Invoice>,
    /// With the start of the payment.
    processing: Vec<(&'a Invoice, Timestamp)>,
}

impl<'a> Debts<'a> {
    /// Sorts the open invoices. `payment` returns the state of an invoice's payment; `now` counts if there is no
    /// subscription.
    pub fn of(
        open: &'a [Invoice],
        subscriptions: &[Subscription],
        payment: impl Fn(&Invoice) -> Payment,
        now: Timestamp,
    ) -> Self {
        let now = subscriptions.first().map_or(now, Subscription::now);
        let mut debts = Self::default();
        let mut oldest_first: Vec<_> = open.iter().filter(|it| it.amount_remaining > 0).collect();
        oldest_first.sort_by_key(|invoice| invoice.created);
        for invoice in oldest_first {
            match (payment(invoice), claim(invoice, subscriptions, now)) {
                (Payment::Processing { since }, _) => debts.processing.push((invoice, since)),
                (_, Claim::Due) => debts.overdue.push(invoice),
                (_, Claim::NotDue | Claim::PendingUpdate) => {}
            }
        }
        debts
    }

    /// Returns the oldest overdue invoice of a subscription.
    pub fn overdue_of(&self, subscription: &Subscription) -> Option<&'a Invoice> {
        self.overdue.iter().copied().find(|invoice| is_of(invoice, subscription))
    }

    /// Returns the oldest overdue invoice.
    pub fn overdue(&self) -> Option<&'a Invoice> {
        self.overdue.first().copied()
    }

    /// Returns the oldest invoice of a subscription whose payment is processing.
    pub fn processing_of(&self, subscription: &Subscription) -> Option<&'a Invoice> {
        let mut processing = self.processing.iter().map(|(invoice, _)| *invoice);
        processing.find(|invoice| is_of(invoice, subscription))
    }

    /// Returns the oldest invoice whose payment is processing, with the start of the payment.
    pub fn processing(&self) -> Option<(&'a Invoice, Timestamp)> {
        self.processing.first().copied()
    }

    /// Returns the overdue sums, one for each currency.
    pub fn sums(&self) -> Result<Vec<Money>, StripeError> {
        let mut currencies: Vec<Currency> = Vec::new();
        for invoice in &self.overdue {
            if !currencies.contains(&invoice.currency) {
                currencies.push(invoice.currency);
            }
        }
        currencies.into_iter().map(|currency| self.sum(currency)).collect()
    }

    /// Returns the overdue sum in a currency.
    pub fn sum(&self, currency: Currency) -> Result<Money, StripeError> {
        let of_currency = self.overdue.iter().filter(|invoice| invoice.currency == currency);
        sum(of_currency.map(|invoice| invoice.amount_remaining), currency)
    }
}

fn is_of(invoice: &Invoice, subscription: &Subscription) -> bool {
    invoice.subscription() == Some(&subscription.id)
}
