//! State of one sandbox.
//!
//! A request runs while the world is locked. Before it runs, `lifecycle::tick` applies all due
//! changes, in order of their time, each at its own time.

use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::model::catalog::{Coupon, Discount, Meter, Price, Product, PromotionCode, TaxRate};
use crate::model::customer::{BalanceTransaction, Customer, PaymentMethod, TestClock};
use crate::model::event::Event;
use crate::model::invoice::{Invoice, InvoiceItem, InvoicePayment, PaymentIntent};
use crate::model::portal;
use crate::model::schedule::Schedule;
use crate::model::subscription::{Subscription, TRIAL_NOTICE};
use crate::model::usage::Usage;
use crate::model::{Entity, checkout};
use crate::values::errors::{ApiError, Result};
use crate::values::period::Timestamp;

pub mod agenda;
pub mod changes;
mod commit;
pub mod event_faults;
pub mod invoice_limits;
mod plan;
pub mod previews;
pub mod store;

use crate::values::ids::Ids;
use agenda::{Agenda, ClockKey, Due, Entry, invoice_entry};
use changes::{Announcement, Changes};
use event_faults::EventFaults;
use invoice_limits::InvoiceLimits;
use previews::Previews;
use store::Table;

#[derive(Serialize, Deserialize)]
pub struct World {
    pub settings: Settings,
    pub ids: Ids,
    /// Seconds added to real time for the sandbox's own clock.
    pub offset: i64,
    /// Current time of the sandbox's own clock. During a due change it is that change's time.
    own_now: Timestamp,
    pub products: Table<Product>,
    pub prices: Table<Price>,
    pub meters: Table<Meter>,
    pub usage: Usage,
    pub coupons: Table<Coupon>,
    pub discounts: Table<Discount>,
    pub promotion_codes: Table<PromotionCode>,
    pub tax_rates: Table<TaxRate>,
    pub customers: Table<Customer>,
    pub payment_methods: Table<PaymentMethod>,
    pub balance_transactions: Table<BalanceTransaction>,
    subscriptions: Table<Subscription>,
    invoices: Table<Invoice>,
    schedules: Table<Schedule>,
    pub invoice_items: Table<InvoiceItem>,
    pub invoice_payments: Table<InvoicePayment>,
    payment_intents: Table<PaymentIntent>,
    pub test_clocks: Table<TestClock>,
    pub checkout_sessions: Table<checkout::Session>,
    pub portal_configurations: Table<portal::Configuration>,
    pub portal_sessions: Table<portal::Session>,
    pub previews: Previews,
    pub invoice_limits: InvoiceLimits,
    pub events: Table<Event>,
    /// A generator of its own, so that reading events does not change other IDs.
    pub event_ids: Ids,
    #[serde(skip)]
    pub event_faults: EventFaults,
    #[serde(skip)]
    pub changes: Changes,
    #[serde(skip)]
    agenda: Agenda,
}

impl World {
    pub fn new(settings: Settings, seed: u64, real_now: Timestamp) -> World {
        World {
            settings,
            ids: Ids::new(seed),
            offset: 0,
            own_now: real_now,
            products: Table::default(),
            prices: Table::default(),
            meters: Table::default(),
            usage: Usage::default(),
            coupons: Table::default(),
            discounts: Table::default(),
            promotion_codes: Table::default(),
            tax_rates: Table::default(),
            customers: Table::default(),
            payment_methods: Table::default(),
            balance_transactions: Table::default(),
            subscriptions: Table::default(),
            invoices: Table::default(),
            schedules: Table::default(),
            invoice_items: Table::default(),
            invoice_payments: Table::default(),
            payment_intents: Table::default(),
            test_clocks: Table::default(),
            checkout_sessions: Table::default(),
            portal_configurations: Table::default(),
            portal_sessions: Table::default(),
            previews: Previews::default(),
            invoice_limits: InvoiceLimits::default(),
            events: Table::default(),
            event_ids: Ids::new(seed.rotate_left(32)),
            event_faults: EventFaults::default(),
            changes: Changes::default(),
            agenda: Agenda::default(),
        }
    }

