//! Usage by meter and day: a bar chart for each meter, and the same numbers as a table.

use maud::{Markup, html};
use time::Date;

use super::parts::{Tone, notice, scroll};
use super::text::{date, day, is_zero, money, quantity};
use crate::api::{MeterUsage, Usage};

/// Width of a day in a chart.
const DAY: i64 = 10;

/// Height of a chart's highest bar.
const HEIGHT: i128 = 64;

/// Width of the bar that compares usage and allowance.
const SHARE: i128 = 300;

pub fn section(usage: &Usage) -> Markup {
    html! {
        section aria-labelledby="usage" {
            div.split {
                h2 id="usage" { "Usage" }
                p {
                    (date(&usage.from)) " – " (date(&usage.to))
                    @if let Some(total) = &usage.total { ", " strong { (money(total, &usage.currency)) } " so far" }
                }
            }
            @if usage.warnings.iter().any(|warning| warning == "not_reconciled") {
                (notice("Amounts of days are unknown", Tone::Plain, &html! {
                    p {
                        "The price changed within the period, or usage was just reported. The quantities are "
                        "complete."
                    }
                }))
            }
            @if usage.meters.is_empty() {
                p.soft { "The plan has no metered usage." }
            } @else {
                ul.meters { @for meter in &usage.meters { li.card { (chart(usage, meter)) } } }
                (table(usage))
            }
        }
    }
}

fn chart(usage: &Usage, meter: &MeterUsage) -> Markup {
    let (name, unit) = (name(meter), meter.unit.as_deref().unwrap_or("units"));
    html! {
        h3 { (name) }
        p {
            strong { (quantity(&meter.used)) } " " (unit)
            @if let Some(included) = &meter.included { ", " (quantity(included)) " included" }
            @if let Some(amount) = &meter.amount { br; (money(amount, &usage.currency)) }
        }
        @if let Some(share) = meter.included.as_deref().and_then(|included| share(&meter.used, included)) {
            (share_bar(share))
        }
        @if let (Some(from), Some(to)) = (day(&usage.from), day(&usage.to)) {
            (bars(usage, meter, from, to))
            div.axis aria-hidden="true" { span { (date(&usage.from)) } span { (date(&usage.to)) } }
        }
    }
}

/// Positions of the usage and of the allowance on a bar of the width [`SHARE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    used: i128,
    included: i128,
}

fn share(used: &str, included: &str) -> Option<Share> {
    let [used, included] = scaled(&[used, included])?.try_into().ok()?;
    let most = used.max(included);
    (most > 0).then(|| Share { used: used * SHARE / most, included: included * SHARE / most })
}

/// The text beside it has the same numbers.
fn share_bar(share: Share) -> Markup {
    let within = share.used.min(share.included);
    html! {
        svg.share viewBox={ "0 0 " (SHARE) " 8" } preserveAspectRatio="none" aria-hidden="true" {
            rect.rest width=(SHARE) height="8" {}
            rect.used width=(within) height="8" {}
            rect.over x=(share.included) width=(share.used - within) height="8" {}
        }
    }
}

fn bars(usage: &Usage, meter: &MeterUsage, from: Date, to: Date) -> Markup {
    let width = ((to - from).whole_days() + 1).max(1) * DAY;
    let used: Vec<_> = meter.days.iter().filter(|day| !is_zero(&day.quantity)).collect();
    let heights = heights(&used.iter().map(|day| day.quantity.as_str()).collect::<Vec<_>>());
    let id = format!("chart-{}", meter.meter);
    html! {
        svg.bars viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" role="img"
            aria-labelledby={ (id) " " (id) "-text" } {
            title id=(id) { (name(meter)) " by day" }
            desc id={ (id) "-text" } { (description(usage, meter, used.len())) }
            @for (day, height) in used.iter().zip(heights) {
                @if let Some(date) = super::text::day(&day.date) {
                    rect x=((date - from).whole_days() * DAY + 1) y=(HEIGHT - height)
                        width=(DAY - 2) height=(height) {
                        title { (day.date) ": " (quantity(&day.quantity)) }
                    }
                }
            }
            rect.base x="0" y=(HEIGHT - 1) width=(width) height="1" {}
        }
    }
}

fn description(usage: &Usage, meter: &MeterUsage, days: usize) -> String {
    let unit = meter.unit.as_deref().unwrap_or("units");
    format!(
        "{} {unit} on {days} days from {} to {}. The table below has the numbers.",
        quantity(&meter.used),
        usage.from,
        usage.to
    )
}

/// Returns the heights of bars; a day with usage has at least two units.
fn heights(quantities: &[&str]) -> Vec<i128> {
    let Some(values) = scaled(quantities) else { return vec![0; quantities.len()] };
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    values.into_iter().map(|value| (value.max(0) * HEIGHT / most).max(2)).collect()
}

/// Returns decimal strings as integers of one unit, the smallest that all of them need.
fn scaled(decimals: &[&str]) -> Option<Vec<i128>> {
    let places = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let most = decimals.iter().map(|text| places(text)).max().unwrap_or_default();
    let integer = |text: &&str| {
        let zeros = "0".repeat(most - places(text));
        format!("{}{zeros}", text.replacen('.', "", 1)).parse().ok()
    };
    decimals.iter().map(integer).collect()
}

fn table(usage: &Usage) -> Markup {
    let days = usage.meters.iter().flat_map(|meter| &meter.days);
    let mut days: Vec<_> =
        days.filter(|day| !is_zero(&day.quantity)).map(|day| day.date.as_str()).collect();
    days.sort_unstable();
    days.dedup();
    let of = |meter: &MeterUsage, date: &str| {
        let day = meter.days.iter().find(|day| day.date == date);
        day.map_or_else(|| "0".to_owned(), |day| quantity(&day.quantity))
    };
    html! {
        details {
            summary { "Usage as a table" }
            (scroll("Usage by day", &html! {
                table {
                    caption.hidden { "Usage by day and meter. Days without usage are omitted." }
                    thead {
                        tr {
                            th scope="col" { "Day" }
                            @for meter in &usage.meters {
                                th.amount scope="col" {
                                    (name(meter)) div.small { (meter.unit.as_deref().unwrap_or("units")) }
                                }
                            }
                        }
                    }
                    tbody {
                        @for date in days {
                            tr {
                                th scope="row" { (super::text::date(date)) }
                                @for meter in &usage.meters { td.amount { (of(meter, date)) } }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn name(meter: &MeterUsage) -> &str {
    meter.name.as_deref().unwrap_or(&meter.meter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_scaled_to_one_unit() {
        assert_eq!(scaled(&["1.5", "20", "0.25"]), Some(vec![150, 2000, 25]));
        assert_eq!(scaled(&["-1.5"]), Some(vec![-15]));
        assert_eq!(scaled(&["x"]), None);
        assert_eq!(scaled(&[]), Some(Vec::new()));
    }

    #[test]
    fn highest_bar_has_the_full_height_and_every_bar_can_be_seen() {
        assert_eq!(heights(&["1000000", "1", "500000.0"]), [HEIGHT, 2, HEIGHT / 2]);
        assert_eq!(heights(&["1", "x"]), [0, 0]);
    }

    #[test]
    fn usage_beyond_the_allowance_shortens_the_allowance() {
        assert_eq!(share("750", "1500"), Some(Share { used: 150, included: 300 }));
        assert_eq!(share("3000", "1500"), Some(Share { used: 300, included: 150 }));
        assert_eq!(share("0", "0"), None);
    }
}
