//! The journal of a customer's plan changes.

use serde::{Deserialize, Serialize};

use crate::api::error::{ApiError, Cause};
use crate::api::idempotency::{Operation, RecordKey};
use crate::api::reply::Reply;
use crate::aws::table::{HeldJournal, Table};
use crate::billing::invoice::latest_invoice;
use crate::billing::plan_change::{Scheduling, Update};
use crate::stripe::views::Subscription;
use crate::values::REQUEST_METADATA;

/// The state of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The update may have been sent, and nobody has a response yet.
    Sent,
    /// The change waits for the customer's payment.
    Waiting,
    /// The change is in force, and the metered prices remain to be swapped.
    Meters,
}

/// The work of an operation at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// An update of the subscription that changes its plan now.
    Update(Update),
    /// A schedule that changes its plan at the end of the period.
    Schedule(Scheduling),
    /// The withdrawal of a pending update that another system made, by the subscription's ID.
    Withdrawal(String),
}

impl Work {
    /// Returns the ID of the subscription.
    pub fn subscription(&self) -> &str {
        match self {
            Self::Update(update) => &update.subscription,
            Self::Schedule(scheduling) => &scheduling.subscription,
            Self::Withdrawal(subscription) => subscription,
        }
    }
}

/// An operation that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// ID of the operation, which marks the subscription.
    pub operation: String,
    /// ID of the request that began the operation. Its response contains it.
    pub request_id: String,
    /// The idempotency record that the response belongs to; none without an idempotency key.
    record: Option<RecordKey>,
    pub phase: Phase,
    #[serde(flatten)]
    pub work: Work,
    /// ID of the invoice that a waiting change is paid with.
    pub invoice: Option<String>,
    /// Body of the response, if it is known before the work is done.
    #[serde(default)]
    answer: Option<String>,
    /// The request that drops what is pending.
    #[serde(default)]
    dropped: Option<Dropped>,
}

/// The request that drops a pending change or cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Dropped {
    /// ID of its operation.
    operation: String,
    /// As in [`Entry`].
    request_id: String,
    /// As in [`Entry`].
    record: Option<RecordKey>,
    /// Body of its response, which is known before the drop.
    body: String,
    #[serde(default)]
    target: Target,
}

/// The pending change or cancellation that a request drops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A change that waits for the payment of the entry's invoice.
    Payment,
    /// A scheduled change, by the ID of its schedule.
    Schedule(String),
    /// A cancellation at the end of the period.
    #[default]
    Cancellation,
}

impl Entry {
    /// Creates the entry of an operation that is about to be sent.
    pub fn sending(operation: &Operation, work: Work) -> Self {
        Self {
            operation: operation.id().to_owned(),
            request_id: operation.attribution().request_id.clone(),
            record: operation.record_key(),
            phase: Phase::Sent,
            work,
            invoice: None,
            answer: None,
            dropped: None,
        }
    }

    /// Returns the entry with the response of the operation, whose body is known before the work is done.
    #[must_use]
    pub fn answered(self, reply: &Reply) -> Self {
        Self { answer: Some(reply.body().to_owned()), ..self }
    }

    /// Returns the response, if it was known before the work was done.
    pub fn answer(&self) -> Option<Reply> {
        self.answer.clone().map(Reply::repeated)
    }

    /// Returns the entry of the change once it waits for the payment of `invoice`.
    #[must_use]
    pub fn waiting(self, invoice: &str) -> Self {
        Self { phase: Phase::Waiting, invoice: Some(invoice.to_owned()), ..self }
    }

    /// Returns the entry of the change once only its metered prices remain to be swapped.
    #[must_use]
    pub fn in_force(self) -> Self {
        Self { phase: Phase::Meters, ..self }
    }

    /// Returns the entry once `operation` is about to drop `target`. `body` is that of its response.
    #[must_use]
    pub fn dropping(self, operation: &Operation, body: &str, target: Target) -> Self {
        let dropped = Dropped {
            operation: operation.id().to_owned(),
            request_id: operation.attribution().request_id.clone(),
            record: operation.record_key(),
            body: body.to_owned(),
            target,
        };
        Self { dropped: Some(dropped), ..self }
    }

    /// Returns the response if an earlier attempt of `operation` was about to drop what is pending.
    pub fn dropped_by(&self, operation: &Operation) -> Option<Reply> {
        let own = self.dropped.as_ref().filter(|dropped| dropped.operation == operation.id());
        own.map(|dropped| Reply::repeated(dropped.body.clone()))
    }

    /// Returns whether the request that drops what is pending has done so, as the subscriptions show. Whatever is pending now
    /// came later.
    pub fn has_dropped(&self, subscriptions: &[Subscription]) -> bool {
        let Some(dropped) = &self.dropped else { return false };
        let own = |one: &&Subscription| one.id == self.work.subscription();
        subscriptions.iter().find(own).is_some_and(|own| match &dropped.target {
            Target::Payment => {
                let latest = latest_invoice(own).map(|latest| &latest.id);
                own.pending_update.is_none() || latest != self.invoice.as_ref()
            }
            Target::Schedule(id) => own.schedule_id() != Some(id),
            // The removal of a cancellation writes it there.
            Target::Cancellation => own.metadata.get(REQUEST_METADATA) == Some(&dropped.request_id),
        })
    }

    /// Returns whether a request drops the change itself, which waits for its payment.
    pub fn is_dropped_itself(&self) -> bool {
        self.dropped.as_ref().is_some_and(|dropped| dropped.target == Target::Payment)
    }

