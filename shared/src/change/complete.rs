//! Completing a change after its response: metered prices that remain to be swapped, lines of an update that has lapsed.

use super::journal::{Entry, Journal, Phase};
use super::settle::{Metered, Settled, respond_to_drop, settle, swap_meters};
use crate::api::error::ApiError;
use crate::aws::table::Table;
use crate::stripe::{Details, Stripe};
use crate::values::now_in_milliseconds;

/// Time in milliseconds for which the journal is acquired.
const LEASE: i64 = 29_000;

/// Completes the customer's last change, if its caller has the response and something is left to do. Until then, it is
/// left to the caller's repetition.
///
/// # Errors
/// `change_in_progress` if a request holds the journal; those of Stripe and of the table.
pub async fn complete(stripe: &Stripe, table: &Table, customer: &str) -> Result<(), ApiError> {
    let entry = table.journal_entry(customer).await?;
    let entry = entry.and_then(|text| serde_json::from_str::<Entry>(&text).ok());
    if entry.is_none_or(|entry| entry.phase == Phase::Sent) {
        return Ok(());
    }
    let now = now_in_milliseconds();
    let attempt = format!("follow-{now}");
    let mut journal = Journal::acquire(table, customer, &attempt, now + LEASE).await?;
    let outcome = complete_held(stripe, &mut journal).await;
    journal.release().await;
    outcome
}

async fn complete_held(stripe: &Stripe, journal: &mut Journal) -> Result<(), ApiError> {
    let Some(entry) = journal.entry().filter(|entry| entry.phase != Phase::Sent).cloned() else {
        return Ok(());
    };
    let subscriptions = stripe.subscriptions(&journal.customer, Details::None).await?;
    let settled = settle(stripe, journal, &subscriptions).await?;
    respond_to_drop(journal, &entry, &settled, &subscriptions).await?;
    if let Settled::Applied(changed) = settled {
        let left = match changed.zip(entry.update()) {
            Some((changed, update)) => match swap_meters(stripe, update, &changed).await {
                Metered::Swapped | Metered::Refused => None,
                Metered::Unclear(_) => Some(entry.in_force()),
            },
            None => None,
        };
        journal.set(left);
    }
    Ok(())
}
