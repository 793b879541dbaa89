//! Parsers of currencies and amounts in the catalog file.

use std::str::FromStr as _;

use rust_decimal::Decimal;
use shared::values::Currency;

/// Stripe's limits of an amount: minor units, and decimals of a minor unit.
const MAX_MINOR: u64 = 99_999_999;
const MAX_DECIMALS: u32 = 12;

/// Stripe's three-decimal currencies, which async-stripe's list lacks.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Parses a currency code that Stripe knows, in lower case as Stripe writes it.
pub(super) fn currency(code: &str) -> Option<Currency> {
    let is_lower_case = code.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_known = !matches!(stripe_currency(code), stripe_types::Currency::Unknown(_))
        || THREE_DECIMAL.contains(&code);
    code.parse().ok().filter(|_| is_lower_case && is_known)
}

/// Returns async-stripe's type for a currency code.
pub(super) fn stripe_currency(code: &str) -> stripe_types::Currency {
    match stripe_types::Currency::from_str(code) {
        Ok(currency) => currency,
        Err(never) => match never {},
    }
}

/// Parses a base fee into whole minor units that Stripe can charge.
pub(super) fn base_amount(text: &str, currency: Currency) -> Result<Decimal, String> {
    let minor = minor(text, currency)?;
    if !minor.is_integer() {
        return Err(format!(
            "\"{text}\" has more decimals than the {} of {}; round it",
            currency.decimals(),
            currency.as_str()
        ));
    }
    // Stripe's API takes ISK and UGX with two decimals that must be 00, and three-decimal amounts
    // must end in 0 (docs.stripe.com/currencies, special cases).
    let step = match (currency.as_str(), currency.decimals()) {
        ("isk" | "ugx", _) => 100,
        (_, 3) => 10,
        _ => 1,
    };
    if !(minor % Decimal::from(step)).is_zero() {
        return Err(format!(
            "\"{text}\" is not an amount that Stripe can charge in {}; round it",
            currency.as_str()
        ));
    }
    if minor > Decimal::from(MAX_MINOR) {
        return Err(format!("\"{text}\" is more than Stripe can charge"));
    }
    Ok(minor)
}

/// Parses a unit price in minor units, with up to 12 decimals.
pub(super) fn unit_amount(text: &str, currency: Currency) -> Result<Decimal, String> {
    let minor = minor(text, currency)?;
    if minor.scale() > MAX_DECIMALS {
        return Err(format!("\"{text}\" has more decimals than Stripe accepts; round it"));
    }
    if minor > Decimal::from(MAX_MINOR) {
        return Err(format!("\"{text}\" is more than Stripe can charge for a unit"));
    }
    Ok(minor)
}

fn minor(text: &str, currency: Currency) -> Result<Decimal, String> {
    let is_amount = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && !text.ends_with('.');
    let amount = Decimal::from_str_exact(text).ok().filter(|_| is_amount);
    let minor = amount
        .and_then(|amount| amount.checked_mul(Decimal::from(10_u32.pow(currency.decimals()))));
    minor
        .map(|minor| minor.normalize())
        .ok_or_else(|| format!("\"{text}\" is not an amount; write it like \"10.00\""))
}
