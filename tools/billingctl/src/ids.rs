//! Ids of our own objects: a prefix and 16 random base-62 characters.

use crate::error::Result;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 16;

/// `prefix` and 95 bits of randomness: no two are ever alike.
pub(crate) fn random(prefix: &str) -> Result<String> {
    let mut id = String::from(prefix);
    while id.len() < prefix.len() + LENGTH {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        // Bytes of 248 and above would make the first letters likelier than the rest.
        let fair = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        id.extend(fair.take(prefix.len() + LENGTH - id.len()));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use shared::Account;

    use super::*;

    #[test]
    fn an_id_has_its_prefix_and_16_characters_and_is_taken_for_one() {
        let id = random(Account::ID_PREFIX).expect("random numbers");
        assert_eq!(id.len(), 4 + 16);
        assert!(Account::is_id(&id), "{id}");
        assert_ne!(random(Account::ID_PREFIX).expect("random numbers"), id);
    }
}
