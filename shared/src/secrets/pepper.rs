//! The pepper, the key of every keyed hash of ours; and during a rotation the one before it.
//!
//! A rotation fails no request, though no process learns of it at once:
//!
//! - Whoever meets a key or a token that is unknown reads the secret again, at most every 5 s
//!   ([`super::watch`]). So a process that does not know of a rotation 5 s after it has not asked
//!   within these 5 s, and may ask.
//! - Until [`SETTLES_AFTER`] a rotation, what is new is still made under the old pepper, which
//!   everybody knows. So nothing is ever under a pepper that somebody can neither have nor get.
//! - The old pepper is honoured until the operator ends it, or until the date that was given.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use crate::encode::hex;
use crate::respond::Timestamp;

/// Seconds after a rotation from which on every process can have the new pepper: thrice the pause
/// after which one may look again, for clocks that are not quite right.
const SETTLES_AFTER: i64 = 15;

/// The shortest pepper that is taken.
const SHORTEST: usize = 32;

/// The key of every keyed hash of ours.
#[derive(Clone, Debug)]
pub struct Pepper(SecretString);

impl Pepper {
    /// None if it is shorter than 32 characters.
    #[must_use]
    pub fn new(text: SecretString) -> Option<Self> {
        (text.expose_secret().len() >= SHORTEST).then_some(Self(text))
    }

    /// 32 random bytes in hexadecimal.
    ///
    /// # Errors
    /// If the operating system has no random numbers to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(SecretString::from(hex(&bytes))))
    }

    /// A name for it that tells nothing of it: which pepper the hash of a key was made under.
    #[must_use]
    pub fn id(&self) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.expose()).expect("HMAC takes a key of any length");
        mac.update(b"the name of this pepper");
        hex(&mac.finalize().into_bytes()[..4])
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl From<&str> for Pepper {
    fn from(text: &str) -> Self {
        Self(SecretString::from(text))
    }
}

impl PartialEq for Pepper {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// The pepper before the present one.
#[derive(Clone, Debug)]
pub struct Previous {
    /// What it was.
    pub pepper: Pepper,
    /// When it was replaced, by the operator's clock.
    pub since: Timestamp,
    /// Until when it is honoured; until it is taken out if there is no such moment.
    pub until: Option<Timestamp>,
}

/// What the pepper secret holds: `{"pepper": "…"}`, and during a rotation also
/// `"previous": {"pepper": "…", "since": "…", "until": "…" or null}`.
#[derive(Clone, Debug)]
pub struct Peppers {
    /// What hashes are made under.
    pub current: Pepper,
    /// The one before it, whether or not it is still honoured.
    pub previous: Option<Previous>,
}

impl Peppers {
    /// None if the text is not of this form.
    pub(super) fn parse(text: &SecretString) -> Option<Self> {
        // The parser's own error is dropped: it can quote what it read.
        let text: Text = serde_json::from_str(text.expose_secret()).ok()?;
        let previous = match text.previous {
            Some(previous) => Some(Previous {
                pepper: Pepper::new(previous.pepper)?,
                since: Timestamp::parse(&previous.since)?,
                until: match &previous.until {
                    Some(until) => Some(Timestamp::parse(until)?),
                    None => None,
                },
            }),
            None => None,
        };
        Some(Self { current: Pepper::new(text.pepper)?, previous })
    }

    /// As `parse` reads it.
    #[must_use]
    pub fn to_secret(&self) -> SecretString {
        let mut secret = json!({ "pepper": self.current.0.expose_secret() });
        if let Some(previous) = &self.previous {
            secret["previous"] = json!({
                "pepper": previous.pepper.0.expose_secret(),
                "since": previous.since.at(),
                "until": previous.until.map(Timestamp::at),
            });
        }
        SecretString::from(secret.to_string())
    }

    /// The one before, if it is still honoured.
    #[must_use]
    pub fn honoured(&self, now: Timestamp) -> Option<&Previous> {
        self.previous.as_ref().filter(|previous| previous.until.is_none_or(|until| now < until))
    }

    /// What new hashes and tokens are made under: not every process has heard of a pepper that is
    /// only seconds old.
    #[must_use]
    pub fn for_new(&self, now: Timestamp) -> &Pepper {
        match self.honoured(now) {
            Some(previous) if !previous.is_settled(now) => &previous.pepper,
            _ => &self.current,
        }
    }

