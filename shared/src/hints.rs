//! What was so last time, for asking sooner. Nothing here is ever answered with.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;

/// So many customers are remembered, those asked for last.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The subscription that each customer was last seen on. One that is wrong costs a call to Stripe; one
/// that is right saves waiting for the list before anything is asked about the subscription.
pub struct Hints {
    subscriptions: Mutex<LruCache<String, String>>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { subscriptions: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

impl Hints {
    /// The id of the subscription, if one was seen.
    pub fn subscription(&self, customer: &str) -> Option<String> {
        self.subscriptions.lock().ok()?.get(customer).cloned()
    }

    /// What was seen now.
    pub fn saw(&self, customer: &str, subscription: Option<&str>) {
        let Ok(mut seen) = self.subscriptions.lock() else { return };
        match subscription {
            Some(id) => _ = seen.put(customer.to_owned(), id.to_owned()),
            None => _ = seen.pop(customer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_seen_is_the_hint_and_the_oldest_customers_are_forgotten() {
        let hints = Hints::default();
        assert_eq!(hints.subscription("cus_1"), None);
        hints.saw("cus_1", Some("sub_1"));
        hints.saw("cus_1", Some("sub_2"));
        assert_eq!(hints.subscription("cus_1").as_deref(), Some("sub_2"));
        hints.saw("cus_1", None);
        assert_eq!(hints.subscription("cus_1"), None);
        for number in 0..=CAPACITY.get() {
            hints.saw(&format!("cus_{number}"), Some("sub"));
        }
        assert_eq!(hints.subscription("cus_0"), None);
        assert!(hints.subscription("cus_1").is_some());
    }
}
