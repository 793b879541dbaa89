//! IDs and expiry of the keys that sign quotes of plan changes.

use shared::values::Timestamp;
use shared::values::token::MacKeys;

/// ID of a stack's first key. The IDs of later keys count up.
pub(crate) const FIRST_ID: &str = "k1";

/// Seconds after a rotation in which callers may hold valid quotes of the previous key: the 15 minutes
/// of a quote, and the minute in which a function may still use the keys that it has read before.
const GRACE: i64 = 16 * 60;

/// Returns the ID of the next key. It is never one of a dropped key, because the current key has the
/// highest number and cannot be dropped.
pub(crate) fn next_id(keys: &MacKeys) -> String {
    let number = |id: &str| id.strip_prefix('k')?.parse::<u32>().ok();
    let last = keys.ids().filter_map(number).max().unwrap_or_default();
    format!("k{}", last + 1)
}

/// Returns when the last quote of a previous key expires; `None` if the keys were never rotated.
pub(crate) fn previous_expire_at(keys: &MacKeys) -> Option<Timestamp> {
    Timestamp::try_from(keys.rotated_at()?.seconds() + GRACE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_id_is_higher_than_all_others() {
        let now = Timestamp::try_from(1_000).expect("in range");
        let mut keys = MacKeys::random("own-name").expect("random numbers");
        assert_eq!(next_id(&keys), "k1");
        for id in ["k9", "k10"] {
            keys.rotate(id, now).expect("random numbers");
        }
        assert_eq!(next_id(&keys), "k11");
        assert!(keys.drop_key("k9"));
        assert_eq!(next_id(&keys), "k11");
        assert_eq!(previous_expire_at(&keys).map(Timestamp::seconds), Some(1_000 + 960));
    }
}
