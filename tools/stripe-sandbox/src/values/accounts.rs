//! Stripe's test payment methods other than cards: bank debits, vouchers, bank transfers and
//! redirects.
//!
//! Tokens and outcomes of bank debits are those of the "Test your integration" sections below
//! <https://docs.stripe.com/payments/bank-debits>. The others have no documented tokens.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failures::{
    ACCOUNT_CLOSED, ACCOUNT_FUNDS, COULD_NOT_PROCESS, DEBIT_NOT_AUTHORIZED, INVALID_CURRENCY,
    NO_ACCOUNT, REFER_TO_CUSTOMER, SOURCE_LIMIT, TRANSACTION_LIMIT,
};
use super::outcomes::{Ending, Outcome};
use super::period::DAY;

/// Type of a payment method other than a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    AcssDebit,
    AuBecsDebit,
    BacsDebit,
    SepaDebit,
    UsBankAccount,
    Boleto,
    CustomerBalance,
    Ideal,
    Konbini,
    Multibanco,
    Oxxo,
}

use AccountKind::{
    AcssDebit, AuBecsDebit, BacsDebit, Boleto, CustomerBalance, Ideal, Konbini, Multibanco, Oxxo,
    SepaDebit, UsBankAccount,
};

impl AccountKind {
    /// Returns the `type` of the payment method.
    pub fn as_str(self) -> &'static str {
        match self {
            AcssDebit => "acss_debit",
            AuBecsDebit => "au_becs_debit",
            BacsDebit => "bacs_debit",
            SepaDebit => "sepa_debit",
            UsBankAccount => "us_bank_account",
            Boleto => "boleto",
            CustomerBalance => "customer_balance",
            Ideal => "ideal",
            Konbini => "konbini",
            Multibanco => "multibanco",
            Oxxo => "oxxo",
        }
    }

    /// Returns whether it is a bank debit, which can be saved and charged again.
    pub fn is_debit(self) -> bool {
        matches!(self, AcssDebit | AuBecsDebit | BacsDebit | SepaDebit | UsBankAccount)
    }

    /// Returns whether the retry schedule applies. Stripe never retries these two.
    /// <https://docs.stripe.com/billing/subscriptions/au-becs-debit#manage-sub-status>
    pub fn is_retried(self) -> bool {
        !matches!(self, AcssDebit | AuBecsDebit)
    }

    /// Returns the seconds after which the voucher expires.
    pub fn expires_after(self) -> Option<i64> {
        match self {
            Boleto | Konbini | Oxxo => Some(3 * DAY),
            Multibanco => Some(7 * DAY),
            _ => None,
        }
    }
}

/// Row of the table.
#[derive(Debug)]
pub struct AccountSpec {
    pub tokens: &'static [&'static str],
    pub kind: AccountKind,
    pub last4: &'static str,
    /// End of a debit's processing. None if the customer has to act instead.
    ending: Option<Ending>,
}

const fn debit(
    kind: AccountKind,
    last4: &'static str,
    ending: Ending,
    tokens: &'static [&'static str],
) -> AccountSpec {
    AccountSpec { tokens, kind, last4, ending: Some(ending) }
}

const fn action(kind: AccountKind, tokens: &'static [&'static str]) -> AccountSpec {
    AccountSpec { tokens, kind, last4: "", ending: None }
}

