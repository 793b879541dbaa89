//! Card form: reading, validation and rendering.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::layout::{Field, Problem};
use super::request::PageRequest;
use crate::values::cards::TestCard;
use crate::values::period::Timestamp;

/// Submitted values.
#[derive(Clone, Debug, Default)]
pub struct CardForm {
    number: String,
    expiry: String,
    cvc: String,
    pub name: String,
}

/// Test cards listed on the page, with their behavior.
const LISTED_CARDS: &[(&str, &str)] = &[
    ("4242424242424242", "pays"),
    ("4000003560000123", "pays an hour later"),
    ("4000000000000002", "is declined"),
    ("4000000000009995", "is declined: insufficient funds"),
    ("4000002500003155", "asks for authentication once"),
    ("4000002760003184", "asks for authentication every time"),
    ("4000000000000341", "can be saved, but is declined when charged"),
];

impl CardForm {
    pub fn read(request: &PageRequest<'_>) -> CardForm {
        let field = |name: &str| request.form_value(name).to_owned();
        CardForm {
            number: field("number"),
            expiry: field("expiry"),
            cvc: field("cvc"),
            name: field("name"),
        }
    }

    /// Returns the card, or all problems of the form.
    pub fn check(&self, now: Timestamp) -> Result<TestCard, Vec<Problem>> {
        let mut problems = Vec::new();
        let card = card_of(&self.number).map_err(|text| problems.push(("number", text))).ok();
        if let Err(text) = check_expiry(&self.expiry, now) {
            problems.push(("expiry", text));
        }
        let digits = if card == Some(TestCard::Amex) { 4 } else { 3 };
        let all_digits = self.cvc.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits || !(self.cvc.len() == digits || card.is_none() && self.cvc.len() == 4) {
            let text = if self.cvc.is_empty() {
                "Enter the security code.".to_owned()
            } else {
                format!("The security code has {digits} digits.")
            };
            problems.push(("cvc", text));
        }
        if self.name.is_empty() {
            problems.push(("name", "Enter the name on the card.".to_owned()));
        }
        match card {
            Some(card) if problems.is_empty() => Ok(card),
            _ => Err(problems),
        }
    }

    pub fn render(&self, problems: &[Problem]) -> Markup {
        let text = Field {
            id: "number",
            label: "Card number",
            hint: None,
            value: if card_of(&self.number).is_ok() { &self.number } else { "" },
            kind: "text",
            autocomplete: "cc-number",
            numeric: true,
            placeholder: Some("1234 1234 1234 1234"),
        };
        let (expiry, cvc, name) = (self.expiry.as_str(), "", self.name.as_str());
        html! {
            (text.render(problems))
            div.pair {
                (Field { id: "expiry", label: "Expiry", value: expiry, autocomplete: "cc-exp",
                    placeholder: Some("MM / YY"), ..text }.render(problems))
                (Field { id: "cvc", label: "Security code", value: cvc, autocomplete: "cc-csc",
                    placeholder: Some("CVC"), ..text }.render(problems))
            }
            (Field { id: "name", label: "Name on card", value: name, autocomplete: "cc-name",
                numeric: false, placeholder: None, ..text }.render(problems))
        }
    }
}

pub fn test_cards() -> Markup {
    html! {
        details {
            summary { "Test cards" }
            table.small {
                thead { tr { th scope="col" { "Number" } th scope="col" { "What it does" } } }
                tbody {
                    @for (number, does) in LISTED_CARDS {
                        tr { td.number { (grouped(number)) } td { (does) } }
                    }
                }
            }
            p.small.soft { "Any date in the future, any three digits, any name." }
        }
    }
}

fn grouped(number: &str) -> String {
    let groups: Vec<&str> = (0..number.len()).step_by(4).map(|at| &number[at..at + 4]).collect();
    groups.join(" ")
}

