//! Reader of TOML documents that collects all faults with their positions.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longest text that Stripe accepts for names and descriptions, in characters.
const MAX_TEXT_LENGTH: usize = 250;

/// A fault and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    span: Range<usize>,
    reason: String,
}

/// All faults of a document.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, span: Range<usize>, reason: impl Into<String>) {
        self.0.push(Fault { span, reason: reason.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns each distinct fault as `line:column: reason`, in the order of the document.
    pub(super) fn located(mut self, text: &str) -> Vec<String> {
        self.0.sort_by_key(|fault| fault.span.start);
        let mut lines: Vec<String> = Vec::new();
        for fault in self.0 {
            let before = text.get(..fault.span.start).unwrap_or(text);
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            let located = format!("{line}:{column}: {}", fault.reason);
            if !lines.contains(&located) {
                lines.push(located);
            }
        }
        lines
    }
}

/// Parses a document. Syntax errors are added to the faults, and their values are omitted.
pub(super) fn document<'i>(text: &'i str, faults: &mut Faults) -> Spanned<DeTable<'i>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        faults.add(error.span().unwrap_or_default(), error.message().replace('\n', "; "));
    }
    document
}

/// Reader of a table. Fields that were not read before [`Fields::finish`] are unknown.
pub(super) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub(super) fn new(table: &'t DeTable<'i>, span: Range<usize>) -> Self {
        Self { table, span, known: Vec::new() }
    }

    /// Returns a reader for a value that must be a table.
    pub(super) fn of(value: &'t Spanned<DeValue<'i>>, faults: &mut Faults) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(table, value.span())),
            other => {
                faults.add(value.span(), expected("a table", other));
                None
            }
        }
    }

    pub(super) fn optional(&mut self, name: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    pub(super) fn required(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<&'t Spanned<DeValue<'i>>> {
        let found = self.optional(name);
        if found.is_none() {
            faults.add(self.span.clone(), format!("missing field `{name}`"));
        }
        found
    }

    pub(super) fn text(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<Spanned<String>> {
        let value = self.required(name, faults)?;
        text(value, "text in quotes", faults)
    }

    pub(super) fn optional_text(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> Option<Spanned<String>> {
        text(self.optional(name)?, "text in quotes", faults)
    }

    pub(super) fn boolean(&mut self, name: &'static str, faults: &mut Faults) -> Option<bool> {
        boolean(self.required(name, faults)?, faults)
    }

    /// Returns the elements of an array; none if the field is absent.
    pub(super) fn array(
        &mut self,
        name: &'static str,
        faults: &mut Faults,
    ) -> &'t [Spanned<DeValue<'i>>] {
        let Some(value) = self.optional(name) else { return &[] };
        match value.get_ref() {
            DeValue::Array(array) => array.as_ref(),
            other => {
                faults.add(value.span(), expected("an array", other));
                &[]
            }
        }
    }

    /// Returns all entries, with any name.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (Spanned<String>, &'t Spanned<DeValue<'i>>)> {
        let table = self.table;
        table.iter().map(|(key, value)| {
            (Spanned::new(key.span(), key.get_ref().clone().into_owned()), value)
        })
    }

    /// Reports the fields that were not read.
    pub(super) fn finish(self, faults: &mut Faults) {
        let unknown = self
            .table
            .iter()
            .filter(|(key, _)| !self.known.iter().any(|known| key.get_ref() == known));
        for (key, _) in unknown {
            let known: Vec<String> = self.known.iter().map(|name| format!("`{name}`")).collect();
            let reason =
                format!("unknown field `{}`, expected one of {}", key.get_ref(), known.join(", "));
            faults.add(key.span(), reason);
        }
    }
}

/// Reads `true` or `false`.
pub(super) fn boolean(value: &Spanned<DeValue<'_>>, faults: &mut Faults) -> Option<bool> {
    match value.get_ref() {
        DeValue::Boolean(boolean) => Some(*boolean),
        other => {
            faults.add(value.span(), expected("true or false", other));
            None
        }
    }
}

/// Reads a string. Faults call the expected type `what`.
pub(super) fn text(
    value: &Spanned<DeValue<'_>>,
    what: &str,
    faults: &mut Faults,
) -> Option<Spanned<String>> {
    match value.get_ref() {
        DeValue::String(text) => Some(Spanned::new(value.span(), text.clone().into_owned())),
        other => {
            faults.add(value.span(), expected(what, other));
            None
        }
    }
}

/// Reports a text that is blank or too long.
pub(super) fn check_length(text: &Spanned<String>, faults: &mut Faults) {
    let is_valid =
        !text.get_ref().trim().is_empty() && text.get_ref().chars().count() <= MAX_TEXT_LENGTH;
    if !is_valid {
        faults.add(text.span(), format!("the text must have 1 to {MAX_TEXT_LENGTH} characters"));
    }
}

/// Reads a whole number of 0 or more.
pub(super) fn count(value: &Spanned<DeValue<'_>>, faults: &mut Faults) -> Option<Spanned<u64>> {
    let number = match value.get_ref() {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    if number.is_none() {
        faults.add(value.span(), "expected a whole number, 0 or more");
    }
    number.map(|number| Spanned::new(value.span(), number))
}

fn expected(what: &str, found: &DeValue<'_>) -> String {
    let found = match found {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    format!("expected {what}, found {found}")
}
