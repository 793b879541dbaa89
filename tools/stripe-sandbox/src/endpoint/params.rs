//! Typed parameters.
//!
//! Reading removes a parameter from the tree. Parameters that are left at the end are unknown, so
//! that no endpoint has to list them.

use rust_decimal::Decimal;

use super::form::Node;
pub use crate::model::{Change, MetadataChange};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::Timestamp;

/// Hash of parameters. `path` is its name in messages (`items[0]`), empty at the root.
pub struct Params {
    path: String,
    entries: Vec<(String, Node)>,
}

/// Time filter of a list, such as `created`: one time, or bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeRange {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl TimeRange {
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }
}

impl Params {
    pub fn new(entries: Vec<(String, Node)>) -> Params {
        Params { path: String::new(), entries }
    }

    /// Returns the full name of a parameter of this hash.
    pub fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}[{key}]", self.path) }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let index = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(index).1)
    }

    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Refuses parameters that were not read.
    pub fn finish(&self) -> Result<()> {
        let unknown: Vec<String> = self.names().map(|key| self.name(key)).collect();
        if unknown.is_empty() { Ok(()) } else { Err(ApiError::unknown_params(&unknown)) }
    }

    /// Returns the names of the parameters that were not read yet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the full and the last name of each parameter in an array of hashes.
    pub fn names_in_list(&self, key: &str) -> Vec<(String, &str)> {
        let mut names = Vec::new();
        let elements = self.entries.iter().filter(|(name, _)| name == key);
        for (index, element) in elements.flat_map(|(_, node)| node.entries()) {
            let leaves = element.entries().iter();
            names
                .extend(leaves.map(|(leaf, _)| (format!("{key}[{index}][{leaf}]"), leaf.as_str())));
        }
        names
    }

    /// Refuses parameters that Stripe has and the sandbox does not implement.
    pub fn not_imitated(&self, keys: &[&str]) -> Result<()> {
        match self.entries.iter().find(|(key, _)| keys.contains(&key.as_str())) {
            Some((key, _)) => Err(ApiError::not_imitated(&self.name(key))),
            None => Ok(()),
        }
    }

    /// Reads a text that an empty string clears.
    pub fn change(&mut self, key: &str) -> Result<Change<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some((!text.is_empty()).then_some(text))),
            Some(Node::Map(_)) => Err(ApiError::invalid("Invalid string").param(&self.name(key))),
        }
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.change(key)? {
            Some(None) => Err(self.empty(key)),
            Some(Some(text)) => Ok(Some(text)),
            None => Ok(None),
        }
    }

    fn empty(&self, key: &str) -> ApiError {
        let name = self.name(key);
        let message = format!(
            "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value."
        );
        ApiError::invalid(message).code("parameter_invalid_empty").param(&name)
    }

    pub fn required(&mut self, key: &str) -> Result<String> {
        self.text(key)?.ok_or_else(|| ApiError::missing_param(&self.name(key)))
    }

    fn parsed<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str, &str) -> Result<T>,
    ) -> Result<Option<T>> {
        let name = self.name(key);
        self.text(key)?.map(|text| parse(&text, &name)).transpose()
    }

    pub fn integer(&mut self, key: &str) -> Result<Option<i64>> {
        self.parsed(key, parse_integer)
    }

    pub fn integer_in(
        &mut self,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>> {
        let name = self.name(key);
        match self.integer(key)? {
            Some(value) if value < *range.start() => Err(ApiError::invalid(format!(
                "This value must be greater than or equal to {}.",
                range.start()
            ))
            .code("parameter_invalid_integer")
            .param(&name)),
            Some(value) if value > *range.end() => Err(ApiError::invalid(format!(
                "This value must be less than or equal to {} (it currently is '{value}').",
                range.end()
            ))
            .code("parameter_invalid_integer")
            .param(&name)),
            value => Ok(value),
        }
    }

    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>> {
        self.parsed(key, |text, name| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(ApiError::invalid(format!("Invalid boolean: {text}")).param(name)),
        })
    }

    pub fn decimal(&mut self, key: &str) -> Result<Option<Decimal>> {
        self.parsed(key, parse_decimal)
    }

    pub fn currency(&mut self, key: &str) -> Result<Option<Currency>> {
        self.parsed(key, parse_currency)
    }

    pub fn time(&mut self, key: &str) -> Result<Option<Timestamp>> {
        self.parsed(key, parse_time)
    }

    /// Reads one of several keywords.
    pub fn choice<T: Copy>(
        &mut self,
        key: &str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>> {
        self.parsed(key, |text, name| parse_choice(text, name, choices))
    }

    pub fn strings(&mut self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let name = self.name(key);
        let invalid = || ApiError::invalid("Invalid array").param(&name);
        match node {
            Node::Text(text) if text.is_empty() => Ok(Some(Vec::new())),
            Node::Text(_) => Err(invalid()),
            Node::Map(entries) => elements(entries, &name)?
                .into_iter()
                .map(|(_, node)| match node {
                    Node::Text(text) => Ok(text),
                    Node::Map(_) => Err(invalid()),
                })
                .collect::<Result<Vec<_>>>()
                .map(Some),
        }
    }

    /// Reads a nested hash. `read` must take all of its entries.
    pub fn hash<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Params) -> Result<T>,
    ) -> Result<Option<T>> {
        match self.hash_change(key, read)? {
            Some(None) => Err(self.empty(key)),
            Some(Some(value)) => Ok(Some(value)),
            None => Ok(None),
        }
    }

    /// Reads a nested hash that an empty string clears.
    pub fn hash_change<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Params) -> Result<T>,
    ) -> Result<Change<T>> {
        let path = self.name(key);
        match self.take(key) {
            None => Ok(None),
            Some(Node::Text(text)) if text.is_empty() => Ok(Some(None)),
            Some(Node::Text(_)) => Err(ApiError::invalid("Invalid object").param(&path)),
            Some(Node::Map(entries)) => {
                let mut inner = Params { path, entries };
                let value = read(&mut inner)?;
                inner.finish()?;
                Ok(Some(Some(value)))
            }
        }
    }

    /// Reads an array of hashes. An empty string is an empty array.
    pub fn list<T>(
        &mut self,
        key: &str,
        read: impl Fn(&mut Params) -> Result<T>,
    ) -> Result<Option<Vec<T>>> {
        let path = self.name(key);
        match self.take(key) {
            None => Ok(None),
            Some(Node::Text(text)) if text.is_empty() => Ok(Some(Vec::new())),
            Some(Node::Text(_)) => Err(ApiError::invalid("Invalid array").param(&path)),
            Some(Node::Map(entries)) => elements(entries, &path)?
                .into_iter()
                .map(|(index, node)| {
                    let path = format!("{path}[{index}]");
                    let Node::Map(entries) = node else {
                        return Err(ApiError::invalid("Invalid object").param(&path));
                    };
                    let mut inner = Params { path, entries };
                    let value = read(&mut inner)?;
                    inner.finish()?;
                    Ok(value)
                })
                .collect::<Result<Vec<_>>>()
                .map(Some),
        }
    }

    /// Returns the names in a hash without reading it.
    pub fn names_in(&self, key: &str) -> Vec<String> {
        match self.entries.iter().find(|(name, _)| name == key) {
            Some((_, Node::Map(entries))) => entries.iter().map(|(name, _)| name.clone()).collect(),
            _ => Vec::new(),
        }
    }

    pub fn metadata(&mut self) -> Result<Option<MetadataChange>> {
        let pairs = self.hash_change("metadata", |inner| {
            let names: Vec<String> = inner.entries.iter().map(|(name, _)| name.clone()).collect();
            names
                .into_iter()
                .map(|name| {
                    let value = inner.change(&name)?.flatten().unwrap_or_default();
                    check_metadata(&name, &value, &inner.name(&name))?;
                    Ok((name, value))
                })
                .collect::<Result<Vec<_>>>()
        })?;
        match pairs {
            None => Ok(None),
            Some(None) => Ok(Some(MetadataChange::Clear)),
            Some(Some(pairs)) if pairs.len() > 50 => {
                Err(ApiError::invalid("You can only set up to 50 metadata keys.").param("metadata"))
            }
            Some(Some(pairs)) => Ok(Some(MetadataChange::Merge(pairs))),
        }
    }

    pub fn range(&mut self, key: &str) -> Result<TimeRange> {
        if let Some((_, Node::Text(_))) = self.entries.iter().find(|(name, _)| name == key) {
            let at = self.time(key)?;
            return Ok(TimeRange { from: at, to: at });
        }
        let range = self.hash(key, |inner| {
            let from = inner.time("gte")?.max(inner.time("gt")?.map(|at| at + 1));
            let upper = [inner.time("lte")?, inner.time("lt")?.map(|at| at - 1)];
            Ok(TimeRange { from, to: upper.into_iter().flatten().min() })
        })?;
        Ok(range.unwrap_or_default())
    }
}

