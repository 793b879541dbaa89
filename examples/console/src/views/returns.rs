//! Pages to which customers return from Stripe.

use maud::{Markup, html};

use super::failure;
use super::layout::Page;
use super::parts::{Tone, account_url, notice, tag, trail};
use super::text::{date, sentence};
use crate::api::{Failure, Summary};

/// Page that a customer has left.
#[derive(Clone, Copy)]
pub enum Return {
    Checkout,
    CanceledCheckout,
    Portal,
}

impl Return {
    fn title(self) -> &'static str {
        match self {
            Self::Checkout => "Thank you",
            Self::CanceledCheckout => "Checkout was canceled",
            Self::Portal => "Back from the billing portal",
        }
    }

    fn text(self, summary: &Summary) -> &'static str {
        match self {
            Self::Checkout if matches!(summary.status.as_str(), "none" | "canceled") => {
                "Stripe has no subscription of yours yet. If you have just paid, load the page again in a moment."
            }
            Self::CanceledCheckout => "Nothing was charged. You can choose a plan again.",
            Self::Checkout | Self::Portal => {
                "This is your subscription, read from Stripe just now."
            }
        }
    }
}

/// Page for a known account.
pub fn page(from: Return, account: &str, summary: &Result<Summary, Failure>) -> Page {
    let url = account_url(account);
    let anchor =
        if matches!(from, Return::CanceledCheckout) { "?fresh=1#plans" } else { "?fresh=1" };
    let body = html! {
        (trail(&[(&url, account)]))
        h1 { (from.title()) }
        @match summary {
            Ok(summary) => {
                p { (from.text(summary)) }
                (subscription(summary))
            }
            Err(error) => (failure::part("The subscription", error)),
        }
        p { a.button href={ (url) (anchor) } { "Continue to " (account) } }
    };
    Page::new(from.title(), body).narrow()
}

fn subscription(summary: &Summary) -> Markup {
    html! {
        div.card {
            p.price {
                (summary.plan.as_deref().map_or("Not in the catalogue".to_owned(), sentence))
                " " (tag(&sentence(&summary.status), super::accounts::status_tone(&summary.status)))
            }
            @if let Some(end) = &summary.current_period_end { p { "The period ends on " (date(end)) "." } }
        }
    }
}

/// Page for a URL that names no account, as the default return URLs of the local stack.
pub fn unknown(from: Return) -> Page {
    let body = html! {
        h1 { (from.title()) }
        (notice("The account is unknown", Tone::Plain, &html! {
            p {
                "The session was not made by this console, so that its return URL does not name the account. "
                "Choose it from the list."
            }
            p { a.button href="/" { "Accounts" } }
        }))
    };
    Page::new(from.title(), body).narrow()
}
