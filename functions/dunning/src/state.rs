//! The dunning state, derived from Stripe's objects. No I/O.

use serde::Serialize;
use shared::Timestamp;
use shared::billing::invoice::{attempts, overdue_since};
use shared::stripe::views::{Invoice, Subscription, SubscriptionStatus};

use crate::debts::Debts;

/// Settings of the operator.
pub struct Rules {
    /// Number of failed attempts that suspends an overdue account.
    pub max_attempts: u32,
    /// Days after the first failure that suspend an overdue account.
    pub grace_days: u32,
}

/// States from best to worst. `Canceled` is for accounts without a live subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Active,
    PastDue,
    Suspended,
    Canceled,
}

/// Reason for the end of a subscription, as Stripe names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    CancellationRequested,
    PaymentFailed,
    PaymentDisputed,
}

/// The state and its reasons.
pub struct Verdict<'a> {
    pub state: State,
    /// Start of the state; `None` while active.
    pub since: Option<Timestamp>,
    /// Set for a canceled subscription.
    pub reason: Option<EndReason>,
    /// Whether the subscription is paused, which a payment does not end.
    pub paused: bool,
    /// Whether a payment of the live subscription is processing, so that attempts and grace do not count.
    pub processing: bool,
    /// The oldest overdue invoice: the subscription's, else any.
    pub invoice: Option<&'a Invoice>,
}

impl<'a> Verdict<'a> {
    /// Returns the worst state of the live subscriptions, else that of the one that ended last.
    pub fn of(subscriptions: &[Subscription], debts: &Debts<'a>, rules: &Rules) -> Self {
        let live = subscriptions.iter().filter(|subscription| !subscription.status.is_ended());
        let worst = live.map(|subscription| Self::live(subscription, debts, rules)).reduce(
            |worst, next| {
                // Ties go to the newest, which is first in the list.
                if next.state > worst.state { next } else { worst }
            },
        );
        let ended = || subscriptions.iter().max_by_key(|subscription| subscription.ended_at);
        worst.or_else(|| ended().map(|subscription| Self::ended(subscription, debts))).unwrap_or(
            Self {
                state: State::Active,
                since: None,
                reason: None,
                paused: false,
                processing: false,
                invoice: debts.overdue(),
            },
        )
    }

    fn live(subscription: &Subscription, debts: &Debts<'a>, rules: &Rules) -> Self {
        let own = debts.overdue_of(subscription);
        let processing = debts.processing_of(subscription).filter(|_| own.is_none());
        let overdue_since = own.or(processing).map(overdue_since);
        let paused = subscription.status == SubscriptionStatus::Paused;
        let (state, since) = match subscription.status {
            SubscriptionStatus::PastDue | SubscriptionStatus::Incomplete => {
                let attempts = own.map_or(0, attempts);
                let grace_is_over = overdue_since
                    .is_some_and(|since| subscription.now() >= since.plus_days(rules.grace_days));
                let given_up =
                    processing.is_none() && (attempts >= rules.max_attempts || grace_is_over);
                (
                    if given_up { State::Suspended } else { State::PastDue },
                    overdue_since.or(Some(subscription.created)),
                )
            }
            SubscriptionStatus::Unpaid => (State::Suspended, overdue_since),
            SubscriptionStatus::Paused => {
                let details = subscription
                    .status_details
                    .as_ref()
                    .and_then(|details| details.paused.as_ref());
                (State::Suspended, overdue_since.or(details.map(|paused| paused.transitioned_at)))
            }
            SubscriptionStatus::Active
            | SubscriptionStatus::Trialing
            | SubscriptionStatus::Canceled
            | SubscriptionStatus::IncompleteExpired => (State::Active, None),
        };
        let processing = processing.is_some();
        Self { state, since, reason: None, paused, processing, invoice: own.or(debts.overdue()) }
    }

    fn ended(subscription: &Subscription, debts: &Debts<'a>) -> Self {
        let given = subscription
            .cancellation_details
            .as_ref()
            .and_then(|details| details.reason.as_deref());
        let reason = match (subscription.status, given) {
            // The first invoice was never paid.
            (SubscriptionStatus::IncompleteExpired, _) | (_, Some("payment_failed")) => {
                Some(EndReason::PaymentFailed)
            }
            (_, Some("payment_disputed")) => Some(EndReason::PaymentDisputed),
            (_, Some("cancellation_requested" | "canceled_by_retention_policy")) => {
                Some(EndReason::CancellationRequested)
            }
            (_, _) => None,
        };
        Self {
            state: State::Canceled,
            since: subscription.ended_at.or(subscription.canceled_at),
            reason,
            paused: false,
            processing: false,
            invoice: debts.overdue_of(subscription).or(debts.overdue()),
        }
    }

    /// Returns when an overdue account is suspended.
    pub fn grace_ends_at(&self, rules: &Rules) -> Option<Timestamp> {
        self.since
            .filter(|_| self.state == State::PastDue && !self.processing)
            .map(|since| since.plus_days(rules.grace_days))
    }

    /// Returns whether the platform should refuse deployments.
    pub fn blocks_deploys(&self) -> bool {
        let not_paid =
            matches!(self.reason, Some(EndReason::PaymentFailed | EndReason::PaymentDisputed));
        self.state == State::Suspended || (self.state == State::Canceled && not_paid)
    }
}
