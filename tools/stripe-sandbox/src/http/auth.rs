//! API keys and their permissions.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::values::errors::{ApiError, Result};

/// Permissions of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    Everything,
    Only(BTreeSet<String>),
    /// Expired keys have no permissions.
    Expired,
}

impl Grant {
    pub fn from_list(permissions: Option<Vec<String>>) -> Grant {
        permissions.map_or(Grant::Everything, |list| Grant::Only(list.into_iter().collect()))
    }

    /// Returns whether the permission is granted. Write permissions include read.
    fn covers(&self, permission: &str) -> bool {
        match self {
            Grant::Everything => true,
            Grant::Expired => false,
            Grant::Only(list) => {
                let write =
                    permission.strip_suffix("_read").map(|resource| format!("{resource}_write"));
                list.contains(permission) || write.is_some_and(|write| list.contains(&write))
            }
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Keys {
    grants: HashMap<String, Grant>,
}

/// Authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    pub key: String,
    grant: Grant,
}

impl Caller {
    pub fn require(&self, permission: &str) -> Result<()> {
        if self.grant.covers(permission) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!(
            "The provided key '{}' does not have the required permissions for this endpoint on account 'acct_sandbox'. Having the '{permission}' permission would allow this request to continue.",
            masked(&self.key)
        )))
    }
}

impl Keys {
    pub fn set(&mut self, key: &str, grant: Grant) {
        self.grants.insert(key.to_owned(), grant);
    }

    pub fn remove(&mut self, key: &str) -> bool {
        self.grants.remove(key).is_some()
    }

    /// Authenticates `Bearer key` or `Basic base64(key:)`.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<Caller> {
        let key = authorization.and_then(key_of).ok_or_else(|| {
            ApiError::unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
            )
        })?;
        match self.grants.get(&key) {
            Some(Grant::Expired) => {
                let message = format!("Expired API Key provided: {}", masked(&key));
                Err(ApiError::unauthorized(message).code("api_key_expired"))
            }
            Some(grant) => Ok(Caller { grant: grant.clone(), key }),
            None => {
                Err(ApiError::unauthorized(format!("Invalid API Key provided: {}", masked(&key))))
            }
        }
    }
}

fn key_of(authorization: &str) -> Option<String> {
    let (scheme, value) = authorization.split_once(' ')?;
    let value = value.trim();
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        value.to_owned()
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
        decoded.split(':').next()?.to_owned()
    } else {
        return None;
    };
    (!key.is_empty()).then_some(key)
}

/// Masks a key as in `sk_test_****1234`.
pub fn masked(key: &str) -> String {
    let head: String = key.chars().take(8).collect();
    let count = key.chars().count();
    let tail: String = key.chars().skip(count.saturating_sub(4).max(8)).collect();
    format!("{head}{}{tail}", "*".repeat(count.saturating_sub(12).clamp(4, 20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let mut keys = Keys::default();
        keys.set("sk_test_1", Grant::Everything);
        keys.set(
            "rk_test_1",
            Grant::from_list(Some(vec!["rak_invoice_write".into(), "rak_customer_read".into()])),
        );
        keys
    }

    #[test]
    fn bearer_and_basic_authentication_are_accepted() {
        for header in
            ["Bearer sk_test_1".to_owned(), format!("Basic {}", STANDARD.encode("sk_test_1:"))]
        {
            assert_eq!(keys().authenticate(Some(&header)).unwrap().key, "sk_test_1", "{header}");
        }
        for header in [None, Some("Bearer "), Some("Token x"), Some("Bearer sk_test_2")] {
            assert_eq!(keys().authenticate(header).unwrap_err().status(), 401, "{header:?}");
        }
    }

    #[test]
    fn write_permission_includes_only_its_read_permission() {
        let caller = keys().authenticate(Some("Bearer rk_test_1")).unwrap();
        for (permission, granted) in [
            ("rak_invoice_read", true),
            ("rak_invoice_write", true),
            ("rak_customer_read", true),
            ("rak_customer_write", false),
            ("rak_product_read", false),
        ] {
            assert_eq!(caller.require(permission).is_ok(), granted, "{permission}");
        }
    }

    #[test]
    fn masked_key_hides_its_middle() {
        assert_eq!(masked("sk_test_abcdefghijkl"), "sk_test_********ijkl");
    }
}
