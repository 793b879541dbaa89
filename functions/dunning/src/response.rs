//! Builds the response with the way to recover. No I/O.

use serde::Serialize;
use shared::billing::invoice::{attempts, still_to_pay};
use shared::stripe::views::Invoice;
use shared::stripe::{Decline, DeclineKind};
use shared::{Currency, DateTime, Money, StripeError};

use crate::debts::Debts;
use crate::state::{EndReason, Rules, State, Verdict};

/// Body of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dunning {
    state: State,
    reason: Option<EndReason>,
    since: Option<DateTime>,
    attempts: u32,
    max_attempts: u32,
    next_attempt_at: Option<DateTime>,
    grace_ends_at: Option<DateTime>,
    /// Overdue sum in `currency`.
    amount_due: Money,
    currency: Currency,
    /// Overdue sum of each currency.
    overdue: Vec<Sum>,
    invoice: Option<InvoiceToPay>,
    processing: Option<Processing>,
    failure: Option<Decline>,
    deploy_blocked: bool,
    recovery: Option<Recovery>,
}

#[derive(Debug, Serialize)]
struct Sum {
    currency: Currency,
    amount: Money,
}

/// The oldest invoice whose payment is processing.
#[derive(Debug, Serialize)]
struct Processing {
    amount: Money,
    currency: Currency,
    invoice: InvoiceToPay,
    since: DateTime,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceToPay {
    number: Option<String>,
    amount_due: Money,
    currency: Currency,
    hosted_url: Option<String>,
}

/// The action that recovers the account, and its URL: a page at Stripe or a route of this API.
#[derive(Debug, PartialEq, Serialize)]
struct Recovery {
    action: Action,
    url: String,
    method: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    PayInvoice,
    AuthenticatePayment,
    UpdatePaymentMethod,
    Resubscribe,
}

impl Dunning {
    /// `currency` is that of the overdue sum.
    pub fn of(
        verdict: &Verdict<'_>,
        debts: &Debts<'_>,
        currency: Currency,
        failure: Option<Decline>,
        rules: &Rules,
    ) -> Result<Self, StripeError> {
        let sums = debts.sums()?.into_iter();
        let processing = debts.processing().map(|(invoice, since)| Processing {
            amount: still_to_pay(invoice),
            currency: invoice.currency,
            invoice: InvoiceToPay::of(invoice),
            since: since.date_time(),
        });
        let invoice = verdict.invoice;
        Ok(Self {
            state: verdict.state,
            reason: verdict.reason,
            since: verdict.since.map(shared::Timestamp::date_time),
            attempts: invoice.map_or(0, attempts),
            max_attempts: rules.max_attempts,
            next_attempt_at: invoice
                .and_then(|invoice| invoice.next_payment_attempt)
                .map(shared::Timestamp::date_time),
            grace_ends_at: verdict.grace_ends_at(rules).map(shared::Timestamp::date_time),
            amount_due: debts.sum(currency)?,
            currency,
            overdue: sums.map(|amount| Sum { currency: amount.currency, amount }).collect(),
            invoice: invoice.map(InvoiceToPay::of),
            processing,
            recovery: recovery(verdict, failure.as_ref().map(|failure| failure.kind)),
            failure,
            deploy_blocked: verdict.blocks_deploys(),
        })
    }
}

impl InvoiceToPay {
    fn of(invoice: &Invoice) -> Self {
        Self {
            number: invoice.number.clone(),
            amount_due: still_to_pay(invoice),
            currency: invoice.currency,
            hosted_url: invoice.hosted_invoice_url.clone(),
        }
    }
}

fn recovery(verdict: &Verdict<'_>, failure: Option<DeclineKind>) -> Option<Recovery> {
    match (verdict.state, verdict.invoice) {
        (State::Canceled, _) => Some(route(Action::Resubscribe, "/v1/billing/checkout-session")),
        (State::Active, None) => None,
        (_, Some(invoice)) if !verdict.paused => Some(pay(invoice, failure)),
        // The payment that is processing may suffice.
        (_, None) if verdict.processing && !verdict.paused => None,
        // A paused subscription resumes with a payment method. A payment does not resume it.
        (_, _) => Some(update_payment_method()),
    }
}

/// Returns how to pay an invoice.
fn pay(invoice: &Invoice, failure: Option<DeclineKind>) -> Recovery {
    let page = |action, url: &str| Recovery { action, url: url.to_owned(), method: "GET" };
    match (failure, &invoice.hosted_invoice_url) {
        (Some(DeclineKind::Authentication), Some(url)) => page(Action::AuthenticatePayment, url),
        // Stripe retries by itself and needs another card.
        (Some(DeclineKind::Hard), _) if invoice.next_payment_attempt.is_some() => {
            update_payment_method()
        }
        (_, Some(url)) => page(Action::PayInvoice, url),
        (_, None) => update_payment_method(),
    }
}

fn update_payment_method() -> Recovery {
    route(Action::UpdatePaymentMethod, "/v1/billing/portal-session")
}

fn route(action: Action, path: &str) -> Recovery {
    Recovery { action, url: path.to_owned(), method: "POST" }
}
