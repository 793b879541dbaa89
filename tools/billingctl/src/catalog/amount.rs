//! Currencies and amounts, as a person writes them and as Stripe takes them.

use std::str::FromStr as _;

use rust_decimal::Decimal;
use shared::respond::Currency;

/// Stripe's limits: digits of an amount, decimals of a sub-cent one.
const LARGEST_MINOR: u64 = 99_999_999;
const MOST_DECIMALS: u32 = 12;

/// Stripe's three-decimal currencies, which async-stripe's list lacks.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// A currency that Stripe knows, in small letters as Stripe writes it.
pub(super) fn currency(code: &str) -> Option<Currency> {
    let is_small = code.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_known = !matches!(stripe_currency(code), stripe_types::Currency::Unknown(_))
        || THREE_DECIMAL.contains(&code);
    code.parse().ok().filter(|_| is_small && is_known)
}

/// async-stripe's name for it.
pub(super) fn stripe_currency(code: &str) -> stripe_types::Currency {
    match stripe_types::Currency::from_str(code) {
        Ok(currency) => currency,
        Err(never) => match never {},
    }
}

/// A base fee, which is charged as it is: whole minor units, as Stripe takes them.
pub(super) fn base_amount(text: &str, currency: Currency) -> Result<Decimal, String> {
    let minor = minor(text, currency)?;
    if !minor.is_integer() {
        return Err(format!(
            "\"{text}\" has more decimals than the {} of {}",
            currency.decimals(),
            currency.as_str()
        ));
    }
    // Two-decimal to the API, but only whole units of them; and three-decimal ones end in 0.
    let step = match (currency.as_str(), currency.decimals()) {
        ("isk" | "ugx", _) => 100,
        (_, 3) => 10,
        _ => 1,
    };
    if !(minor % Decimal::from(step)).is_zero() {
        return Err(format!(
            "\"{text}\" is no amount that Stripe charges in {}; round it",
            currency.as_str()
        ));
    }
    if minor > Decimal::from(LARGEST_MINOR) {
        return Err(format!("\"{text}\" is more than Stripe charges at once"));
    }
    Ok(minor)
}

/// A unit price, which may be below a minor unit.
pub(super) fn unit_amount(text: &str, currency: Currency) -> Result<Decimal, String> {
    let minor = minor(text, currency)?;
    if minor.scale() > MOST_DECIMALS {
        return Err(format!("\"{text}\" has more decimals than Stripe takes"));
    }
    if minor > Decimal::from(LARGEST_MINOR) {
        return Err(format!("\"{text}\" is more than Stripe charges for a unit"));
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
        .ok_or_else(|| format!("\"{text}\" is no amount; write it as \"10.00\""))
}
