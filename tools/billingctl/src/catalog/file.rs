//! The catalogue file: what it may say. What it says is checked in `check`, and refused with the
//! line that it stands on, before anything is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use toml::Spanned;

use super::check;
use super::wanted::Catalogue;

/// Amounts by currency.
pub(super) type Amounts = BTreeMap<Spanned<String>, Spanned<Amount>>;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) currency: Spanned<String>,
    #[serde(default)]
    pub(super) meters: Vec<Meter>,
    #[serde(default)]
    pub(super) overage: BTreeMap<Spanned<String>, Spanned<Amounts>>,
    pub(super) plans: Vec<Plan>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meter {
    pub(super) name: Spanned<String>,
    pub(super) event_name: Spanned<String>,
    pub(super) display_name: Spanned<String>,
    pub(super) unit: Spanned<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) tier: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) description: Spanned<String>,
    pub(super) contact: Option<Spanned<String>>,
    pub(super) month: Option<Spanned<Amounts>>,
    pub(super) year: Option<Spanned<Amounts>>,
    #[serde(default)]
    pub(super) included: BTreeMap<Spanned<String>, Spanned<u64>>,
}

/// An amount as it is written. TOML's own numbers with a point are floats, so it has to be text.
pub(super) struct Amount(pub(super) String);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount in quotes, such as \"10.00\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                Ok(Amount(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) reason: String,
}

/// The catalogue, or the line and the reason why it is none.
pub(crate) fn parse(text: &str) -> Result<Catalogue, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        let reason = error.message().replace('\n', "; ");
        located(text, error.span().unwrap_or_default(), &reason)
    })?;
    check::catalogue(&file).map_err(|wrong| located(text, wrong.span, &wrong.reason))
}

fn located(text: &str, span: Range<usize>, reason: &str) -> String {
    let before = text.as_bytes().iter().take(span.start);
    format!("line {}: {reason}", before.filter(|byte| **byte == b'\n').count() + 1)
}