    /// Rebuilds the agenda after a snapshot was read, and sets the new origin.
    pub fn after_restore(mut self, origin: String) -> World {
        self.settings.origin = origin;
        let mut entries: Vec<Entry> = Vec::new();
        entries.extend(self.subscriptions.all().flat_map(|sub| self.subscription_entries(sub)));
        entries.extend(self.schedules.all().flat_map(|schedule| self.schedule_entries(schedule)));
        entries.extend(self.checkout_sessions.all().map(|session| self.checkout_entry(session)));
        entries.extend(self.payment_intents.all().map(|intent| self.payment_intent_entry(intent)));
        entries.extend(self.invoices.all().map(invoice_entry));
        self.plan(entries);
        self
    }

    /// Returns the time of a test clock, or of the sandbox's own clock for None.
    pub fn now(&self, test_clock: Option<&str>) -> Timestamp {
        test_clock
            .and_then(|id| self.test_clocks.get(id))
            .map_or(self.own_now, |clock| clock.frozen_time)
    }

    /// Returns the time of the customer's clock.
    pub fn now_of(&self, customer: &str) -> Timestamp {
        self.now(self.customers.get(customer).and_then(|customer| customer.test_clock.as_deref()))
    }

    pub fn subscriptions(&self) -> &Table<Subscription> {
        &self.subscriptions
    }

    pub fn invoices(&self) -> &Table<Invoice> {
        &self.invoices
    }

    /// Stores the subscription and updates its agenda entries. Announces the end of its trial if
    /// that was moved to a time less than three days away.
    pub fn put_subscription(&mut self, subscription: Subscription) {
        let before = self.subscriptions.get(&subscription.id).and_then(|sub| sub.trial);
        let end = subscription.trial.map(|(_, end)| end);
        let now = self.now(subscription.test_clock.as_deref());
        let moved = end.is_some() && end != before.map(|(_, end)| end);
        if moved && end.is_some_and(|end| end - TRIAL_NOTICE < now) {
            self.announce(Announcement::TrialWillEnd(subscription.id.clone()));
        }
        let entries = self.subscription_entries(&subscription);
        self.plan(entries);
        self.subscriptions.put(subscription);
    }

    /// Stores the invoice and updates its agenda entry.
    pub fn put_invoice(&mut self, invoice: Invoice) {
        self.plan([invoice_entry(&invoice)]);
        self.invoices.put(invoice);
    }

    pub fn payment_intents(&self) -> &Table<PaymentIntent> {
        &self.payment_intents
    }

    /// Stores the payment intent and updates its agenda entry.
    pub fn put_payment_intent(&mut self, intent: PaymentIntent) {
        let entry = self.payment_intent_entry(&intent);
        self.plan([entry]);
        self.payment_intents.put(intent);
    }

    /// Stores the checkout session and updates its agenda entry.
    pub fn put_checkout(&mut self, session: checkout::Session) {
        let entry = self.checkout_entry(&session);
        self.plan([entry]);
        self.checkout_sessions.put(session);
    }

    pub fn schedules(&self) -> &Table<Schedule> {
        &self.schedules
    }

    /// Stores the schedule and updates its agenda entries.
    pub fn put_schedule(&mut self, schedule: Schedule) {
        let entries = self.schedule_entries(&schedule);
        self.plan(entries);
        self.schedules.put(schedule);
    }

    pub fn delete_invoice(&mut self, id: &str) {
        if let Some(invoice) = self.invoices.remove(id) {
            self.agenda.set(ClockKey::from(&invoice.test_clock), Due::Invoice(invoice.id), None);
        }
    }

