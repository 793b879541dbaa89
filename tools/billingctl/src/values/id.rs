//! IDs of this API's own objects: a prefix and 16 random base-62 characters.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 16;

/// Returns `prefix` and 16 random characters (95 bits).
///
/// # Errors
/// If the operating system has no random numbers.
pub(crate) fn random(prefix: &str) -> Result<String, getrandom::Error> {
    let mut id = String::from(prefix);
    while id.len() < prefix.len() + LENGTH {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        // 248 is a multiple of 62; larger bytes would make the first characters more likely.
        let unbiased = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        id.extend(unbiased.take(prefix.len() + LENGTH - id.len()));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use shared::aws::table::Account;

    use super::*;

    #[test]
    fn random_id_has_the_prefix_and_is_a_valid_account_id() {
        let id = random(Account::ID_PREFIX).expect("random numbers");
        assert_eq!(id.len(), 4 + 16);
        assert!(Account::is_id(&id), "{id}");
        assert_ne!(random(Account::ID_PREFIX).expect("random numbers"), id);
    }
}
