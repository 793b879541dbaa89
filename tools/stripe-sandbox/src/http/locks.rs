//! Locks on the objects that a request changes. Stripe has such locks too.
//!
//! A request acquires all of its locks at once or waits, so no deadlock is possible.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::endpoint::call::Endpoint;
use crate::values::errors::{ApiError, Result};
use crate::world::World;

#[derive(Default)]
pub struct Locks {
    taken: Mutex<HashSet<String>>,
    released: Notify,
}

/// Locks of a request, released on drop.
pub struct LockGuard {
    locks: Arc<Locks>,
    objects: Vec<String>,
}

impl Locks {
    /// Acquires the locks, or returns `lock_timeout`.
    pub async fn acquire(
        self: &Arc<Locks>,
        objects: Vec<String>,
        timeout: Duration,
    ) -> Result<LockGuard> {
        let deadline = Instant::now() + timeout;
        loop {
            // Registered before the attempt, so that a release in between is not missed.
            let released = self.released.notified();
            if self.try_acquire(&objects) {
                return Ok(LockGuard { locks: Arc::clone(self), objects });
            }
            if timeout_at(deadline, released).await.is_err() {
                return Err(lock_timeout());
            }
        }
    }

    fn try_acquire(&self, objects: &[String]) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = objects.iter().all(|object| !taken.contains(object));
        if free {
            taken.extend(objects.iter().cloned());
        }
        free
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        let mut taken = self.locks.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for object in &self.objects {
            taken.remove(object);
        }
        self.locks.released.notify_waiters();
    }
}

pub fn lock_timeout() -> ApiError {
    ApiError::with_status(
        429,
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate.",
    )
    .code("lock_timeout")
}

/// Parameters that name objects to lock, in addition to the path.
const LOCKING_PARAMS: &[&str] = &["customer", "invoice", "subscription"];

/// Returns the objects that the request names, and the customers that they belong to, whose balance
/// and cards the request can change. Empty for requests that only read.
pub fn objects_to_lock(
    world: &World,
    endpoint: &Endpoint,
    ids: &[String],
    pairs: &[(String, String)],
) -> Vec<String> {
    if !endpoint.write {
        return Vec::new();
    }
    let about = pairs.iter().filter(|(key, _)| LOCKING_PARAMS.contains(&key.as_str()));
    let named: Vec<&String> = ids.iter().chain(about.map(|(_, value)| value)).collect();
    let owners = named.iter().filter_map(|id| customer_of(world, id));
    let objects: HashSet<String> = named.iter().copied().cloned().chain(owners).collect();
    objects.into_iter().filter(|object| !object.is_empty()).collect()
}

fn customer_of(world: &World, id: &str) -> Option<String> {
    match id.split('_').next()? {
        "cs" => world.checkout_sessions.get(id)?.customer.clone(),
        "ii" => world.invoice_items.get(id).map(|item| item.customer.clone()),
        "in" => world.invoices().get(id).map(|invoice| invoice.customer.clone()),
        "pi" => world.payment_intents().get(id).map(|intent| intent.customer.clone()),
        "pm" => world.payment_methods.get(id)?.customer.clone(),
        "si" => {
            let mut owners = world.subscriptions().under(&format!("item={id}"));
            owners.next().map(|sub| sub.customer.clone())
        }
        "sub" => match world.schedules().get(id) {
            Some(schedule) => Some(schedule.customer.clone()),
            None => world.subscriptions().get(id).map(|sub| sub.customer.clone()),
        },
        _ => None,
    }
}
