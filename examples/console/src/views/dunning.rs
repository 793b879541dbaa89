//! Banner about payments that failed or are under way.

use maud::{Markup, html};

use super::parts::{Tone, account_url, button, notice};
use super::text::{moment, money, sentence, words};
use crate::api::{Dunning, Recovery};

/// Shows the payment state and the next step; nothing for an account that owes nothing.
pub fn banner(account: &str, dunning: &Dunning) -> Markup {
    html! {
        @match dunning.state.as_str() {
            "past_due" => (notice("Payment overdue", Tone::Warn, &details(account, dunning))),
            "suspended" => (notice("Account suspended", Tone::Bad, &details(account, dunning))),
            "canceled" => (notice("Subscription canceled", Tone::Plain, &details(account, dunning))),
            _ => {}
        }
        @if let Some(payment) = &dunning.processing {
            (notice("Payment processing", Tone::Plain, &html! {
                p {
                    "A payment of " (money(&payment.amount, &payment.currency)) " is under way since "
                    (moment(&payment.since)) ". There is nothing to do."
                }
            }))
        }
    }
}

fn details(account: &str, dunning: &Dunning) -> Markup {
    html! {
        p {
            @for sum in &dunning.overdue { strong { (money(&sum.amount, &sum.currency)) } " is overdue. " }
            @if let Some(since) = &dunning.since { "Since " (moment(since)) ". " }
            @if let Some(reason) = &dunning.reason { "Reason: " (words(reason)) ". " }
            @if let Some(failure) = &dunning.failure { (failure.message) }
        }
        @if dunning.attempts > 0 || dunning.grace_ends_at.is_some() {
            p {
                (dunning.attempts) " of " (dunning.max_attempts) " payment attempts have failed. "
                @if let Some(next) = &dunning.next_attempt_at { "The next one is on " (moment(next)) ". " }
                @if let Some(end) = &dunning.grace_ends_at { "Grace ends on " (moment(end)) "." }
            }
        }
        @if dunning.deploy_blocked { p { strong { "New deployments are blocked." } } }
        @if let Some(recovery) = &dunning.recovery { (recover(account, dunning, recovery)) }
    }
}

/// Button for the next step.
fn recover(account: &str, dunning: &Dunning, recovery: &Recovery) -> Markup {
    let text = match recovery.action.as_str() {
        "pay_invoice" => {
            let number = dunning.invoice.as_ref().and_then(|invoice| invoice.number.as_deref());
            number.map_or("Pay the invoice".to_owned(), |number| format!("Pay invoice {number}"))
        }
        "authenticate_payment" => "Authenticate the payment".to_owned(),
        "update_payment_method" => "Update the payment method".to_owned(),
        "resubscribe" => "Choose a plan".to_owned(),
        other => sentence(other),
    };
    html! {
        @if recovery.method == "GET" {
            p { a.button href=(recovery.url) { (text) } }
        } @else if recovery.action == "resubscribe" {
            p { a.button href="#plans" { (text) } }
        } @else {
            (button(
                &format!("{}/portal", account_url(account)),
                &[("flow", "payment_method_update")],
                "",
                &text,
            ))
        }
    }
}