    /// What `read` makes of any pepper that is honoured, the present one first.
    pub fn find<T>(&self, now: Timestamp, read: impl Fn(&Pepper) -> Option<T>) -> Option<T> {
        read(&self.current).or_else(|| read(&self.honoured(now)?.pepper))
    }
}

impl Previous {
    /// From when on everybody knows, or will find out, that it was replaced.
    #[must_use]
    pub fn settled_in(&self, now: Timestamp) -> u64 {
        let left = self.since.seconds().saturating_add(SETTLES_AFTER) - now.seconds();
        u64::try_from(left).unwrap_or_default()
    }

    fn is_settled(&self, now: Timestamp) -> bool {
        self.settled_in(now) == 0
    }
}

#[derive(Deserialize)]
struct Text {
    pepper: SecretString,
    previous: Option<PreviousText>,
}

#[derive(Deserialize)]
struct PreviousText {
    pepper: SecretString,
    since: String,
    until: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    fn rotated(until: Option<i64>) -> Peppers {
        let previous = Previous { pepper: OLD.into(), since: at(1_000), until: until.map(at) };
        Peppers { current: NEW.into(), previous: Some(previous) }
    }

    #[test]
    fn a_secret_reads_back_as_written() {
        for until in [None, Some(5_000)] {
            let read = Peppers::parse(&rotated(until).to_secret()).expect("own form");
            let previous = read.previous.expect("two of them");
            assert_eq!((read.current, previous.pepper), (NEW.into(), OLD.into()));
            assert_eq!((previous.since, previous.until), (at(1_000), until.map(at)));
        }
        let alone = Peppers { current: NEW.into(), previous: None }.to_secret();
        assert_eq!(alone.expose_secret(), format!(r#"{{"pepper":"{NEW}"}}"#));
        assert!(Peppers::parse(&alone).expect("own form").previous.is_none());
    }

    #[test]
    fn what_is_no_secret_of_ours_is_refused() {
        let previous = |fields: &str| format!(r#"{{"pepper":"{NEW}","previous":{{{fields}}}}}"#);
        let cases = [
            String::new(),
            "[]".to_owned(),
            r#"{"pepper":"short"}"#.to_owned(),
            previous(r#""pepper":"short","since":"2026-01-01T00:00:00Z""#),
            previous(&format!(r#""pepper":"{OLD}""#)),
            previous(&format!(r#""pepper":"{OLD}","since":"yesterday""#)),
            previous(&format!(r#""pepper":"{OLD}","since":"2026-01-01T00:00:00Z","until":"soon""#)),
        ];
        for text in cases {
            assert!(Peppers::parse(&SecretString::from(text.clone())).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_new_is_under_the_old_pepper_until_everybody_can_know_the_new_one() {
        // now, until → for what is new, whether the old one is honoured
        let cases = [
            (1_000, None, OLD, true),
            (1_014, None, OLD, true),
            (1_015, None, NEW, true),
            (9_999, None, NEW, true),
            (1_500, Some(1_500), NEW, false),
            (1_499, Some(1_500), NEW, true),
            (1_005, Some(1_001), NEW, false),
        ];
        for (now, until, for_new, honoured) in cases {
            let peppers = rotated(until);
            assert_eq!(*peppers.for_new(at(now)), for_new.into(), "{now} {until:?}");
            assert_eq!(peppers.honoured(at(now)).is_some(), honoured, "{now} {until:?}");
            let found = peppers.find(at(now), |pepper| (*pepper == OLD.into()).then_some(()));
            assert_eq!(found.is_some(), honoured, "{now} {until:?}");
        }
        assert_eq!(rotated(None).previous.map(|previous| previous.settled_in(at(1_005))), Some(10));
    }

    #[test]
    fn the_name_of_a_pepper_tells_it_from_others_and_nothing_else() {
        let name = Pepper::from(OLD).id();
        assert_eq!((name.len(), name == Pepper::from(NEW).id()), (8, false));
        assert!(!OLD.contains(&name) && !format!("{:?}", Pepper::from(OLD)).contains(OLD));
        assert_ne!(Pepper::random().expect("random"), Pepper::random().expect("random"));
    }
}
