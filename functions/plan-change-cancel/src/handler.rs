//! Settles what the customer's previous change left, then drops what is pending.

use shared::api::idempotency::Operation;
use shared::billing::catalog::Offer;
use shared::billing::plan_change::{Withdrawal, keep_subscription, release, withdraw};
use shared::billing::state::BillingState;
use shared::billing::subscription::NotChangeable;
use shared::change::{
    Entry, Journal, Phase as JournalPhase, Settled, Target, Work, respond_to_drop, settle,
};
use shared::stripe::views::{Invoice, Phase, Price, Subscription};
use shared::{ApiError, Call, Reply, StripeError};

use crate::pending::{Pending, prices};
use crate::response::{Canceled, Dropped, Reason, plan_of};

/// The endpoint's name, by which an idempotency key is bound to it.
const ROUTE: &str = "plan-change-cancel";

/// Two round trips to Stripe in sequence: the billing, and the drop. One more to withdraw a change that waits for its
/// payment.
///
/// # Errors
/// Those of the contract.
pub async fn plan_change_cancel(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let fields = call.fields(&[])?;
    let check = async { Ok(()) };
    call.change(ROUTE, &fields, check, async |mut journal, billing, operation| {
        let outcome = match journal.as_mut() {
            Some(journal) => cancel(&call, journal, billing, &operation).await,
            None => Err(ApiError::NoPendingChange),
        };
        (journal, outcome)
    })
    .await
}

async fn cancel(
    call: &Call,
    journal: &mut Journal,
    mut billing: BillingState,
    operation: &Operation,
) -> Result<Reply, ApiError> {
    let left = journal.entry().cloned();
    let mut owed = left.as_ref().and_then(|entry| entry.dropped_by(operation));
    if let Some(entry) = &left {
        let settled = settle(&call.stripe, journal, &billing.subscriptions).await?;
        if owed.is_none() {
            respond_to_drop(journal, entry, &settled, &billing.subscriptions).await?;
        }
        match settled {
            // The change is in force, or was declined: its own retry or the next change stores that response.
            Settled::Applied(_) | Settled::Declined(_) => {
                journal.set(Some(entry.clone()));
                owed = owed.filter(|_| !entry.is_dropped_itself());
            }
            Settled::Scheduled => {
                if let Some(reply) = entry.answer() {
                    journal.respond(entry, &Ok(reply)).await?;
                }
            }
            Settled::Nothing | Settled::Waiting => {}
        }
        billing = call.billing_state().await?;
    }
    // An earlier attempt of this request may have dropped it, and something else may be pending since.
    if let (Some(reply), Some(entry)) = (owed, &left)
        && entry.has_dropped(&billing.subscriptions)
    {
        journal.set(entry.clone().after_drop());
        return Ok(reply);
    }
    let current = billing.current().ok_or(ApiError::NoPendingChange)?;
    let subscription = current.subscription;
    let pending = Pending::of(subscription).ok_or(ApiError::NoPendingChange)?;
    let canceled = dropped(call, &billing, subscription, &pending).await?;
    let plan = current.plan.map(|plan| plan.tier.to_owned());
    let reply = Reply::ok(&Canceled { plan, canceled })?;
    let dropper = Dropper { call, billing: &billing, subscription, operation };
    match pending {
        Pending::Payment(_, invoice) => {
            let unanswered = left.as_ref().filter(|entry| entry.phase == JournalPhase::Sent);
            dropper.withdraw(journal, unanswered, invoice, &reply).await?;
        }
        Pending::Scheduled(id, _) => dropper.release(journal, id, &reply).await?,
        Pending::Cancellation(_) => dropper.keep(journal, &reply).await?,
        Pending::Foreign => return Err(ApiError::NotChangeable(NotChangeable::Scheduled)),
    }
    Ok(reply)
}

/// Returns what is about to be dropped.
async fn dropped(
    call: &Call,
    billing: &BillingState,
    subscription: &Subscription,
    pending: &Pending<'_>,
) -> Result<Dropped, StripeError> {
    let tiers = &billing.tiers;
    Ok(match pending {
        Pending::Payment(update, _) => {
            let items = update.subscription_items.iter().flatten();
            let plan = plan_of(items.map(|item| &item.price), tiers);
            Dropped::new(plan, None, Reason::PaymentActionRequired)
        }
        Pending::Scheduled(_, phase) => {
            let at = Some(phase.start_date);
            let is_base = |offer: &&Offer| prices(phase).any(|id| id == offer.price);
            if let Some(offer) = billing.offers.iter().find(is_base) {
                let plan = (offer.tier.as_str(), offer.interval);
                return Ok(Dropped::new(Some(plan), at, Reason::Scheduled));
            }
            let prices = read_prices(call, phase, subscription).await?;
            Dropped::new(plan_of(prices.iter(), tiers), at, Reason::Scheduled)
        }
        Pending::Cancellation(at) => Dropped::new(None, Some(*at), Reason::Cancellation),
        Pending::Foreign => Dropped::new(None, None, Reason::Scheduled),
    })
}

