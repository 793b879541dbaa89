//! Callers' messages for plan changes that are refused.

use crate::billing::subscription::NotChangeable;

/// Returns the message for a refused plan change: the reason, and what to do.
pub(super) fn of(reason: NotChangeable) -> &'static str {
    match reason {
        NotChangeable::PaymentProcessing => {
            "A payment of this subscription is processing, as a bank debit does for days. Change the plan once it has succeeded; GET /v1/billing/dunning shows it."
        }
        NotChangeable::Overdue => {
            "An invoice of this subscription is overdue. Pay it first; GET /v1/billing/dunning says how."
        }
        NotChangeable::Incomplete => {
            "The first invoice of this subscription is unpaid. Pay it first; GET /v1/billing/dunning says how."
        }
        NotChangeable::Paused => {
            "This subscription is paused. GET /v1/billing/dunning says how to resume it; otherwise ask the operator to resume it."
        }
        NotChangeable::CollectionPaused => {
            "Payment collection of this subscription is paused. Ask the operator to resume it first."
        }
        NotChangeable::Scheduled => {
            "A change of this subscription is scheduled already. Cancel it first (DELETE /v1/billing/plan-change). If that is refused, somebody else scheduled it: ask the operator."
        }
        NotChangeable::Ending => {
            "This subscription is set to end. Renew it in the billing portal (POST /v1/billing/portal-session) first."
        }
        NotChangeable::Invoiced => {
            "This subscription is paid by invoice, so a change cannot be charged at once. Ask the operator to make the change."
        }
        NotChangeable::ClassicBilling => {
            "This subscription is in Stripe's classic billing mode, in which the usage so far would never be billed. Ask the operator to migrate it to the flexible mode."
        }
        NotChangeable::DowngradeAtPeriodEnd => {
            "A downgrade is possible at the end of the billing period only. Send \"effective\": \"period_end\"."
        }
        NotChangeable::MixedIntervals => {
            "The items of this subscription are billed at different intervals, so they have no common end of the period. Change the plan now instead (\"effective\": \"now\")."
        }
        NotChangeable::NotInCatalogue => {
            "This subscription is not on a plan of the catalogue. Ask the operator to change it."
        }
    }
}
