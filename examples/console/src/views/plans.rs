//! Plans on sale, with the button that leads to each.

use maud::{Markup, html};

use super::parts::{Tone, account_url, button, tag};
use super::text::{money, quantity};
use crate::api::{Capabilities, Every, Info, Plan, encoded};

pub fn section(account: &str, info: &Info) -> Markup {
    let capabilities = &info.capabilities;
    html! {
        section id="plans" aria-labelledby="plans-title" {
            h2 id="plans-title" { "Plans" }
            @if !capabilities.plan_change && !capabilities.checkout {
                p { "The plan cannot be changed now, because of the state above." }
            }
            ul.plans {
                @for offers in info.plans.chunk_by(|one, next| one.plan == next.plan) {
                    li.card { (card(account, offers, capabilities)) }
                }
            }
        }
    }
}

/// Shows a plan with the intervals in which it is sold. `info` lists these one after the other.
fn card(account: &str, offers: &[Plan], capabilities: &Capabilities) -> Markup {
    let Some(plan) = offers.first() else { return html! {} };
    html! {
        h3 { (plan.name) }
        @if let Some(description) = &plan.description { p.small.soft { (description) } }
        @if !plan.metered.is_empty() { (included(plan)) }
        ul.offers { @for offer in offers { li { (self::offer(account, offer, capabilities)) } } }
    }
}

fn included(plan: &Plan) -> Markup {
    html! {
        details {
            summary { "Included " span.hidden { "in " (plan.name) } " each " (every(&plan.every)) }
            ul.small {
                @for meter in &plan.metered {
                    li {
                        (meter.meter) ": "
                        @match (&meter.included, &meter.unit_amount) {
                            (Some(included), Some(price)) => {
                                (quantity(included)) " " (meter.unit.as_deref().unwrap_or("units"))
                                ", then " (money(price, &plan.currency)) " each"
                            }
                            _ => { "priced in tiers" }
                        }
                    }
                }
            }
        }
    }
}

fn offer(account: &str, offer: &Plan, capabilities: &Capabilities) -> Markup {
    let Plan { plan, name, interval, currency, .. } = offer;
    html! {
        p {
            strong { (money(&offer.amount, currency)) } " / " (every(&offer.every))
            @if let Some(own) = &offer.your_amount {
                span.small.soft {
                    " (you pay " (money(own, currency)) " / "
                    (every(offer.your_every.as_ref().unwrap_or(&offer.every))) ")"
                }
            }
        }
        @if offer.current {
            (tag("Current plan", Tone::Good))
        } @else if capabilities.plan_change {
            a.button.second href={
                (account_url(account)) "/change?plan=" (encoded(plan)) "&interval=" (encoded(interval))
            } { "Preview" span.hidden { " " (name) ", " (interval) } }
        } @else if capabilities.checkout {
            form method="post" action={ (account_url(account)) "/checkout" } {
                input type="hidden" name="plan" value=(plan);
                input type="hidden" name="interval" value=(interval);
                button.second { "Subscribe" span.hidden { " to " (name) ", " (interval) } }
            }
        }
    }
}

fn every(every: &Every) -> String {
    if every.count == 1 { every.unit.clone() } else { format!("{} {}s", every.count, every.unit) }
}

/// Buttons for Stripe's portal.
pub fn portal(account: &str, can_be_canceled: bool) -> Markup {
    let action = format!("{}/portal", account_url(account));
    html! {
        div.row {
            (button(&action, &[], "second", "Billing portal"))
            (button(&action, &[("flow", "payment_method_update")], "second", "Payment method"))
            (button(&action, &[("flow", "customer_update")], "second", "Address"))
            @if can_be_canceled {
                (button(&action, &[("flow", "subscription_cancel")], "second", "Cancel"))
            }
        }
    }
}
