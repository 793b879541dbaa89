//! Objects are locked while a request changes them, as Stripe's are.
//!
//! A request takes all that it needs at once or waits, so two requests cannot wait for each other.

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

/// Objects that a request holds. Dropping it lets the next one have them.
pub struct Held {
    locks: Arc<Locks>,
    objects: Vec<String>,
}

impl Locks {
    /// Waits for the objects, but not forever.
    pub async fn hold(self: &Arc<Locks>, objects: Vec<String>, patience: Duration) -> Result<Held> {
        let deadline = Instant::now() + patience;
        loop {
            // Asked for before looking, so that a release in between is not missed.
            let released = self.released.notified();
            if self.take(&objects) {
                return Ok(Held { locks: Arc::clone(self), objects });
            }
            if timeout_at(deadline, released).await.is_err() {
                return Err(lock_timeout());
            }
        }
    }

    fn take(&self, objects: &[String]) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = objects.iter().all(|object| !taken.contains(object));
        if free {
            taken.extend(objects.iter().cloned());
        }
        free
    }
}

impl Drop for Held {
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

/// Parameters that name what a request is about, besides its path.
const ABOUT: &[&str] = &["customer", "invoice", "subscription"];

/// What a request holds: the objects that it names, and the customer that each of them belongs to,
/// whose balance and cards it may touch. One that only reads holds nothing.
pub fn objects(
    world: &World,
    endpoint: &Endpoint,
    ids: &[String],
    pairs: &[(String, String)],
) -> Vec<String> {
    if !endpoint.write {
        return Vec::new();
    }
    let about = pairs.iter().filter(|(key, _)| ABOUT.contains(&key.as_str()));
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
        "pi" => world.payment_intents.get(id).map(|intent| intent.customer.clone()),
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
