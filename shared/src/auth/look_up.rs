//! From a presented key to its record, whichever pepper the record is under.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::cache::Cache;
use super::{ApiKey, KeyHash};
use crate::respond::{ApiError, Timestamp};
use crate::secrets::{Peppers, Secrets};
use crate::store::{KeyRecord, Store, StoreError};

/// A key's record, and where it is.
pub(super) struct Found {
    pub(super) record: KeyRecord,
    /// The hash that it is stored under.
    pub(super) stored: KeyHash,
    /// The hash under the present pepper, where that is another one.
    pub(super) rehashed: Option<KeyHash>,
}

/// Looks keys up, and remembers what it found, by the hash under the present pepper.
pub(super) struct Keys {
    store: Store,
    known: Mutex<Cache<KeyHash, Option<Arc<Found>>>>,
}

impl Keys {
    pub(super) fn new(store: Store, remembered: usize) -> Self {
        Self { store, known: Mutex::new(Cache::new(remembered)) }
    }

    /// A key that is unknown may be one under a pepper that this process has not heard of. For one that
    /// is no longer good the same is done: the time that it takes should not tell that it once was.
    pub(super) async fn find(
        &self,
        key: &ApiKey<'_>,
        secrets: &Secrets,
    ) -> Result<Option<Arc<Found>>, ApiError> {
        let peppers = secrets.peppers().await?;
        let found = self.find_under(key, &peppers).await?;
        if found.as_ref().is_some_and(|found| found.record.is_valid(Timestamp::now())) {
            return Ok(found);
        }
        match secrets.peppers_after(&peppers).await {
            Some(fresh) => Ok(self.find_under(key, &fresh).await?.or(found)),
            None => Ok(found),
        }
    }

    async fn find_under(
        &self,
        key: &ApiKey<'_>,
        peppers: &Peppers,
    ) -> Result<Option<Arc<Found>>, StoreError> {
        let hash = key.hash(&peppers.current);
        if let Some(known) = self.known.lock().await.get(&hash) {
            return Ok(known);
        }
        let before = peppers.honoured(Timestamp::now()).map(|previous| key.hash(&previous.pepper));
        let found = self.read(&hash, before).await?.map(Arc::new);
        self.known.lock().await.put(hash, found.clone());
        Ok(found)
    }

    /// Both at once, so that a rotation makes no request longer.
    async fn read(
        &self,
        hash: &KeyHash,
        before: Option<KeyHash>,
    ) -> Result<Option<Found>, StoreError> {
        let present = async || {
            let record = self.store.key(hash).await?;
            Ok(record.map(|record| Found { record, stored: hash.clone(), rehashed: None }))
        };
        let Some(before) = before else { return present().await };
        let (found, old) = tokio::try_join!(present(), self.store.key(&before))?;
        let old = old.map(|record| Found { record, stored: before, rehashed: Some(hash.clone()) });
        match found.or(old) {
            Some(found) => Ok(Some(found)),
            // It may have been moved from there to here between the two looks.
            None => present().await,
        }
    }
}
