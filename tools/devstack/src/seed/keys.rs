//! Development keys: the API keys of the seeded accounts.
//!
//! They are constant, so that a console's settings and the events in `events/` work with every local stack. Everyone can
//! read them, so they must never be imported into a deployed stack.

use std::fmt::Write as _;

use serde_json::json;
use shared::access::ApiKey;

use crate::Error;
use crate::about::{Account, Keys};

/// Keys of an account, one for each scope.
pub(crate) struct DevelopmentKeys {
    read: &'static str,
    deploy: &'static str,
    admin: &'static str,
}

pub(super) const FRESH: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyFreshRead0000000003k8wxC",
    deploy: "sk_test_LocalStackOnlyFreshDeploy000000019XEwx",
    admin: "sk_test_LocalStackOnlyFreshAdmin000000000V7eTu",
};

pub(super) const METERED: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyMeteredRead00000002m6HhJ",
    deploy: "sk_test_LocalStackOnlyMeteredDeploy000001FVbDI",
    admin: "sk_test_LocalStackOnlyMeteredAdmin0000001CVDVi",
};

pub(super) const OVERDUE: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyOverdueRead00000004P0PqI",
    deploy: "sk_test_LocalStackOnlyOverdueDeploy000000eTE8h",
    admin: "sk_test_LocalStackOnlyOverdueAdmin0000000hi0EH",
};

pub(super) const SUSPENDED: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlySuspendedRead000004fNhqj",
    deploy: "sk_test_LocalStackOnlySuspendedDeploy0001TY5Fo",
    admin: "sk_test_LocalStackOnlySuspendedAdmin00001fU5Hn",
};

pub(super) const CANCELED: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyCanceledRead0000001fG3yg",
    deploy: "sk_test_LocalStackOnlyCanceledDeploy00001fuU2b",
    admin: "sk_test_LocalStackOnlyCanceledAdmin000002NWt02",
};

pub(super) const FREE: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyFreeRead00000000001yEk2m",
    deploy: "sk_test_LocalStackOnlyFreeDeploy0000000049CvUf",
    admin: "sk_test_LocalStackOnlyFreeAdmin0000000003cRvqt",
};

pub(super) const AGENCY: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyAgencyRead0000000028Wat2",
    deploy: "sk_test_LocalStackOnlyAgencyDeploy0000003Ot27K",
    admin: "sk_test_LocalStackOnlyAgencyAdmin00000001rAaxB",
};

pub(super) const CLIENT: DevelopmentKeys = DevelopmentKeys {
    read: "sk_test_LocalStackOnlyClientRead000000001QRoTu",
    deploy: "sk_test_LocalStackOnlyClientDeploy0000002MKy5M",
    admin: "sk_test_LocalStackOnlyClientAdmin00000001gfyXf",
};

impl DevelopmentKeys {
    pub(crate) fn keys(&self) -> Keys {
        let Self { read, deploy, admin } = *self;
        Keys { read: read.to_owned(), deploy: deploy.to_owned(), admin: admin.to_owned() }
    }
}

/// Time at which all development keys were created, so that a second import finds the same keys.
const CREATED_AT: &str = "2026-01-01T00:00:00Z";

/// Returns the accounts' keys as the lines that `billingctl keys import` reads.
pub(super) fn import_lines(accounts: &[Account]) -> Result<String, Error> {
    let mut lines = String::new();
    for Account { id, keys: Keys { read, deploy, admin }, .. } in accounts {
        for (scope, key) in [("read", read), ("deploy", deploy), ("admin", admin)] {
            let key = ApiKey::parse(key).map_err(|error| Error::Keys(error.to_string()))?;
            let line = json!({
                "hash": key.hash().as_str(), "account": id, "scope": scope,
                "prefix": key.display_prefix(), "name": "development", "createdAt": CREATED_AT,
            });
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{line}");
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;
    use shared::values::Mode;

    use super::*;
    use crate::functions::FUNCTIONS;
    use crate::seed::accounts::FIXTURES;

    #[test]
    fn keys_are_for_test_mode_and_name_their_account_and_scope() {
        let mut all = BTreeSet::new();
        for fixture in FIXTURES {
            let Keys { read, deploy, admin } = fixture.keys.keys();
            for (scope, text) in [("read", read), ("deploy", deploy), ("admin", admin)] {
                let key = ApiKey::parse(&text).expect("a valid checksum");
                assert_eq!(key.mode(), Mode::Test, "{text}");
                let name = format!("sk_test_localstackonly{}{scope}", fixture.name);
                assert!(text.to_lowercase().starts_with(&name), "{text}");
                assert!(all.insert(text), "{}", fixture.name);
            }
        }
    }

    #[test]
    fn every_event_has_a_development_key_and_its_functions_sample_body() {
        let mut idempotency_keys = BTreeSet::new();
        for function in FUNCTIONS {
            let keys = if function.name == "checkout-session" { FRESH } else { METERED };
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let path = root.join(format!("events/{}.json", function.name));
            let text = std::fs::read_to_string(&path).expect("an event");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            let bearer = format!("Bearer {}", keys.admin);
            assert_eq!(event["headers"]["authorization"], bearer, "{}", function.name);
            assert_eq!(event["body"].as_str(), function.sample, "{}", function.name);
            if let Some(key) = event["headers"]["idempotency-key"].as_str() {
                assert!(idempotency_keys.insert(key.to_owned()), "{}", function.name);
            }
        }
    }
}
