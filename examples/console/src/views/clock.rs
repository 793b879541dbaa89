//! Time machine.

use maud::{Markup, html};

use super::parts::{account_url, button};
use super::text::unix_time;
use crate::clock::{Reading, Whose};

/// Buttons for the clocks of all accounts.
pub fn all(has_sandbox: bool) -> Markup {
    html! {
        section.card aria-labelledby="clock" {
            h2 id="clock" { "Time machine" }
            @if has_sandbox {
                p {
                    "Advance the clocks of all accounts. The sandbox then renews, charges and retries what has "
                    "fallen due."
                }
                (buttons("/clock"))
            } @else {
                p { "Only the sandbox’s clocks can be advanced here." }
            }
        }
    }
}

/// Buttons for the clock of an account.
pub fn one(account: &str, clock: Option<&Result<Reading, String>>) -> Markup {
    html! {
        section.card aria-labelledby="clock" {
            h2 id="clock" { "Time machine" }
            @match clock {
                None => p { "Only the sandbox’s clocks can be advanced here." },
                Some(Err(reason)) => p { "The clock cannot be read: " (reason) },
                Some(Ok(reading)) => {
                    p {
                        @match reading.whose {
                            Whose::Account => { "The account’s own test clock shows " }
                            Whose::Sandbox => {
                                "The sandbox’s clock, which the accounts without a test clock share, shows "
                            }
                        }
                        strong { (unix_time(reading.now)) } "."
                    }
                    (buttons(&format!("{}/clock", account_url(account))))
                }
            }
        }
    }
}

/// A month is long enough for a renewal and its charge, which follows an hour later.
fn buttons(action: &str) -> Markup {
    html! {
        div.row {
            (button(action, &[("by", "day")], "second", "Advance by a day"))
            (button(action, &[("by", "month")], "second", "Advance by a month"))
        }
        p.small.soft { "A month is 31 days and 2 hours: Stripe charges a renewal an hour after it is due." }
    }
}
