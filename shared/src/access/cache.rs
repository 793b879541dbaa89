//! Bounded cache whose entries live for 60 seconds. The least recently used one is evicted first.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

/// Lifetime of an entry, and so the longest time that a revoked key stays valid.
const LIFETIME: Duration = Duration::from_mins(1);

/// LRU cache of entries that are at most a minute old.
pub struct Cache<K, V> {
    entries: LruCache<K, (Instant, V)>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Creates a cache of at most `capacity` entries.
    pub fn new(capacity: NonZeroUsize) -> Self {
        Self { entries: LruCache::new(capacity) }
    }

    /// Returns the value stored under `key` within the last minute.
    pub fn get(&mut self, key: &K) -> Option<V> {
        self.get_at(key, Instant::now())
    }

    fn get_at(&mut self, key: &K, now: Instant) -> Option<V> {
        let (put, value) = self.entries.get(key)?;
        if now.duration_since(*put) < LIFETIME {
            return Some(value.clone());
        }
        self.entries.pop(key);
        None
    }

    /// Stores `value` for a minute.
    pub fn put(&mut self, key: K, value: V) {
        self.entries.put(key, (Instant::now(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

    #[test]
    fn entry_expires_after_a_minute() {
        let mut cache = Cache::new(TEN);
        cache.put("key", 1);
        let now = Instant::now();
        assert_eq!(cache.get_at(&"key", now + Duration::from_secs(58)), Some(1));
        assert_eq!(cache.get_at(&"key", now + Duration::from_secs(61)), None);
        assert_eq!(cache.get_at(&"key", now), None, "removed");
    }

    #[test]
    fn size_is_bounded() {
        let mut cache = Cache::new(TEN);
        for key in 0..1_000 {
            cache.put(key, ());
        }
        assert_eq!(cache.entries.len(), 10);
    }
}
