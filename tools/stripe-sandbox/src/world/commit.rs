//! Completion of a unit of changes.

use super::World;
use super::changes::{Announcement, Changed, Notice, Unit};
use crate::model::event::Cause;

impl World {
    /// Adds an event without a change to the current unit.
    pub fn announce(&mut self, announcement: Announcement) {
        if !self.changes.announced.contains(&announcement) {
            self.changes.announced.push(announcement);
        }
    }

    /// Completes a unit: the events of all changes since the last call get this cause and the time
    /// of the sandbox's own clock.
    pub fn commit(&mut self, cause: Cause) {
        let mut changes = Vec::new();
        macro_rules! collect {
            ($($table:ident => $kind:ident),+ $(,)?) => {$(
                let real = self.$table.take_changes().filter(|change| change.is_real());
                changes.extend(real.map(Changed::$kind));
            )+};
        }
        collect!(
            products => Product,
            prices => Price,
            meters => Meter,
            tax_rates => TaxRate,
            coupons => Coupon,
            promotion_codes => PromotionCode,
            portal_configurations => PortalConfiguration,
            test_clocks => TestClock,
            customers => Customer,
            payment_methods => PaymentMethod,
            invoice_items => InvoiceItem,
            payment_intents => PaymentIntent,
            invoices => Invoice,
            invoice_payments => InvoicePayment,
            subscriptions => Subscription,
            schedules => Schedule,
            checkout_sessions => Checkout,
            portal_sessions => Portal,
        );
        // These objects have no events.
        drop(self.discounts.take_changes());
        drop(self.balance_transactions.take_changes());
        for announcement in std::mem::take(&mut self.changes.announced) {
            changes.extend(self.notice(&announcement).map(Changed::Notice));
        }
        if !changes.is_empty() {
            self.changes.push(Unit { created: self.own_now, cause, changes });
        }
    }

    fn notice(&self, announcement: &Announcement) -> Option<Notice> {
        Some(match announcement {
            Announcement::TrialWillEnd(id) => Notice::TrialWillEnd(self.subscriptions.version(id)?),
            Announcement::ScheduleExpires(id) => {
                Notice::ScheduleExpires(self.schedules.version(id)?)
            }
            Announcement::InvoiceSent(id) => Notice::InvoiceSent(self.invoices.version(id)?),
        })
    }
}
