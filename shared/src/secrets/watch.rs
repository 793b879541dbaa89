//! When the pepper is read again: a process lives for hours, and a rotation should not wait for it.

use std::future::Future;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::{Peppers, SecretError};

/// How soon it is looked for again when something is unknown: made-up keys would otherwise have
/// Secrets Manager asked at every request. The rest of what this rests on is in [`super::pepper`].
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often it is looked for though nothing is unknown, so that keys get re-hashed on use.
const REFRESH_AFTER: Duration = Duration::from_mins(5);

/// The peppers as they were read last.
pub(super) struct Watch {
    known: StdMutex<State>,
    /// Whoever reads the secret holds it, and the others wait for what it brings.
    turn: Mutex<()>,
    pause: Duration,
}

#[derive(Clone, Default)]
struct State {
    /// And when the reading of them began.
    read: Option<(Arc<Peppers>, Instant)>,
    /// The last try for something unknown.
    asked: Option<Instant>,
    /// The last try of any kind.
    tried: Option<Instant>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { known: StdMutex::default(), turn: Mutex::new(()), pause: LOOK_AGAIN_AFTER }
    }

    pub(super) fn look_again_after(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// What is known; read if nothing is.
    pub(super) async fn get<F>(&self, read: impl FnOnce() -> F) -> Result<Arc<Peppers>, SecretError>
    where
        F: Future<Output = Result<Peppers, SecretError>>,
    {
        if let Some((peppers, _)) = self.state().read {
            return Ok(peppers);
        }
        let _turn = self.turn.lock().await;
        match self.state().read {
            Some((peppers, _)) => Ok(peppers),
            None => self.read(read).await,
        }
    }

    /// Others than `outdated`, if there are any to be had now.
    pub(super) async fn after<F>(
        &self,
        outdated: &Arc<Peppers>,
        read: impl FnOnce() -> F,
    ) -> Option<Arc<Peppers>>
    where
        F: Future<Output = Result<Peppers, SecretError>>,
    {
        let _turn = self.turn.lock().await;
        let state = self.state();
        let (peppers, read_at) = state.read?;
        if !Arc::ptr_eq(&peppers, outdated) {
            return Some(peppers);
        }
        if is_within(self.pause, Some(read_at)) || is_within(self.pause, state.asked) {
            return None;
        }
        self.change(|state| state.asked = Some(Instant::now()));
        match self.read(read).await {
            Ok(fresh) => Some(fresh),
            Err(error) => {
                tracing::warn!("the pepper could not be looked for again: {error}");
                None
            }
        }
    }

    pub(super) fn is_due(&self) -> bool {
        let state = self.state();
        state.read.is_some() && !is_within(REFRESH_AFTER, state.tried)
    }

    /// Reads, unless somebody else is at it.
    pub(super) async fn refresh<F>(&self, read: impl FnOnce() -> F)
    where
        F: Future<Output = Result<Peppers, SecretError>>,
    {
        if let Ok(_turn) = self.turn.try_lock()
            && let Err(error) = self.read(read).await
        {
            tracing::warn!("the pepper could not be looked for again: {error}");
        }
    }

    /// Only with the turn.
    async fn read<F>(&self, read: impl FnOnce() -> F) -> Result<Arc<Peppers>, SecretError>
    where
        F: Future<Output = Result<Peppers, SecretError>>,
    {
        let began = Instant::now();
        self.change(|state| state.tried = Some(began));
        let peppers = Arc::new(read().await?);
        self.change(|state| state.read = Some((Arc::clone(&peppers), began)));
        Ok(peppers)
    }

    fn state(&self) -> State {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn is_within(pause: Duration, moment: Option<Instant>) -> bool {
    moment.is_some_and(|moment| moment.elapsed() < pause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Pepper;

    fn peppers(text: &str) -> Peppers {
        Peppers { current: Pepper::from(text), previous: None }
    }

    async fn never() -> Result<Peppers, SecretError> {
        panic!("read")
    }

    #[tokio::test]
    async fn it_is_read_once_and_again_for_what_is_unknown_though_not_at_every_request() {
        let watch = Watch::new();
        assert!(!watch.is_due(), "nothing is known that could be old");
        let first = watch.get(async || Ok(peppers("one"))).await.expect("read");
        assert!(Arc::ptr_eq(&first, &watch.get(never).await.expect("known")));
        assert!(watch.after(&first, never).await.is_none(), "read a moment ago");
        assert!(!watch.is_due());

        let watch = Watch::new().look_again_after(Duration::ZERO);
        let first = watch.get(async || Ok(peppers("one"))).await.expect("read");
        let second = watch.after(&first, async || Ok(peppers("two"))).await.expect("read again");
        assert_eq!(second.current, "two".into());
        let third = watch.after(&first, never).await.expect("another request has read it");
        assert!(Arc::ptr_eq(&second, &third));
    }

    #[tokio::test]
    async fn what_cannot_be_read_again_stays_as_it_is_known() {
        let unreadable = async || {
            Err(SecretError::Unreadable { id: "p".to_owned(), reason: "a test".to_owned() })
        };
        let watch = Watch::new().look_again_after(Duration::ZERO);
        assert!(watch.get(unreadable).await.is_err());
        let first = watch.get(async || Ok(peppers("one"))).await.expect("read");
        assert!(watch.after(&first, unreadable).await.is_none());
        watch.refresh(unreadable).await;
        assert!(Arc::ptr_eq(&first, &watch.get(never).await.expect("known")));
        watch.refresh(async || Ok(peppers("two"))).await;
        assert_eq!(watch.get(never).await.expect("known").current, "two".into());
    }
}
