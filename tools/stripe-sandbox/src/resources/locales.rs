//! `locale` of Checkout and the portal: languages that Stripe's pages have. Ours have one, so it is only kept.

use crate::endpoint::params::Params;
use crate::values::errors::{ApiError, Result};

const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr",
    "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt",
    "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// Only the portal tells these from the others.
const OF_THE_PORTAL: &[&str] = &["en-AU", "en-CA", "en-IE", "en-IN", "en-NZ", "en-SG"];

pub fn of_checkout(p: &mut Params) -> Result<Option<String>> {
    read(p, &[LOCALES])
}

pub fn of_portal(p: &mut Params) -> Result<Option<String>> {
    read(p, &[LOCALES, OF_THE_PORTAL])
}

fn read(p: &mut Params, known: &[&[&str]]) -> Result<Option<String>> {
    let locale = p.text("locale")?;
    match &locale {
        Some(text) if !known.concat().contains(&text.as_str()) => {
            Err(ApiError::invalid(format!("Invalid locale: {text}")).param("locale"))
        }
        _ => Ok(locale),
    }
}
