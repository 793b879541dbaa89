//! Tells API keys of this API from Stripe's keys, which have the same prefixes.

use shared::access::{ApiKey, is_stripe_key};
use shared::values::Mode;

/// Kind of a key, by its text alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// API key of this API: 46 characters, the last six of which are a checksum of the others.
    Api(Mode),
    /// Begins like an API key and like a secret key of Stripe, and is neither.
    Mistyped,
    /// Secret or restricted key of Stripe.
    StripeSecret,
    /// Publishable key of Stripe.
    StripePublishable,
    Other,
}

impl KeyKind {
    pub(crate) fn of(text: &str) -> Self {
        if let Ok(key) = ApiKey::parse(text) {
            return Self::Api(key.mode());
        }
        match text.get(..8) {
            Some("sk_live_" | "sk_test_") if !is_stripe_key(text) => Self::Mistyped,
            Some("sk_live_" | "sk_test_" | "rk_live_" | "rk_test_") => Self::StripeSecret,
            Some("pk_live_" | "pk_test_") => Self::StripePublishable,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use shared::access::generate;

    use super::*;

    #[test]
    fn checksum_tells_an_api_key_from_a_key_of_stripe() {
        for mode in [Mode::Live, Mode::Test] {
            let key = generate(mode).expect("random numbers");
            assert_eq!(KeyKind::of(key.expose_secret()), KeyKind::Api(mode));
            let other = format!("{}x", key.expose_secret());
            assert_eq!(KeyKind::of(&other), KeyKind::Mistyped);
        }
        let sk_live = |length: usize| format!("sk_live_{}", "a".repeat(length));
        for (text, kind) in [
            (&*sk_live(24), KeyKind::StripeSecret),
            (&sk_live(99), KeyKind::StripeSecret),
            (&sk_live(38), KeyKind::Mistyped),
            ("rk_test_1", KeyKind::StripeSecret),
            ("pk_live_1", KeyKind::StripePublishable),
            ("whsec_1", KeyKind::Other),
            ("sk_é", KeyKind::Other),
            ("", KeyKind::Other),
        ] {
            assert_eq!(KeyKind::of(text), kind, "{text}");
        }
    }
}
