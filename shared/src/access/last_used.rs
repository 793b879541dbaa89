//! The day on which a key was last used. Each process writes it at most once a day for each key.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::timeout;

use crate::aws::table::{KeyRecord, Table};
use crate::values::{KeyHash, Timestamp};

/// Longest time that the write may take. It runs beside the handler, which usually takes longer.
const MAX_DURATION: Duration = Duration::from_millis(200);

/// The days that this process has written, by key.
pub(super) struct LastUsed {
    table: Table,
    written: Mutex<LruCache<KeyHash, String>>,
}

/// A use of a key that is to be written.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyUse {
    hash: KeyHash,
    key_id: String,
    /// Day in UTC, such as `2026-06-28`.
    day: String,
}

impl LastUsed {
    pub(super) fn new(table: Table, capacity: NonZeroUsize) -> Self {
        Self { table, written: Mutex::new(LruCache::new(capacity)) }
    }

    /// Returns the use if neither the record nor this process has its day yet. The process counts it
    /// as written from then on: a failed write is left to another process or day.
    pub(super) fn due(&self, hash: &KeyHash, record: &KeyRecord, now: Timestamp) -> Option<KeyUse> {
        let day = now.date().to_string();
        if record.last_used_on.as_ref().is_some_and(|last| *last >= day) {
            return None;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let before = written.put(hash.clone(), day.clone());
        (before.as_ref() != Some(&day)).then(|| KeyUse {
            hash: hash.clone(),
            key_id: record.id.clone(),
            day,
        })
    }

    /// Writes the use, within 200 ms. A failure is logged and changes nothing for the request.
    pub(super) async fn write(&self, key_use: KeyUse) {
        let KeyUse { hash, key_id, day } = key_use;
        let cause = match timeout(MAX_DURATION, self.table.record_key_use(&hash, &day)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(key_id, cause, "the key's last use could not be written");
    }
}
