//! Shared parts of all pages: document, notices, fields, money and dates.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rust_decimal::Decimal;
use time::OffsetDateTime;

use crate::values::money::Currency;
use crate::values::period::{Interval, Timestamp, Unit};

const STYLE: &str = include_str!("style.css");

/// Frame of a page.
pub struct Document<'a> {
    pub title: &'a str,
    /// One column instead of two.
    pub narrow: bool,
    /// URL and label of the link at the top.
    pub back: Option<(&'a str, &'a str)>,
}

impl Document<'_> {
    pub fn render(&self, body: &Markup) -> Markup {
        let width = if self.narrow { "narrow" } else { "" };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) " – stripe-sandbox" }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    p.banner role="note" {
                        strong { "Sandbox – no real money." }
                        " Use test cards only."
                    }
                    header.top.(width) {
                        p.brand { "stripe-sandbox" }
                        @if let Some((url, label)) = self.back {
                            p { a href=(url) { "← " (label) } }
                        }
                    }
                    main.(width) { (body) }
                    footer.foot.(width) {
                        "A local sandbox of Stripe’s pages. Nothing that you enter leaves this machine."
                    }
                }
            }
        }
    }
}

/// ID of a field, and the message about it.
pub type Problem = (&'static str, String);

/// Lists the problems above a form, each linked to its field.
pub fn summary(problems: &[Problem]) -> Markup {
    html! {
        @if !problems.is_empty() {
            div.notice.bad role="alert" aria-labelledby="problems" {
                h2 id="problems" {
                    @if problems.len() == 1 { "There is a problem" } @else { "There are problems" }
                }
                ul {
                    @for (field, text) in problems { li { a href={ "#" (field) } { (text) } } }
                }
            }
        }
    }
}

/// Labeled text field with its error.
pub struct Field<'a> {
    pub id: &'static str,
    pub label: &'a str,
    pub hint: Option<&'a str>,
    pub value: &'a str,
    pub kind: &'a str,
    pub autocomplete: &'a str,
    pub numeric: bool,
    pub placeholder: Option<&'a str>,
}

impl Field<'_> {
    pub fn render(&self, problems: &[Problem]) -> Markup {
        let problem = problems.iter().find(|(field, _)| *field == self.id);
        let first = problems.first().is_some_and(|(field, _)| *field == self.id);
        let about = match (self.hint.is_some(), problem.is_some()) {
            (false, false) => None,
            (true, false) => Some(format!("{}-hint", self.id)),
            (false, true) => Some(format!("{}-error", self.id)),
            (true, true) => Some(format!("{0}-hint {0}-error", self.id)),
        };
        html! {
            div.field {
                label for=(self.id) { (self.label) }
                @if let Some(hint) = self.hint { span.hint id={ (self.id) "-hint" } { (hint) } }
                input id=(self.id) name=(self.id) type=(self.kind) value=(self.value)
                    autocomplete=(self.autocomplete) inputmode=[self.numeric.then_some("numeric")]
                    placeholder=[self.placeholder] maxlength="200" autofocus[first]
                    aria-invalid=[problem.map(|_| "true")] aria-describedby=[about];
                @if let Some((_, text)) = problem {
                    p.error id={ (self.id) "-error" } { (text) }
                }
            }
        }
    }
}

pub fn money(currency: Currency, minor: i64) -> String {
    let amount = currency.format(Decimal::from(minor.abs()));
    if minor < 0 { format!("−{amount}") } else { amount }
}

/// Formats a date as "5 May 2027".
pub fn date(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at)
        .map_or_else(|_| at.to_string(), |at| format!("{} {} {}", at.day(), at.month(), at.year()))
}

/// Formats an interval as "month" or "3 months".
pub fn interval_name(interval: Interval) -> String {
    let unit = match interval.unit {
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Year => "year",
    };
    if interval.count == 1 { unit.to_owned() } else { format!("{} {unit}s", interval.count) }
}

/// Returns a page with a heading and a sentence.
pub fn message(title: &str, text: &str, back: Option<(&str, &str)>) -> Markup {
    let body = html! {
        div.card {
            h1 { (title) }
            p { (text) }
            @if let Some((url, label)) = back { p { a.button href=(url) { (label) } } }
        }
    };
    Document { title, narrow: true, back: None }.render(&body)
}
