//! Changes of objects, from which `resources::events` derives events.
//!
//! A unit contains what one request or one due change did to the objects. It holds versions that
//! the tables hold anyway, so recording costs little when nobody reads events.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::catalog::{Coupon, Meter, Price, Product, PromotionCode, TaxRate};
use crate::model::customer::{Customer, PaymentMethod, TestClock};
use crate::model::event::{Cause, RETENTION};
use crate::model::invoice::{Invoice, InvoiceItem, InvoicePayment, PaymentIntent};
use crate::model::schedule::Schedule;
use crate::model::subscription::Subscription;
use crate::model::{checkout, portal};
use crate::values::period::Timestamp;

/// First and last version of an object within a unit. None: the object did not exist.
pub struct Change<T> {
    pub before: Option<Arc<T>>,
    pub after: Option<Arc<T>>,
}

impl<T> Change<T> {
    /// Returns whether there is a version; an object can be created and removed within one unit.
    pub fn is_real(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }
}

/// Changed object, in the order in which a unit's events are listed.
pub enum Changed {
    Product(Change<Product>),
    Price(Change<Price>),
    Meter(Change<Meter>),
    TaxRate(Change<TaxRate>),
    Coupon(Change<Coupon>),
    PromotionCode(Change<PromotionCode>),
    PortalConfiguration(Change<portal::Configuration>),
    TestClock(Change<TestClock>),
    Customer(Change<Customer>),
    PaymentMethod(Change<PaymentMethod>),
    InvoiceItem(Change<InvoiceItem>),
    PaymentIntent(Change<PaymentIntent>),
    Invoice(Change<Invoice>),
    InvoicePayment(Change<InvoicePayment>),
    Subscription(Change<Subscription>),
    Schedule(Change<Schedule>),
    Checkout(Change<checkout::Session>),
    Portal(Change<portal::Session>),
    Notice(Notice),
}

/// Event without a change of its object.
pub enum Notice {
    TrialWillEnd(Arc<Subscription>),
    ScheduleExpires(Arc<Schedule>),
    InvoiceSent(Arc<Invoice>),
}

/// Notice before its unit is complete: the object's ID.
#[derive(Clone, PartialEq, Eq)]
pub enum Announcement {
    TrialWillEnd(String),
    ScheduleExpires(String),
    InvoiceSent(String),
}

pub struct Unit {
    /// Time of the sandbox's own clock.
    pub created: Timestamp,
    pub cause: Cause,
    pub changes: Vec<Changed>,
}

/// Units whose events were not derived yet, oldest first.
#[derive(Default)]
pub struct Changes {
    units: VecDeque<Unit>,
    count: usize,
    pub announced: Vec<Announcement>,
}

/// Maximum number of changed objects that are kept, so that a long test without a reader of events
/// does not fill the memory.
const CAPACITY: usize = 200_000;

impl Changes {
    /// Adds a unit. Drops units that are older than the retention or exceed the capacity.
    pub fn push(&mut self, unit: Unit) {
        let oldest = unit.created - RETENTION;
        self.count += unit.changes.len();
        self.units.push_back(unit);
        while self.units.len() > 1
            && self
                .units
                .front()
                .is_some_and(|first| first.created < oldest || self.count > CAPACITY)
        {
            self.count -= self.units.pop_front().map_or(0, |first| first.changes.len());
        }
    }

    pub fn take(&mut self) -> VecDeque<Unit> {
        self.count = 0;
        std::mem::take(&mut self.units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(created: Timestamp, changes: usize) -> Unit {
        let nothing = || Changed::Product(Change { before: None, after: None });
        let changes = (0..changes).map(|_| nothing()).collect();
        Unit { created, cause: Cause::default(), changes }
    }

    fn kept(units: &[(Timestamp, usize)]) -> Vec<Timestamp> {
        let mut changes = Changes::default();
        for (created, count) in units {
            changes.push(unit(*created, *count));
        }
        changes.take().iter().map(|unit| unit.created).collect()
    }

    #[test]
    fn old_and_excess_units_are_dropped() {
        assert_eq!(kept(&[(0, 1), (1, 1), (RETENTION + 1, 1)]), [1, RETENTION + 1]);
        assert_eq!(kept(&[(0, 5), (1, CAPACITY), (2, 0)]), [1, 2]);
        assert_eq!(kept(&[(0, CAPACITY + 1)]), [0], "the newest unit stays");
    }
}