/// Reads the prices of a phase of a plan that is no longer sold: a phase has only their IDs.
async fn read_prices(
    call: &Call,
    phase: &Phase,
    subscription: &Subscription,
) -> Result<Vec<Price>, StripeError> {
    let mut read = Vec::new();
    for id in prices(phase) {
        let own = subscription.items.data.iter().find(|item| item.price.id == id);
        read.push(match own {
            Some(item) => item.price.clone(),
            None => call.stripe.price(id, subscription.currency).await?,
        });
    }
    Ok(read)
}

/// Drops what is pending. The journal has the response before, so that a retry finds it.
struct Dropper<'a> {
    call: &'a Call,
    billing: &'a BillingState,
    subscription: &'a Subscription,
    operation: &'a Operation,
}

impl Dropper<'_> {
    /// Withdraws a change that waits for the payment of `invoice`. `unanswered` is the entry of a change without a response.
    async fn withdraw(
        &self,
        journal: &mut Journal,
        unanswered: Option<&Entry>,
        invoice: &Invoice,
        reply: &Reply,
    ) -> Result<(), ApiError> {
        if self.billing.payment.is_processing() {
            return Err(ApiError::NotChangeable(NotChangeable::PaymentProcessing));
        }
        if let Some(entry) = unanswered {
            // Without it, a retry would make the change again.
            let url = invoice.hosted_invoice_url.clone();
            journal.respond(entry, &Err(ApiError::PaymentActionRequired { url })).await?;
        }
        let invoice = invoice.id.as_str();
        let entry = match journal.entry().cloned() {
            Some(entry) if entry.waits_for(invoice) => entry,
            // A change whose response is owed: its retry has to come first.
            Some(_) => return Err(ApiError::ChangeInProgress),
            // It was made elsewhere, for example in the billing portal.
            None => self.entry().waiting(invoice),
        };
        journal.write(entry.dropping(self.operation, reply.body(), Target::Payment)).await?;
        let key = journal.stripe_key(self.operation.id(), &format!("void-{invoice}"));
        let (stripe, customer) = (&self.call.stripe, journal.customer.clone());
        match withdraw(stripe, &customer, self.subscription, invoice, &key).await? {
            Withdrawal::Done => {
                journal.set(None);
                Ok(())
            }
            Withdrawal::Paid => Err(ApiError::NoPendingChange),
            Withdrawal::Processing => {
                Err(ApiError::NotChangeable(NotChangeable::PaymentProcessing))
            }
            Withdrawal::StillOpen => Err(ApiError::StripeUnavailable(
                "the invoice of a change that waits could not be voided".into(),
            )),
        }
    }

    /// Releases the subscription from its schedule.
    async fn release(
        &self,
        journal: &mut Journal,
        schedule: &str,
        reply: &Reply,
    ) -> Result<(), ApiError> {
        let target = Target::Schedule(schedule.to_owned());
        let key = self.begin(journal, reply, "release", target).await?;
        release(&self.call.stripe, schedule, &key).await?;
        journal.set(journal.entry().cloned().and_then(Entry::after_drop));
        Ok(())
    }

    /// Removes the end of the subscription.
    async fn keep(&self, journal: &mut Journal, reply: &Reply) -> Result<(), ApiError> {
        let key = self.begin(journal, reply, "keep", Target::Cancellation).await?;
        let attribution = self.operation.attribution();
        keep_subscription(&self.call.stripe, self.subscription, attribution, &key).await?;
        journal.set(journal.entry().cloned().and_then(Entry::after_drop));
        Ok(())
    }

    /// Writes the response to the journal, beside a change whose response is owed. Returns the idempotency key.
    async fn begin(
        &self,
        journal: &mut Journal,
        reply: &Reply,
        step: &str,
        target: Target,
    ) -> Result<String, ApiError> {
        let entry = journal.entry().cloned().unwrap_or_else(|| self.entry());
        journal.write(entry.dropping(self.operation, reply.body(), target)).await?;
        Ok(journal.stripe_key(self.operation.id(), step))
    }

    fn entry(&self) -> Entry {
        Entry::sending(self.operation, Work::Withdrawal(self.subscription.id.clone()))
    }
}
