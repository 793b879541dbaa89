//! State of the server that outlives a request.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::auth::{Grant, Keys};
use super::connections::Connections;
use super::faults::Faults;
use super::idempotency::IdempotencyStore;
use super::limits::{Limiter, Limits};
use super::locks::Locks;
use super::log::Log;
use super::snapshot::{self, View};
use crate::config::{Config, Settings};
use crate::model::event::Cause;
use crate::resources::event_derive::settle;
use crate::values::ids::Ids;
use crate::values::period::Timestamp;
use crate::world::World;

pub struct ServerState {
    world: Mutex<World>,
    keys: Mutex<Keys>,
    idempotency: Mutex<IdempotencyStore>,
    limiter: Mutex<Limiter>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
    request_ids: Mutex<Ids>,
    /// `http://127.0.0.1:PORT`
    pub origin: String,
    pub locks: Arc<Locks>,
    pub lock_timeout: Duration,
    pub connections: Connections,
    snapshot: Option<PathBuf>,
}

/// Locks the mutex even if a request panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ServerState {
    /// Creates the state from the snapshot, if there is one. Keys in the configuration are added to
    /// it.
    pub fn new(config: Config, address: SocketAddr) -> io::Result<ServerState> {
        let origin = format!("http://{address}");
        let found = config.snapshot.as_deref().map(snapshot::read).transpose()?.flatten();
        let (world, mut keys, idempotency) = if let Some(found) = found {
            (
                found.world.after_restore(origin.clone()),
                found.keys,
                found.idempotency.after_restore(),
            )
        } else {
            let settings = Settings { rules: config.rules, origin: origin.clone() };
            (World::new(settings, seed(), real_now()), Keys::default(), IdempotencyStore::default())
        };
        for key in &config.secret_keys {
            keys.set(key, Grant::Everything);
        }
        for (key, permissions) in config.restricted_keys {
            keys.set(&key, Grant::from_list(Some(permissions)));
        }
        Ok(ServerState {
            world: Mutex::new(world),
            keys: Mutex::new(keys),
            idempotency: Mutex::new(idempotency),
            limiter: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            request_ids: Mutex::new(Ids::new(seed())),
            origin,
            locks: Arc::default(),
            lock_timeout: config.lock_timeout,
            connections: Connections::default(),
            snapshot: config.snapshot,
        })
    }

    /// Writes the snapshot, if one is configured, and returns its path.
    pub fn save(&self) -> io::Result<Option<&Path>> {
        let Some(path) = self.snapshot.as_deref() else { return Ok(None) };
        let mut world = self.world();
        world.commit(Cause::default());
        settle(&mut world);
        View::new(&world, &self.keys(), &self.idempotency()).write(path)?;
        Ok(Some(path))
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub fn keys(&self) -> MutexGuard<'_, Keys> {
        lock(&self.keys)
    }

    pub fn idempotency(&self) -> MutexGuard<'_, IdempotencyStore> {
        lock(&self.idempotency)
    }

    pub fn limiter(&self) -> MutexGuard<'_, Limiter> {
        lock(&self.limiter)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub fn request_id(&self) -> String {
        lock(&self.request_ids).id("req")
    }

    pub fn limit(&self, limits: Limits) {
        self.world().invoice_limits = limits.of_invoices();
        self.limiter().set(limits);
    }

    /// Removes everything except keys and settings.
    pub fn reset(&self) {
        let mut world = self.world();
        *world = World::new(world.settings.clone(), seed(), real_now());
        *self.idempotency() = IdempotencyStore::default();
        *self.limiter() = Limiter::default();
        self.faults().clear();
        self.log().clear();
    }
}

/// Returns the real time, which the sandbox's own clock follows.
pub fn real_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_secs()).expect("the time fits in 63 bits")
}

fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| real_now().unsigned_abs())
}
