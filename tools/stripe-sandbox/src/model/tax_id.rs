//! Tax IDs that customers enter on pages.

use serde::{Deserialize, Serialize};

use super::string_enum;

string_enum!(TaxIdType {
    AuAbn = "au_abn",
    EuVat = "eu_vat",
    GbVat = "gb_vat",
    UsEin = "us_ein",
});

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxId {
    pub kind: TaxIdType,
    pub value: String,
}

const EU: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

impl TaxIdType {
    /// Returns the type for a country, if the sandbox has one.
    pub fn of_country(country: &str) -> Option<TaxIdType> {
        match country {
            "AU" => Some(TaxIdType::AuAbn),
            "GB" => Some(TaxIdType::GbVat),
            "US" => Some(TaxIdType::UsEin),
            other => EU.split(' ').any(|member| member == other).then_some(TaxIdType::EuVat),
        }
    }

    /// Returns an example of a value.
    pub fn example(self) -> &'static str {
        match self {
            TaxIdType::AuAbn => "12345678912",
            TaxIdType::EuVat => "DE123456789",
            TaxIdType::GbVat => "GB123456789",
            TaxIdType::UsEin => "12-3456789",
        }
    }
}

impl TaxId {
    /// Reads a tax ID of the country. None if its format is wrong or the country has no type.
    pub fn parse(country: &str, text: &str) -> Option<TaxId> {
        let kind = TaxIdType::of_country(country)?;
        let value: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let digits = |text: &str, count: usize| {
            text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let fits = match kind {
            TaxIdType::AuAbn => digits(&value, 11),
            TaxIdType::GbVat => value.strip_prefix("GB").is_some_and(|rest| digits(rest, 9)),
            TaxIdType::UsEin => value
                .split_once('-')
                .is_some_and(|(first, rest)| digits(first, 2) && digits(rest, 7)),
            TaxIdType::EuVat => {
                // Greek VAT IDs begin with EL.
                let prefix = if country == "GR" { "EL" } else { country };
                value.strip_prefix(prefix).is_some_and(|rest| {
                    (2..=13).contains(&rest.len())
                        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
                })
            }
        };
        fits.then_some(TaxId { kind, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_id_must_have_the_format_of_its_country() {
        for (country, text, expected) in [
            ("DE", "de 123456789", Some(("eu_vat", "DE123456789"))),
            ("GR", "EL123456789", Some(("eu_vat", "EL123456789"))),
            ("DE", "FR12345678901", None),
            ("DE", "DE", None),
            ("GB", "GB123456789", Some(("gb_vat", "GB123456789"))),
            ("GB", "GB12345678", None),
            ("US", "12-3456789", Some(("us_ein", "12-3456789"))),
            ("US", "123456789", None),
            ("AU", "12 345 678 912", Some(("au_abn", "12345678912"))),
            ("JP", "1234567890123", None),
            ("E ", "E 123456789", None),
        ] {
            let parsed = TaxId::parse(country, text);
            let found = parsed.as_ref().map(|id| (id.kind.as_str(), id.value.as_str()));
            assert_eq!(found, expected, "{country} {text}");
        }
        for (_, kind) in TaxIdType::NAMES {
            let country = ["AU", "DE", "GB", "US"]
                .into_iter()
                .find(|country| TaxIdType::of_country(country) == Some(*kind));
            assert!(TaxId::parse(country.unwrap(), kind.example()).is_some());
        }
    }
}
