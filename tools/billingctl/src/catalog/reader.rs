//! Reads a TOML document field by field, and goes on after a fault: whoever corrects a file wants to
//! know all that is wrong with it, and where.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    span: Range<usize>,
    reason: String,
}

/// Everything that is wrong with one document.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, span: Range<usize>, reason: impl Into<String>) {
        self.0.push(Fault { span, reason: reason.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `line:column: reason` each, from the top, and none twice.
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

/// The document. What breaks TOML's own rules is among the faults, and left away.
pub(super) fn document<'i>(text: &'i str, faults: &mut Faults) -> Spanned<DeTable<'i>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        faults.add(error.span().unwrap_or_default(), error.message().replace('\n', "; "));
    }
    document
}

/// A table while it is read. What was not asked for by the end is unknown.
pub(super) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub(super) fn new(table: &'t DeTable<'i>, span: Range<usize>) -> Self {
        Self { table, span, known: Vec::new() }
    }

    /// Of a value that has to be a table.
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
        let value = self.required(name, faults)?;
        match value.get_ref() {
            DeValue::Boolean(boolean) => Some(*boolean),
            other => {
                faults.add(value.span(), expected("true or false", other));
                None
            }
        }
    }

    /// The elements of an array, none where there is no such field.
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

    /// Every entry, whatever its name is.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (Spanned<String>, &'t Spanned<DeValue<'i>>)> {
        let table = self.table;
        table.iter().map(|(key, value)| {
            (Spanned::new(key.span(), key.get_ref().clone().into_owned()), value)
        })
    }

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

/// A whole number that is not negative.
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
