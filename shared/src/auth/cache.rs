//! A small memory that forgets: after 60 seconds, or when it is full, the least used first.

use std::borrow::Borrow;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

/// How long a revoked key may still work.
const REMEMBER_FOR: Duration = Duration::from_mins(1);

/// At most so many entries, none older than a minute.
pub struct Cache<K, V> {
    entries: LruCache<K, (Instant, V)>,
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// Holds at most `capacity` entries (at least one).
    pub fn new(capacity: usize) -> Self {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        Self { entries: LruCache::new(capacity) }
    }

    /// What was put under `key` within the last minute.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get_at(key, Instant::now())
    }

    fn get_at<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, now: Instant) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (put, value) = self.entries.get(key)?;
        if now.duration_since(*put) < REMEMBER_FOR {
            return Some(value.clone());
        }
        self.entries.pop(key);
        None
    }

    /// Remembers `value` from now on.
    pub fn put(&mut self, key: K, value: V) {
        self.entries.put(key, (Instant::now(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let mut cache = Cache::new(10);
        cache.put("key", 1);
        let now = Instant::now();
        assert_eq!(cache.get_at("key", now + Duration::from_secs(58)), Some(1));
        assert_eq!(cache.get_at("key", now + Duration::from_secs(61)), None);
        assert_eq!(cache.get_at("key", now), None, "forgotten for good");
    }

    #[test]
    fn a_flood_of_keys_does_not_grow_it() {
        let mut cache = Cache::new(10);
        for key in 0..1_000 {
            cache.put(key, ());
        }
        assert_eq!(cache.entries.len(), 10);
    }
}