pub const ACCOUNTS: &[AccountSpec] = &[
    debit(
        UsBankAccount,
        "6789",
        Ending::Succeeds,
        &["pm_usBankAccount_success", "pm_usBankAccount"],
    ),
    debit(
        UsBankAccount,
        "1113",
        Ending::Fails(ACCOUNT_CLOSED),
        &["pm_usBankAccount_accountClosed"],
    ),
    debit(UsBankAccount, "1116", Ending::Fails(NO_ACCOUNT), &["pm_usBankAccount_noAccount"]),
    debit(
        UsBankAccount,
        "2227",
        Ending::Fails(ACCOUNT_FUNDS),
        &["pm_usBankAccount_insufficientFunds"],
    ),
    debit(
        UsBankAccount,
        "3335",
        Ending::Fails(DEBIT_NOT_AUTHORIZED),
        &["pm_usBankAccount_debitNotAuthorized"],
    ),
    debit(
        UsBankAccount,
        "4440",
        Ending::Fails(INVALID_CURRENCY),
        &["pm_usBankAccount_invalidCurrency"],
    ),
    debit(
        UsBankAccount,
        "7771",
        Ending::Fails(SOURCE_LIMIT),
        &["pm_usBankAccount_weeklyLimitExceeded"],
    ),
    debit(UsBankAccount, "0009", Ending::Never, &["pm_usBankAccount_processing"]),
    debit(
        SepaDebit,
        "3000",
        Ending::Succeeds,
        &["pm_success_de", "pm_successDelayed_de", "pm_sepaDebit"],
    ),
    debit(
        SepaDebit,
        "3001",
        Ending::Fails(COULD_NOT_PROCESS),
        &["pm_failed_de", "pm_failedDelayed_de"],
    ),
    debit(SepaDebit, "2227", Ending::Fails(ACCOUNT_FUNDS), &["pm_insufficientFunds_de"]),
    debit(SepaDebit, "3434", Ending::Fails(SOURCE_LIMIT), &["pm_exceedsWeeklyVolumeLimit_de"]),
    debit(SepaDebit, "1212", Ending::Fails(TRANSACTION_LIMIT), &["pm_exceedsTransactionLimit_de"]),
    debit(
        BacsDebit,
        "2345",
        Ending::Succeeds,
        &["pm_bacsDebit_success", "pm_bacsDebit_successDelayed", "pm_bacsDebit"],
    ),
    debit(
        BacsDebit,
        "3335",
        Ending::Fails(DEBIT_NOT_AUTHORIZED),
        &["pm_bacsDebit_debitNotAuthorized", "pm_bacsDebit_debitNotAuthorizedDelayed"],
    ),
    debit(
        BacsDebit,
        "2227",
        Ending::Fails(ACCOUNT_FUNDS),
        &["pm_bacsDebit_insufficientFunds", "pm_bacsDebit_insufficientFundsDelayed"],
    ),
    debit(BacsDebit, "3434", Ending::Fails(SOURCE_LIMIT), &["pm_bacsDebit_exceedsWeeklyLimit"]),
    debit(
        BacsDebit,
        "1212",
        Ending::Fails(TRANSACTION_LIMIT),
        &["pm_bacsDebit_exceedsTransactionLimit"],
    ),
    debit(
        AuBecsDebit,
        "3456",
        Ending::Succeeds,
        &["pm_auBecsDebit_success", "pm_auBecsDebit_successDelayed", "pm_auBecsDebit"],
    ),
    debit(AuBecsDebit, "1113", Ending::Fails(ACCOUNT_CLOSED), &["pm_auBecsDebit_accountClosed"]),
    debit(AuBecsDebit, "1116", Ending::Fails(NO_ACCOUNT), &["pm_auBecsDebit_noAccount"]),
    debit(
        AuBecsDebit,
        "2227",
        Ending::Fails(REFER_TO_CUSTOMER),
        &["pm_auBecsDebit_referToCustomer", "pm_auBecsDebit_referToCustomerDelayed"],
    ),
    debit(
        AuBecsDebit,
        "3335",
        Ending::Fails(DEBIT_NOT_AUTHORIZED),
        &["pm_auBecsDebit_debitNotAuthorized"],
    ),
    debit(AcssDebit, "6789", Ending::Succeeds, &["pm_acssDebit_success", "pm_acssDebit"]),
    debit(AcssDebit, "1116", Ending::Fails(NO_ACCOUNT), &["pm_acssDebit_noAccount"]),
    debit(AcssDebit, "1113", Ending::Fails(ACCOUNT_CLOSED), &["pm_acssDebit_accountClosed"]),
    debit(AcssDebit, "2227", Ending::Fails(ACCOUNT_FUNDS), &["pm_acssDebit_insufficientFunds"]),
    debit(
        AcssDebit,
        "3335",
        Ending::Fails(DEBIT_NOT_AUTHORIZED),
        &["pm_acssDebit_debitNotAuthorized"],
    ),
    action(Boleto, &["pm_boleto"]),
    action(CustomerBalance, &["pm_customerBalance"]),
    action(Ideal, &["pm_ideal"]),
    action(Konbini, &["pm_konbini"]),
    action(Multibanco, &["pm_multibanco"]),
    action(Oxxo, &["pm_oxxo"]),
];

/// Test payment method other than a card, identified by its token.
#[derive(Clone, Copy, Debug)]
pub struct TestAccount(&'static AccountSpec);

impl TestAccount {
    pub fn from_token(token: &str) -> Option<TestAccount> {
        ACCOUNTS.iter().find(|spec| spec.tokens.contains(&token)).map(TestAccount)
    }

    pub fn spec(self) -> &'static AccountSpec {
        self.0
    }

    pub fn charge(self) -> Outcome {
        self.0.ending.map_or(Outcome::RequiresAction, Outcome::Processing)
    }
}

impl PartialEq for TestAccount {
    fn eq(&self, other: &TestAccount) -> bool {
        self.0.tokens == other.0.tokens
    }
}

impl Serialize for TestAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.tokens[0])
    }
}

impl<'de> Deserialize<'de> for TestAccount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TestAccount, D::Error> {
        let token = String::deserialize(deserializer)?;
        TestAccount::from_token(&token)
            .ok_or_else(|| D::Error::custom(format!("unknown payment method {token}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_are_unique_and_round_trip() {
        let tokens = ACCOUNTS.iter().flat_map(|spec| spec.tokens);
        let unique: HashSet<&&str> = tokens.clone().collect();
        assert_eq!(unique.len(), tokens.clone().count());
        for token in tokens {
            let account = TestAccount::from_token(token).unwrap();
            let stored = serde_json::to_string(&account).unwrap();
            assert_eq!(serde_json::from_str::<TestAccount>(&stored).unwrap(), account, "{token}");
        }
    }

    #[test]
    fn debits_are_processed_and_the_others_require_an_action() {
        for spec in ACCOUNTS {
            let outcome = TestAccount(spec).charge();
            assert_eq!(outcome != Outcome::RequiresAction, spec.kind.is_debit(), "{outcome:?}");
        }
    }
}