    pub fn subscription(&self, id: &str) -> Subscription {
        self.subscriptions
            .get(id)
            .cloned()
            .expect("subscriptions are never deleted while something refers to them")
    }

    pub fn invoice(&self, id: &str) -> Invoice {
        self.invoices
            .get(id)
            .cloned()
            .expect("invoices are never deleted while something refers to them")
    }

    pub fn customer(&self, id: &str) -> &Customer {
        self.customers.get(id).expect("customers stay in the table when deleted")
    }

    pub fn price(&self, id: &str) -> &Price {
        self.prices.get(id).expect("prices are never deleted")
    }

    pub fn product(&self, id: &str) -> &Product {
        self.products.get(id).expect("products with prices are never deleted")
    }

    /// Returns the time of the sandbox's own clock at `real_now`. It never goes back.
    pub fn target_time(&self, real_now: Timestamp) -> Timestamp {
        self.own_now.max(real_now + self.offset)
    }

    /// Removes the next entry due by `target` from a clock's agenda, sets the clock to its time and
    /// returns it.
    pub fn take_due(&mut self, clock: &ClockKey, target: Timestamp) -> Option<(Timestamp, Due)> {
        let (at, due) = self.agenda.next(clock, target)?;
        self.set_now(clock, at);
        self.agenda.set(clock.clone(), due.clone(), None);
        Some((at, due))
    }

    pub fn set_now(&mut self, clock: &ClockKey, at: Timestamp) {
        match clock {
            ClockKey::Own => self.own_now = self.own_now.max(at),
            ClockKey::Test(id) => {
                self.edit_clock(id, |clock| clock.frozen_time = clock.frozen_time.max(at));
            }
        }
    }

    pub fn edit_clock(&mut self, id: &str, edit: impl FnOnce(&mut TestClock)) {
        if let Some(mut clock) = self.test_clocks.get(id).cloned() {
            edit(&mut clock);
            self.test_clocks.put(clock);
        }
    }
}

/// Returns the object with the ID from the path, or a 404.
pub fn find<'a, T: Entity>(table: &'a Table<T>, id: &str) -> Result<&'a T> {
    table.get(id).ok_or_else(|| ApiError::no_such(T::KIND, id))
}

/// Returns the object with the ID from a parameter, or a 400.
pub fn find_param<'a, T: Entity>(table: &'a Table<T>, id: &str, param: &str) -> Result<&'a T> {
    table.get(id).ok_or_else(|| ApiError::no_such_param(T::KIND, id, param))
}

/// Returns a 400 if a list filter names an object that does not exist.
pub fn check_filter<T: Entity>(table: &Table<T>, id: Option<&str>, param: &str) -> Result<()> {
    id.map_or(Ok(()), |id| find_param(table, id, param).map(drop))
}

/// Returns the subscription with the ID from the path. One that has ended is a 404 as well.
pub fn find_running<'a>(world: &'a World, id: &str) -> Result<&'a Subscription> {
    find(world.subscriptions(), id).and_then(|sub| {
        if sub.status.is_terminal() { Err(ApiError::no_such("subscription", id)) } else { Ok(sub) }
    })
}

/// Returns the customer with the ID from the path, or a 404. A deleted customer is a 404 as well.
pub fn find_live_customer<'a>(world: &'a World, id: &str) -> Result<&'a Customer> {
    find(&world.customers, id).and_then(|customer| {
        if customer.deleted { Err(ApiError::no_such("customer", id)) } else { Ok(customer) }
    })
}

/// Returns the customer with the ID from a parameter, or a 400. A deleted customer is a 400 as
/// well.
pub fn find_live_customer_param<'a>(
    world: &'a World,
    id: &str,
    param: &str,
) -> Result<&'a Customer> {
    find_param(&world.customers, id, param).and_then(|customer| {
        if customer.deleted {
            Err(ApiError::no_such_param("customer", id, param))
        } else {
            Ok(customer)
        }
    })
}
