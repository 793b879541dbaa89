//! Scopes of API keys. Each scope grants the ones below it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `read` < `deploy` < `admin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See billing state.
    Read,
    /// Deploy; grants the same as `read` in this API.
    Deploy,
    /// Change billing.
    Admin,
}

impl Scope {
    /// Every scope, lowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Deploy, Self::Admin];

    /// Returns the scope as responses and the table write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no scope.
#[derive(Debug, thiserror::Error)]
#[error("there is no scope \"{0}\"; the scopes are read, deploy and admin")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_grants_the_ones_below_it() {
        assert!(Scope::Read < Scope::Deploy && Scope::Deploy < Scope::Admin);
    }

    #[test]
    fn only_written_scopes_are_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().expect("written"), scope);
        }
        for bad in ["", "Admin", "write", "read "] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
