//! Change of plan: preview, confirmation and outcome.

use maud::{Markup, html};

use super::layout::Page;
use super::parts::{account_url, button, trail};
use super::text::{date, is_zero, moment, money, sentence};
use super::{failure, lines};
use crate::api::{Dropped, Failure, PlanChange, Preview, Refusal, Target, encoded};

/// Page with the price of a change and the button that makes it.
pub fn preview(account: &str, target: &Target, preview: &Preview, key: Option<&str>) -> Page {
    let body = html! {
        (trail(&[(&account_url(account), account)]))
        h1 { "Change to " (preview.plan) }
        (offer(account, target, preview, key))
    };
    Page::new(format!("Change to {}", preview.plan), body).narrow()
}

/// The same with the notice that the price has changed since it was shown.
pub fn changed_quote(
    account: &str,
    target: &Target,
    refusal: &Refusal,
    preview: &Preview,
    key: Option<&str>,
) -> Page {
    let body = html! {
        (trail(&[(&account_url(account), account)]))
        h1 { "Change to " (preview.plan) }
        (failure::explained("The price has changed", "Nothing was charged. This is the new price.", refusal))
        (offer(account, target, preview, key))
    };
    Page::new("The price has changed", body).narrow().with_status(refusal.status)
}

fn offer(account: &str, target: &Target, preview: &Preview, key: Option<&str>) -> Markup {
    let Preview { currency, breakdown, recurring, next_invoice, .. } = preview;
    html! {
        (times(account, target))
        section.card aria-labelledby="price" {
            h2 id="price" {
                @if target.effective == "period_end" { "Due now: nothing" } @else { "Due now" }
            }
            @if target.effective != "period_end" {
                p.price { (money(&breakdown.amount_due, currency)) }
                @if preview.proration_amount.starts_with('-') {
                    p {
                        "The change costs " (money(&preview.proration_amount, currency))
                        ", which is credited to your balance."
                    }
                }
            }
            p {
                (sentence(&preview.direction)) ", takes effect on " (moment(&preview.effective_at)) ". Then "
                strong { (money(&recurring.amount, currency)) " / " (recurring.interval) }
                " and usage. The next invoice, on " (date(&next_invoice.date)) ", is "
                (money(&next_invoice.amount, currency)) " as it stands now."
            }
            @if let Some(usage) = &preview.usage {
                p {
                    "A new billing cycle starts, so the usage so far, " (money(&usage.amount, currency))
                    ", is due now."
                }
            }
            @if !preview.lines.is_empty() {
                (lines::table("Lines of the change", currency, &preview.lines, &lines::breakdown(breakdown)))
            }
            (confirm(account, target, preview, key))
        }
    }
}

/// Links between a change now and one at the end of the period.
fn times(account: &str, target: &Target) -> Markup {
    let url = |effective| {
        format!(
            "{}/change?plan={}&interval={}&effective={effective}",
            account_url(account),
            encoded(&target.plan),
            encoded(&target.interval)
        )
    };
    let choices = [("now", "Now"), ("period_end", "At the end of the period")];
    html! {
        nav.choices aria-label="When the change takes effect" {
            @for (effective, text) in choices {
                @let current = (effective == target.effective).then_some("page");
                a href=(url(effective)) aria-current=[current] { (text) }
            }
        }
    }
}

fn confirm(account: &str, target: &Target, preview: &Preview, key: Option<&str>) -> Markup {
    html! {
        form.confirm method="post" action={ (account_url(account)) "/change" } {
            input type="hidden" name="plan" value=(target.plan);
            input type="hidden" name="interval" value=(target.interval);
            input type="hidden" name="effective" value=(target.effective);
            input type="hidden" name="quote" value=(preview.quote);
            @if let Some(key) = key { input type="hidden" name="key" value=(key); }
            @if preview.usage.is_some() {
                div.field {
                    label for="max-amount" { "Highest amount you accept (optional)" }
                    p.hint id="max-amount-hint" {
                        "If more usage is reported before you confirm, the change is made up to this amount, in "
                        (preview.currency) "."
                    }
                    input id="max-amount" name="max_amount" inputmode="decimal" autocomplete="off"
                        pattern="[0-9]+([.][0-9]+)?" aria-describedby="max-amount-hint";
                }
            }
            button {
                @if target.effective == "period_end" { "Schedule the change" }
                @else if is_zero(&preview.breakdown.amount_due) { "Change the plan" }
                @else { "Pay " (money(&preview.breakdown.amount_due, &preview.currency)) " and change the plan" }
            }
            p.small.soft {
                "This price holds for 15 minutes. If it changes by one cent, nothing is charged, and you see the "
                "new price."
            }
        }
    }
}