    /// Returns what is left to settle after a drop: another operation's change, whose response is owed.
    pub fn after_drop(self) -> Option<Self> {
        let is_over = |dropped: &Dropped| {
            dropped.target == Target::Payment || dropped.operation == self.operation
        };
        let is_left = self.dropped.as_ref().is_some_and(|dropped| !is_over(dropped));
        is_left.then_some(Self { dropped: None, ..self })
    }

    /// Returns whether the change waits for the payment of `invoice`.
    pub fn waits_for(&self, invoice: &str) -> bool {
        self.phase == Phase::Waiting && self.invoice.as_deref() == Some(invoice)
    }

    /// Returns the update, if the operation sends one.
    pub fn update(&self) -> Option<&Update> {
        match &self.work {
            Work::Update(update) => Some(update),
            Work::Schedule(_) | Work::Withdrawal(_) => None,
        }
    }

    /// Returns whether this is an earlier attempt of the operation.
    pub fn is_of(&self, operation: &Operation) -> bool {
        self.operation == operation.id()
    }
}

/// The journal of one customer, which this request holds.
pub struct Journal {
    table: Table,
    held: HeldJournal,
    /// ID of the customer.
    pub customer: String,
    entry: Option<Entry>,
    /// The entry that the table has until this request releases the journal.
    written: Option<Entry>,
}

impl Journal {
    /// Acquires the customer's journal for `attempt`, a name that no other request has, until `until`. Times are
    /// milliseconds since 1970.
    ///
    /// # Errors
    /// `change_in_progress` if another request holds it; `unavailable`.
    pub async fn acquire(
        table: &Table,
        customer: &str,
        attempt: &str,
        until: i64,
    ) -> Result<Self, ApiError> {
        let now = crate::values::now_in_milliseconds();
        let held = table.acquire_journal(customer, attempt, now, until).await?;
        let held = held.ok_or(ApiError::ChangeInProgress)?;
        let entry = held.entry().and_then(|text| match serde_json::from_str(text) {
            Ok(entry) => Some(entry),
            Err(error) => {
                tracing::error!(customer, %error, "the journal of a plan change could not be read, and is ignored");
                None
            }
        });
        let (table, customer, written) = (table.clone(), customer.to_owned(), entry.clone());
        Ok(Self { table, held, customer, entry, written })
    }

    /// Returns the operation that is not over.
    pub fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// Returns an idempotency key for one of the operation's calls to Stripe. It is another one in each attempt: what an
    /// earlier attempt has sent is settled before this one sends anything.
    pub fn stripe_key(&self, operation: &str, step: &str) -> String {
        format!("{operation}-{}-{step}", self.held.fence())
    }

    /// Writes the entry.
    ///
    /// # Errors
    /// `unavailable`; the step that it announces must not be taken then.
    pub async fn write(&mut self, entry: Entry) -> Result<(), ApiError> {
        self.held.write(&text(&entry)?).await?;
        self.written = Some(entry.clone());
        self.entry = Some(entry);
        Ok(())
    }

    /// Changes the entry that is written when the journal is released.
    pub fn set(&mut self, entry: Option<Entry>) {
        self.entry = entry;
    }

    /// Keeps the operation, whose response could not be stored, for the next request to settle.
    pub fn keep(&mut self) {
        if self.entry.is_none() {
            self.entry.clone_from(&self.written);
        }
    }

    /// Stores the response of the entry's operation in its idempotency record, unless that has one. If that fails, the
    /// entry is kept, so that nothing else is done before.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn respond(
        &mut self,
        entry: &Entry,
        outcome: &Result<Reply, ApiError>,
    ) -> Result<(), ApiError> {
        let Some(record) = &entry.record else { return Ok(()) };
        let (operation, request_id) = (&entry.operation, &entry.request_id);
        let stored = record.respond(&self.table, operation, request_id, outcome).await;
        self.kept_unless(stored, entry)
    }

    /// Stores the response of the request that dropped what was pending, as [`Self::respond`] does.
    ///
    /// # Errors
    /// As in [`Self::respond`].
    pub(super) async fn respond_to_drop(&mut self, entry: &Entry) -> Result<(), ApiError> {
        if let Some(dropped) = &entry.dropped
            && let Some(record) = &dropped.record
        {
            let (operation, request_id) = (&dropped.operation, &dropped.request_id);
            let outcome = Ok(Reply::repeated(dropped.body.clone()));
            let stored = record.respond(&self.table, operation, request_id, &outcome).await;
            return self.kept_unless(stored, entry);
        }
        Ok(())
    }

    fn kept_unless(&mut self, stored: Result<(), ApiError>, entry: &Entry) -> Result<(), ApiError> {
        if stored.is_err() {
            self.entry = Some(entry.clone());
        }
        stored
    }

    /// Gives the journal back with its entry. If that fails, the next request acquires it after this one's deadline.
    pub async fn release(self) {
        let released = match self.entry.as_ref().map(text).transpose() {
            Ok(entry) => self.held.release(entry.as_deref()).await.map_err(ApiError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = released {
            tracing::warn!(customer = self.customer, %error, "the journal of a plan change could not be released");
        }
    }
}

fn text(entry: &Entry) -> Result<String, ApiError> {
    serde_json::to_string(entry).map_err(|error| ApiError::Internal(Cause::from(error)))
}
