//! Plans on sale, with the button that leads to each.

use maud::{Markup, html};

use super::layout::{Tone, account_url, button, tag};
use super::text::{money, quantity};
use crate::api::{Capabilities, Every, Info, Plan, encoded};

pub fn section(account: &str, info: &Info) -> Markup {
    let capabilities = &info.capabilities;
    html! {
        section id="plans" aria-labelledby="plans-title" {
            h2 id="plans-title" { "Plans" }
            @if !capabilities.plan_change && !capabilities.checkout {
                p { "The plan cannot be changed now. The plan’s state above says why." }
            }
            ul.plans {
                @for plan in &info.plans { li.card { (card(account, plan, capabilities)) } }
            }
        }
    }
}

fn card(account: &str, plan: &Plan, capabilities: &Capabilities) -> Markup {
    let Plan { name, amount, currency, .. } = plan;
    html! {
        h3 {
            (name) span.hidden { ", billed every " (every(&plan.every)) }
            @if plan.current { " " (tag("Current plan", Tone::Good)) }
        }
        p.price { (money(amount, currency)) span.per { " / " (every(&plan.every)) } }
        @if let Some(own) = &plan.your_amount {
            p.small {
                "You pay " (money(own, currency)) " / " (every(plan.your_every.as_ref().unwrap_or(&plan.every)))
            }
        }
        @if let Some(description) = &plan.description { p.small.soft { (description) } }
        @if !plan.metered.is_empty() {
            details {
                summary { "Included usage" span.hidden { " of " (name) ", " (plan.interval) } }
                ul.small {
                    @for meter in &plan.metered {
                        li {
                            (meter.meter) ": "
                            @match (&meter.included, &meter.unit_amount) {
                                (Some(included), Some(price)) => {
                                    (quantity(included)) " " (meter.unit.as_deref().unwrap_or("units"))
                                    ", then " (money(price, currency)) " each"
                                }
                                _ => { "priced in tiers" }
                            }
                        }
                    }
                }
            }
        }
        @if plan.current {
            // A current plan needs no button.
        } @else if capabilities.plan_change {
            p.act {
                a.button.second href={
                    (account_url(account)) "/change?plan=" (encoded(&plan.plan))
                    "&interval=" (encoded(&plan.interval))
                } { "Preview" span.hidden { " " (name) ", " (plan.interval) } }
            }
        } @else if capabilities.checkout {
            div.act {
                form method="post" action={ (account_url(account)) "/checkout" } {
                    input type="hidden" name="plan" value=(plan.plan);
                    input type="hidden" name="interval" value=(plan.interval);
                    button.second { "Subscribe" span.hidden { " to " (name) ", " (plan.interval) } }
                }
            }
        }
    }
}

fn every(every: &Every) -> String {
    if every.count == 1 { every.unit.clone() } else { format!("{} {}s", every.count, every.unit) }
}

/// Buttons for Stripe's portal. Only a subscription can be canceled.
pub fn portal(account: &str, is_subscribed: bool) -> Markup {
    let action = format!("{}/portal", account_url(account));
    html! {
        div.row {
            (button(&action, &[], "second", "Billing portal"))
            (button(&action, &[("flow", "payment_method_update")], "second", "Payment method"))
            (button(&action, &[("flow", "customer_update")], "second", "Address"))
            @if is_subscribed {
                (button(&action, &[("flow", "subscription_cancel")], "second", "Cancel"))
            }
        }
    }
}