/// Page after a change that was made, is under way, or is scheduled.
pub fn outcome(account: &str, change: &PlanChange) -> Page {
    let url = account_url(account);
    let plan = change.plan.as_deref().unwrap_or("the new plan");
    let (title, text) = match change.outcome.as_str() {
        "scheduled" => (
            "The change is scheduled",
            html! {
                "The plan changes from " (change.previous_plan) " to " (plan) " on "
                (moment(&change.effective_at)) ". Nothing is due before."
            },
        ),
        "processing" => (
            "The payment is processing",
            html! {
                "The plan changes when the payment has succeeded. Until then it stays " (change.previous_plan) "."
            },
        ),
        _ => (
            "The plan has changed",
            html! { "The plan has changed from " (change.previous_plan) " to " (plan) "." },
        ),
    };
    let body = html! {
        (trail(&[(&url, account)]))
        h1 { (title) }
        div.card {
            p { (text) }
            @if change.outcome == "applied" {
                p.price { (money(&change.proration_amount, &change.currency)) }
                p.small.soft {
                    @if change.proration_amount.starts_with('-') { "Credited to your balance" } @else { "Charged" }
                }
            }
            @if change.warnings.iter().any(|warning| warning == "amount_differs") {
                p { strong { "Usage was added in the last moment: the amount differs from the preview." } }
            }
            div.row {
                p { a.button href={ (url) "?fresh=1" } { "Back to " (account) } }
                @if let Some(invoice) = &change.invoice {
                    p {
                        a.button.second href={ (url) "/invoices/" (encoded(&invoice.id)) } {
                            "Invoice " (invoice.number.as_deref().unwrap_or("of the change"))
                        }
                    }
                }
            }
        }
    };
    Page::new(title, body).narrow()
}

/// Page for a preview or a change that failed.
pub fn failed(account: &str, target: &Target, error: &Failure) -> Page {
    let url = account_url(account);
    let portal = format!("{url}/portal");
    let again = format!(
        "{url}/change?plan={}&interval={}&effective={}",
        encoded(&target.plan),
        encoded(&target.interval),
        encoded(&target.effective)
    );
    let (title, part) = match error {
        Failure::Refused(refusal) => {
            let title = match refusal.error.as_str() {
                "payment_failed" => "The payment was declined",
                "payment_action_required" => "Your bank wants you to confirm the payment",
                "quote_expired" => "The price has expired",
                "change_in_progress" | "idempotency_in_progress" => "Another change is running",
                "already_on_plan" => "You are on this plan",
                "no_subscription" => "There is no subscription",
                _ => "The plan cannot be changed",
            };
            let part = if refusal.error == "payment_action_required" {
                let text = "The plan changes as soon as you have confirmed the payment.";
                failure::explained("Nothing has changed yet", text, refusal)
            } else {
                failure::refused(&sentence(&refusal.error), refusal)
            };
            (title, part)
        }
        _ => ("The plan was not changed", failure::part("The change", error)),
    };
    let bank = error.refused("payment_action_required").and_then(|one| one.details["url"].as_str());
    let body = html! {
        (trail(&[(&url, account)]))
        h1 { (title) }
        (part)
        div.row {
            @if let Some(bank) = bank { p { a.button href=(bank) { "Confirm the payment" } } }
            @if error.refused("payment_failed").is_some() {
                (button(&portal, &[("flow", "payment_method_update")], "", "Update the payment method"))
            }
            @if let Some(refusal) = error.refused("tax_location_required") {
                @if let Some(flow) = refusal.details["flow"].as_str() {
                    (button(&portal, &[("flow", flow)], "", "Add the address"))
                }
            }
            @if may_be_repeated(error) { p { a.button.second href=(again) { "Show the price again" } } }
            p { a.button.second href={ (url) "?fresh=1" } { "Back to " (account) } }
        }
    };
    Page::new(title, body).narrow().with_status(error.status())
}

/// Whether the same change can succeed a moment later.
fn may_be_repeated(error: &Failure) -> bool {
    let codes =
        ["quote_expired", "payment_failed", "change_in_progress", "idempotency_in_progress"];
    error.status() >= 429 || codes.iter().any(|code| error.refused(code).is_some())
}

/// Page after a pending change or a cancellation was dropped.
pub fn dropped(account: &str, outcome: &Result<Dropped, Failure>) -> Page {
    let url = account_url(account);
    let (title, text) = match outcome {
        Ok(dropped) => {
            let stays = dropped.plan.as_deref().unwrap_or("the current plan");
            let text = html! {
                @if let Some(plan) = &dropped.canceled.plan { "The change to " (plan) " is dropped. " }
                "The plan stays " (stays) "."
            };
            let title = match dropped.canceled.reason.as_str() {
                "cancellation" => "The subscription continues",
                _ => "The change is dropped",
            };
            (title, html! { div.card { p { (text) } } })
        }
        Err(error) => ("Nothing was dropped", failure::part("The change", error)),
    };
    let body = html! {
        (trail(&[(&url, account)]))
        h1 { (title) }
        (text)
        p { a.button href={ (url) "?fresh=1" } { "Back to " (account) } }
    };
    let status = outcome.as_ref().map_or_else(Failure::status, |_| 200);
    Page::new(title, body).narrow().with_status(status)
}