/// Returns an array's elements ordered by index.
fn elements(entries: Vec<(String, Node)>, name: &str) -> Result<Vec<(usize, Node)>> {
    let numbered = entries.into_iter().map(|(index, node)| Some((index.parse().ok()?, node)));
    let mut elements: Vec<(usize, Node)> = numbered
        .collect::<Option<_>>()
        .ok_or_else(|| ApiError::invalid("Invalid array").param(name))?;
    elements.sort_by_key(|(index, _)| *index);
    Ok(elements)
}

fn check_metadata(key: &str, value: &str, name: &str) -> Result<()> {
    if key.chars().count() > 40 {
        return Err(
            ApiError::invalid("Metadata keys must be at most 40 characters long.").param(name)
        );
    }
    if value.chars().count() > 500 {
        return Err(
            ApiError::invalid("Metadata values must be at most 500 characters long.").param(name)
        );
    }
    Ok(())
}

pub fn parse_integer(text: &str, name: &str) -> Result<i64> {
    text.parse().map_err(|_| {
        ApiError::invalid(format!("Invalid integer: {text}"))
            .code("parameter_invalid_integer")
            .param(name)
    })
}

/// Parses a decimal without a plus sign and with at most 12 decimal places.
pub fn parse_decimal(text: &str, name: &str) -> Result<Decimal> {
    let invalid = || ApiError::invalid(format!("Invalid decimal: {text}")).param(name);
    let value: Decimal = text.parse().map_err(|_| invalid())?;
    if value.scale() > 12 || text.starts_with('+') { Err(invalid()) } else { Ok(value) }
}

pub fn parse_currency(text: &str, name: &str) -> Result<Currency> {
    Currency::parse(text).ok_or_else(|| {
        ApiError::invalid(format!(
            "Invalid currency: {text}. Stripe currently supports these currencies: usd, aed, afn, …"
        ))
        .param(name)
    })
}

/// Parses seconds since the Unix epoch, up to the year 2286.
pub fn parse_time(text: &str, name: &str) -> Result<Timestamp> {
    let at = parse_integer(text, name)?;
    if (0..10_000_000_000).contains(&at) {
        return Ok(at);
    }
    Err(ApiError::invalid(format!("Invalid timestamp: {text}"))
        .code("parameter_invalid_integer")
        .param(name))
}

pub fn parse_choice<T: Copy>(text: &str, name: &str, choices: &[(&'static str, T)]) -> Result<T> {
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let leaf = name.rsplit('[').next().unwrap_or(name).trim_end_matches(']');
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let list = match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, [first])) => format!("{first} or {last}"),
        Some((last, rest)) => format!("{}, or {last}", rest.join(", ")),
        None => String::new(),
    };
    Err(ApiError::invalid(format!("Invalid {leaf}: must be one of {list}")).param(name))
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
