//! Sends the update, so that the plan changes only if it is paid or its payment is under way.
//!
//! The update is first sent with `error_if_incomplete`: a decline leaves no invoice. Only where the bank wants the customer
//! to authenticate, it is sent again with `pending_if_incomplete`.

use shared::api::idempotency::Operation;
use shared::billing::plan_change::{Change, HeldPrice, IfIncomplete, Update, Withdrawal};
use shared::billing::state::BillingState;
use shared::change::{Entry, Journal, Work, settle};
use shared::stripe::views::{InvoiceStatus, Subscription};
use shared::stripe::{DeclineKind, Details, Refusal};
use shared::{ApiError, Call, Reply, StripeError};

use crate::request::Quoted;
use crate::{hold, in_force, waiting};

/// A change that is paid for.
pub struct Payer<'a> {
    pub call: &'a Call,
    pub billing: &'a BillingState,
    pub change: &'a Change<'a>,
    pub quoted: Option<&'a Quoted>,
    pub operation: &'a Operation,
}

impl Payer<'_> {
    /// Makes the change at this price.
    ///
    /// # Errors
    /// Those of the contract.
    pub async fn pay(&self, journal: &mut Journal, price: HeldPrice) -> Result<Reply, ApiError> {
        let (update, answer) = self.send(journal, price, IfIncomplete::Error).await?;
        match answer {
            Err(error) if wants_authentication(&error) => {
                self.leave_nothing(journal, &update).await?;
                let price = hold::hold(self.call, self.change, self.quoted).await?;
                let (update, answer) = self.send(journal, price, IfIncomplete::Pending).await?;
                self.read(journal, update, answer).await
            }
            answer => self.read(journal, update, answer).await,
        }
    }

    /// Writes the update to the journal, and sends it.
    async fn send(
        &self,
        journal: &mut Journal,
        price: HeldPrice,
        if_incomplete: IfIncomplete,
    ) -> Result<(Update, Result<Subscription, StripeError>), ApiError> {
        let operation = self.operation;
        let step = match if_incomplete {
            IfIncomplete::Error => "1",
            IfIncomplete::Pending => "2",
        };
        let key = journal.stripe_key(operation.id(), step);
        let (id, attribution) = (operation.id(), operation.attribution());
        let update = Update::new(self.change, price, if_incomplete, id, attribution, key);
        let work = Work::Update(update.clone());
        journal.write(Entry::sending(operation, work)).await?;
        let answer = update.send(&self.call.stripe).await;
        Ok((update, answer))
    }

    /// Reads Stripe's response to the update.
    async fn read(
        &self,
        journal: &mut Journal,
        update: Update,
        answer: Result<Subscription, StripeError>,
    ) -> Result<Reply, ApiError> {
        match answer {
            Ok(changed) if changed.pending_update.is_none() => {
                in_force::applied(self.call, journal, self.billing, &update, &changed).await
            }
            Ok(changed) => self.wait(journal, &update, &changed).await,
            Err(error) if matches!(error.status(), Some(400..=404)) => {
                self.leave_nothing(journal, &update).await?;
                Err(error.into())
            }
            Err(error) => self.find_out(journal, error).await,
        }
    }

    /// Responds to a change that waits for its payment. Its invoice shows what will be charged.
    async fn wait(
        &self,
        journal: &mut Journal,
        update: &Update,
        changed: &Subscription,
    ) -> Result<Reply, ApiError> {
        let Some(entry) = journal.entry().cloned() else {
            return Err(ApiError::Internal("a change waits that is not in the journal".into()));
        };
        if self.quoted.is_some() && update.differs_from(update.invoice(changed)) {
            let withdrawal = waiting::withdraw_own(self.call, journal, &entry, changed).await?;
            if withdrawal == Withdrawal::Done {
                return Err(hold::quote_changed(self.call, self.change).await?);
            }
        }
        waiting::respond(self.call, journal, self.billing, &entry, changed).await
    }

    /// Withdraws the invoice that a refused update should not have left, but may.
    async fn leave_nothing(&self, journal: &mut Journal, update: &Update) -> Result<(), ApiError> {
        let customer = journal.customer.clone();
        let subscriptions = self.call.stripe.subscriptions(&customer, Details::None).await?;
        let left = subscriptions.iter().find(|one| one.id == update.subscription);
        if let Some(subscription) = left
            && let Some(invoice) = update.invoice(subscription)
            && invoice.status == InvoiceStatus::Open
            && let Some(entry) = journal.entry().cloned()
        {
            waiting::withdraw_own(self.call, journal, &entry, subscription).await?;
        }
        journal.set(None);
        Ok(())
    }

    /// Finds out what came of an update without a clear response. If that fails, the next request has to.
    async fn find_out(&self, journal: &mut Journal, error: StripeError) -> Result<Reply, ApiError> {
        let is_locked = error.code() == Some("lock_timeout");
        let error = || if is_locked { ApiError::ChangeInProgress } else { error.into() };
        let Some(entry) = journal.entry().cloned() else { return Err(error()) };
        let customer = journal.customer.clone();
        let read = self.call.stripe.subscriptions(&customer, Details::None).await;
        let Ok(subscriptions) = read else { return Err(error()) };
        let Ok(settled) = settle(&self.call.stripe, journal, &subscriptions).await else {
            return Err(error());
        };
        let owed = waiting::owed(self.call, journal, self.billing, &entry, settled, true).await;
        owed.unwrap_or_else(|| Err(error()))
    }
}

/// Returns whether the bank wants the customer to authenticate the payment.
fn wants_authentication(error: &StripeError) -> bool {
    match Refusal::of(error) {
        Some(Refusal::Authentication) => true,
        Some(Refusal::Payment(decline)) => decline.kind == DeclineKind::Authentication,
        _ => false,
    }
}
