//! Names of payment methods.

use super::card;
use crate::values::accounts::AccountKind;
use crate::values::instruments::Instrument;

/// Returns "Visa ending in 4242" or "SEPA debit ending in 3000".
pub fn describe(instrument: Instrument) -> String {
    let account = match instrument {
        Instrument::Card(card) => return card::describe(card),
        Instrument::Account(account) => account.spec(),
    };
    let name = name(account.kind);
    if account.last4.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ending in {}", account.last4)
    }
}

fn name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::AcssDebit => "Canadian bank account",
        AccountKind::AuBecsDebit => "BECS debit",
        AccountKind::BacsDebit => "Bacs debit",
        AccountKind::SepaDebit => "SEPA debit",
        AccountKind::UsBankAccount => "US bank account",
        AccountKind::Boleto => "Boleto",
        AccountKind::CustomerBalance => "bank transfer",
        AccountKind::Ideal => "iDEAL",
        AccountKind::Konbini => "Konbini",
        AccountKind::Multibanco => "Multibanco",
        AccountKind::Oxxo => "OXXO",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payment_methods_are_named_by_their_last_digits() {
        let described = |token| describe(Instrument::from_token(token).unwrap());
        assert_eq!(described("pm_card_amex"), "American Express ending in 0005");
        assert_eq!(described("pm_usBankAccount"), "US bank account ending in 6789");
        assert_eq!(described("pm_oxxo"), "OXXO");
    }
}
