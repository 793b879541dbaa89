//! Schedules that create their subscription: creation and start.

use super::schedule::set_end_of;
use super::subscribe::{NewSubscription, subscribe};
use crate::lifecycle::items::NewItem;
use crate::model::Metadata;
use crate::model::schedule::{EndBehavior, Phase, Schedule, Status};
use crate::model::subscription::{
    AutomaticTax, BillingMode, Collection, PaymentBehavior, TrialSettings,
};
use crate::values::errors::Result;
use crate::values::money::Currency;
use crate::values::period::Timestamp;
use crate::world::World;

/// Parameters of a new schedule. IDs in it exist. The first phase starts now or later.
pub struct NewSchedule {
    pub customer: String,
    pub currency: Currency,
    pub mode: (BillingMode, bool),
    pub end_behavior: EndBehavior,
    pub phases: Vec<Phase>,
    pub metadata: Metadata,
}

impl NewSchedule {
    /// Returns the schedule before its start.
    pub fn into_schedule(self, id: String, test_clock: Option<String>, now: Timestamp) -> Schedule {
        Schedule {
            id,
            customer: self.customer,
            subscription: None,
            mode: self.mode,
            currency: self.currency,
            status: Status::NotStarted,
            end_behavior: self.end_behavior,
            phases: self.phases,
            current: 0,
            metadata: self.metadata,
            created: now,
            canceled_at: None,
            completed_at: None,
            released_at: None,
            test_clock,
        }
    }
}

/// Creates the schedule, and its subscription if it starts now. Returns its ID.
pub fn create(world: &mut World, new: NewSchedule) -> Result<String> {
    let customer = world.customer(&new.customer);
    let test_clock = customer.test_clock.clone();
    let now = world.now_of(&new.customer);
    let mut schedule = new.into_schedule(world.ids.id("sub_sched"), test_clock, now);
    let id = schedule.id.clone();
    if schedule.phase().start <= now {
        begin(world, &mut schedule, now)?;
    }
    world.put_schedule(schedule);
    Ok(id)
}

/// Starts the schedule at its date. If the subscription cannot be created, the schedule is canceled.
pub fn start(world: &mut World, mut schedule: Schedule, at: Timestamp) {
    if begin(world, &mut schedule, at).is_err() {
        schedule.status = Status::Canceled;
        schedule.canceled_at = Some(at);
    }
    world.put_schedule(schedule);
}

/// Creates the subscription of the first phase.
fn begin(world: &mut World, schedule: &mut Schedule, at: Timestamp) -> Result<()> {
    let new = first_subscription(schedule);
    let id = subscribe(world, &new)?;
    let mut sub = world.subscription(&id);
    sub.schedule = Some(schedule.id.clone());
    schedule.subscription = Some(sub.id.clone());
    schedule.status = Status::Active;
    world.put_subscription(sub);
    set_end_of(world, schedule, at);
    Ok(())
}

/// Returns the parameters of the subscription that the first phase creates.
pub fn first_subscription(schedule: &Schedule) -> NewSubscription {
    let phase = schedule.phase();
    let items = phase.items.iter().map(|item| NewItem {
        price: item.price.clone(),
        quantity: item.quantity,
        tax_rates: item.tax_rates.clone(),
        discounts: item.discounts.clone(),
        metadata: item.metadata.clone(),
    });
    NewSubscription {
        customer: schedule.customer.clone(),
        items: items.collect(),
        currency: Some(schedule.currency),
        automatic_tax: AutomaticTax::Off,
        collection: Collection::Charge,
        days_until_due: None,
        default_payment_method: None,
        default_tax_rates: phase.default_tax_rates.clone().unwrap_or_default(),
        discounts: phase.discounts.clone(),
        add_invoice_items: Vec::new(),
        description: phase.description.clone(),
        metadata: phase.metadata.clone(),
        trial_end: phase.trial_end,
        trial_settings: TrialSettings::default(),
        anchor: None,
        prorate_first: true,
        mode: schedule.mode,
        behavior: PaymentBehavior::Allow,
        save_default_payment_method: false,
        keeps_draft: true,
    }
}
