//! `locale` of Checkout and the portal. The sandbox's pages have one language and only store it.

use crate::endpoint::params::Params;
use crate::values::errors::{ApiError, Result};

const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr",
    "fr-CA", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt",
    "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// Locales that only the portal supports.
const PORTAL_ONLY: &[&str] = &["en-AU", "en-CA", "en-IE", "en-IN", "en-NZ", "en-SG"];

pub fn read_checkout(p: &mut Params) -> Result<Option<String>> {
    read(p, &[LOCALES])
}

pub fn read_portal(p: &mut Params) -> Result<Option<String>> {
    read(p, &[LOCALES, PORTAL_ONLY])
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
