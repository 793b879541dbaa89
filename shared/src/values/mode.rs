//! Live or test mode.

/// Whether real money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real money.
    Live,
    /// Stripe's test mode, or the sandbox.
    Test,
}

impl Mode {
    /// Returns `live` or `test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Returns the mode that an API key's prefix names; `None` for any other text.
    pub fn of_key(text: &str) -> Option<Self> {
        [Self::Live, Self::Test].into_iter().find(|mode| text.starts_with(mode.key_prefix()))
    }

    /// Returns the prefix of our API keys: `sk_live_` or `sk_test_`.
    pub fn key_prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}
