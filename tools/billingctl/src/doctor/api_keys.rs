//! Checks API keys: the canary's, and the one in `API_KEY`. Finds a key of Stripe that was given by mistake.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret as _, SecretString};
use shared::access::ApiKey;
use shared::aws::table::KeyRecord;
use shared::values::{Mode, Timestamp};

use super::report::Report;
use super::settings::Settings;
use crate::aws::secrets::{self, SecretFailure};
use crate::aws::table::Table;
use crate::values::key_kind::KeyKind;

/// Variable with an API key to check. An argument would stay in the shell's history.
const VARIABLE: &str = "API_KEY";

/// Checks the keys that there are. `mode` is that of the stack's Stripe keys.
pub(super) async fn check(
    sdk: Option<&SdkConfig>,
    settings: &Settings,
    mode: Option<Mode>,
    report: &mut Report,
) {
    let given = std::env::var(VARIABLE).ok().filter(|key| !key.is_empty());
    if let Some(key) = given {
        let origin = Origin { check: "keys.given", name: "the key in API_KEY" };
        let table = sdk.map(|sdk| Table::named(sdk, &settings.table));
        origin.check(&SecretString::from(key), table.as_ref(), mode, report).await;
    }
    let (Some(sdk), Some(id)) = (sdk, &settings.canary_key_secret) else { return };
    let origin = Origin { check: "keys.canary", name: "the canary's key" };
    match secrets::read(&Client::new(sdk), id).await {
        Ok(version) => {
            let table = Table::named(sdk, &settings.table);
            origin.check(&version.value, Some(&table), mode, report).await;
        }
        Err(SecretFailure::Empty(_)) => report.warn(
            origin.check,
            "the canary has no key, so it checks only that the API responds",
            "store a key of the scope read in the secret: docs/operating.md, step 7 of \"Deploy the first stack\"",
        ),
        Err(failure) => report.fail(origin.check, failure.found(), failure.advice()),
    }
}

/// Source of a key.
struct Origin {
    check: &'static str,
    name: &'static str,
}

impl Origin {
    /// Checks a key by its text, then by its record. No text of the report quotes the key.
    async fn check(
        &self,
        key: &SecretString,
        table: Option<&Table>,
        mode: Option<Mode>,
        report: &mut Report,
    ) {
        let key = key.expose_secret().trim();
        if let Some((found, advice)) = form_problem(self.name, KeyKind::of(key), mode) {
            return report.fail(self.check, found, advice);
        }
        let Ok(api_key) = ApiKey::parse(key) else { return };
        let Some(table) = table else {
            return report.skip(self.check, "an API key by its form", "fix aws.identity first");
        };
        match table.key(api_key.hash().as_str()).await {
            Ok(record) => {
                let (found, is_good) = record_state(self.name, record.as_ref(), Timestamp::now());
                let advice = "create a key with `billingctl keys create`, or name the key's stack with --profile";
                report.expect(self.check, is_good, found, advice);
            }
            Err(error) => {
                let advice = "see the checks of the table above";
                report.skip(self.check, format!("its record cannot be read: {error}"), advice);
            }
        }
    }
}

/// Returns what is wrong with a key by its form, and the next step.
fn form_problem(name: &str, kind: KeyKind, stack: Option<Mode>) -> Option<(String, &'static str)> {
    match kind {
        KeyKind::Api(mode) => stack.filter(|stack| *stack != mode).map(|stack| {
            let (key, stack) = (mode.as_str(), stack.as_str());
            let found =
                format!("{name} is an API key of {key} mode, and the stack is for {stack} mode");
            (found, "use an API key of the stack's mode")
        }),
        KeyKind::Mistyped => Some((
            format!("{name} is mistyped or cut: it lacks the length or the checksum of an API key"),
            "copy the key again; an API key has 46 characters",
        )),
        KeyKind::StripeSecret => Some((
            format!("{name} is a secret key of Stripe"),
            "use an API key of `billingctl keys create`; if a Stripe key was sent to anybody, roll it in Stripe's dashboard (Developers, API keys)",
        )),
        KeyKind::StripePublishable => Some((
            format!("{name} is a publishable key of Stripe"),
            "use an API key of `billingctl keys create`",
        )),
        KeyKind::Other => Some((
            format!("{name} is no API key: it does not start with sk_live_ or sk_test_"),
            "use an API key of `billingctl keys create`",
        )),
    }
}

/// Describes the record of an API key, and returns whether the key works.
fn record_state(name: &str, record: Option<&KeyRecord>, now: Timestamp) -> (String, bool) {
    let Some(record) = record else {
        return (format!("{name} is an API key that this stack does not know"), false);
    };
    let KeyRecord { id, account, scope, .. } = record;
    let state = if record.revoked_at.is_some() {
        "is revoked"
    } else if record.is_valid(now) {
        "works"
    } else {
        "has expired"
    };
    (format!("{name} {state}: {id} of {account} with scope {scope}"), record.is_valid(now))
}

#[cfg(test)]
mod tests {
    use shared::Scope;

    use super::*;

    #[test]
    fn key_of_stripe_and_key_of_another_mode_are_problems() {
        use KeyKind::{Api, Mistyped, Other, StripePublishable, StripeSecret};
        for (kind, stack, expected) in [
            (Api(Mode::Test), Some(Mode::Test), None),
            (Api(Mode::Test), None, None),
            (Api(Mode::Live), Some(Mode::Test), Some("of live mode, and the stack is for test")),
            (Mistyped, None, Some("is mistyped or cut")),
            (StripeSecret, None, Some("a secret key of Stripe")),
            (StripePublishable, None, Some("a publishable key of Stripe")),
            (Other, None, Some("is no API key")),
        ] {
            let problem = form_problem("it", kind, stack).map(|(found, _)| found);
            assert_eq!(problem.is_some(), expected.is_some(), "{kind:?}");
            assert!(problem.unwrap_or_default().contains(expected.unwrap_or_default()), "{kind:?}");
        }
    }

    #[test]
    fn only_a_key_with_a_valid_record_works() {
        let at = |seconds: i64| Timestamp::try_from(seconds).expect("in range");
        let record = KeyRecord {
            id: "key_1".to_owned(),
            account: "acc_1".to_owned(),
            scope: Scope::Read,
            name: String::new(),
            prefix: "sk_test_Ab12".to_owned(),
            created_at: at(0),
            expires_at: Some(at(100)),
            revoked_at: None,
            last_used_on: None,
        };
        let revoked = KeyRecord { revoked_at: Some(at(1)), ..record.clone() };
        for (record, now, expected) in [
            (Some(&record), 99, ("it works: key_1 of acc_1 with scope read", true)),
            (Some(&record), 100, ("it has expired: key_1 of acc_1 with scope read", false)),
            (Some(&revoked), 99, ("it is revoked: key_1 of acc_1 with scope read", false)),
            (None, 99, ("it is an API key that this stack does not know", false)),
        ] {
            let (found, is_good) = record_state("it", record, at(now));
            assert_eq!((found.as_str(), is_good), expected);
        }
    }
}