fn card_of(number: &str) -> Result<TestCard, String> {
    let digits: String =
        number.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}' | '\u{202f}')).collect();
    if digits.is_empty() {
        return Err("Enter the card number.".to_owned());
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("A card number has digits only.".to_owned());
    }
    if !(12..=19).contains(&digits.len()) {
        return Err("The card number is not complete.".to_owned());
    }
    if !luhn(&digits) {
        return Err("The card number is not valid. Check it for typing errors.".to_owned());
    }
    TestCard::from_number(&digits)
        .ok_or_else(|| "The sandbox takes test cards only, such as 4242 4242 4242 4242.".to_owned())
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Checks an expiry date: `12 / 34`, `12/2034`, `1234`. A card is valid until the end of its month.
fn check_expiry(text: &str, now: Timestamp) -> Result<(), String> {
    if text.is_empty() {
        return Err("Enter the expiry date.".to_owned());
    }
    let unclear = || "Write the expiry date as MM / YY, for example 12 / 34.".to_owned();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if text.chars().any(|c| !c.is_ascii_digit() && !matches!(c, ' ' | '/' | '-')) {
        return Err(unclear());
    }
    let (month, year) = match digits.len() {
        3 => digits.split_at(1),
        4 | 6 => digits.split_at(2),
        _ => return Err(unclear()),
    };
    let (Ok(month), Ok(year)) = (month.parse::<u8>(), year.parse::<i32>()) else {
        return Err(unclear());
    };
    let year = if year < 100 { 2000 + year } else { year };
    if !(1..=12).contains(&month) {
        return Err("The expiry month is between 01 and 12.".to_owned());
    }
    let today = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    if (year, month) < (today.year(), u8::from(today.month())) {
        return Err("The card has expired.".to_owned());
    }
    Ok(())
}

/// Returns "Visa ending in 4242".
pub fn describe(card: TestCard) -> String {
    let brand = match card.spec().brand {
        "visa" => "Visa",
        "mastercard" => "Mastercard",
        "amex" => "American Express",
        other => other,
    };
    format!("{brand} ending in {}", card.last4())
}

/// Returns the field that a payment error refers to.
pub fn field_of(code: &str) -> &'static str {
    match code {
        "expired_card" => "expiry",
        "incorrect_cvc" => "cvc",
        _ => "number",
    }
}

/// Returns the card's API token.
pub fn token(card: TestCard) -> &'static str {
    card.spec().tokens[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::cards::CARDS;

    const NOW: Timestamp = 1_800_000_000; // January 2027

    fn form(number: &str, expiry: &str, cvc: &str) -> CardForm {
        CardForm {
            number: number.to_owned(),
            expiry: expiry.to_owned(),
            cvc: cvc.to_owned(),
            name: "Ada".to_owned(),
        }
    }

    #[test]
    fn every_test_card_number_is_accepted_with_spaces() {
        for spec in CARDS {
            let cvc = if spec.card == TestCard::Amex { "1234" } else { "123" };
            let spaced: Vec<String> = spec
                .number
                .as_bytes()
                .chunks(4)
                .map(|c| String::from_utf8_lossy(c).into())
                .collect();
            let read = form(&spaced.join(" "), "12 / 34", cvc).check(NOW);
            assert_eq!(read, Ok(spec.card), "{}", spec.number);
        }
    }

    #[test]
    fn each_invalid_field_has_its_message() {
        let good = ("4242 4242 4242 4242", "12/34", "123");
        for (number, expiry, cvc, field, text) in [
            ("", good.1, good.2, "number", "Enter the card number."),
            ("4242 4242", good.1, good.2, "number", "not complete"),
            ("4242 4242 4242 4243", good.1, good.2, "number", "not valid"),
            ("4242 4242 4242 424x", good.1, good.2, "number", "digits only"),
            ("4111 1111 1111 1111", good.1, good.2, "number", "test cards only"),
            (good.0, "", good.2, "expiry", "Enter the expiry date."),
            (good.0, "13/34", good.2, "expiry", "between 01 and 12"),
            (good.0, "12/26", good.2, "expiry", "has expired"),
            (good.0, "soon", good.2, "expiry", "MM / YY"),
            (good.0, good.1, "", "cvc", "Enter the security code."),
            (good.0, good.1, "12", "cvc", "3 digits"),
            ("3782 822463 10005", good.1, "123", "cvc", "4 digits"),
        ] {
            let problems = form(number, expiry, cvc).check(NOW).unwrap_err();
            assert_eq!(problems.len(), 1, "{number} {expiry} {cvc}");
            assert_eq!(problems[0].0, field);
            assert!(problems[0].1.contains(text), "{}", problems[0].1);
        }
    }

    #[test]
    fn card_is_valid_until_the_end_of_its_month() {
        for (expiry, good) in
            [("01/27", true), ("1/27", true), ("0127", true), ("01 / 2027", true), ("12/26", false)]
        {
            assert_eq!(check_expiry(expiry, NOW).is_ok(), good, "{expiry}");
        }
    }

    #[test]
    fn unknown_card_number_is_not_rendered_again() {
        let shown = form("4111 1111 1111 1111", "12/34", "123").render(&[]).into_string();
        assert!(!shown.contains("4111") && !shown.contains("\"123\""), "{shown}");
    }
}
