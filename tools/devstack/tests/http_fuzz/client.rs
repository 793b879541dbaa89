//! Clients of the API, which act for the same account.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use devstack::http;
use serde_json::Value;

use crate::actions::{ClientAction, Quote};
use crate::record::{Exchange, Kind, Record, Target};
use crate::servers::Servers;

/// Preview with its quote.
type Shown = (Target, Value);

/// The state that all clients of an account share.
pub struct Clients {
    /// API key.
    key: String,
    /// Prefix of the idempotency keys.
    prefix: String,
    quotes: Mutex<Vec<Shown>>,
    keyed: Mutex<Vec<(String, Kind)>>,
}

fn nth<T: Clone>(all: &Mutex<Vec<T>>, nth: u64) -> Option<T> {
    let all = all.lock().unwrap_or_else(PoisonError::into_inner);
    let count = u64::try_from(all.len()).ok().filter(|count| *count > 0)?;
    all.get(usize::try_from(nth % count).ok()?).cloned()
}

impl Clients {
    pub fn new(key: &str, prefix: &str) -> Self {
        let (key, prefix) = (key.to_owned(), prefix.to_owned());
        Self { key, prefix, quotes: Mutex::default(), keyed: Mutex::default() }
    }

    /// Returns all requests with an idempotency key.
    pub fn keyed(&self) -> Vec<(String, Kind)> {
        self.keyed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Acts as one of the clients. `limit` is the timeout of each response.
    pub async fn act(
        &self,
        servers: &Servers,
        record: &Record,
        client: usize,
        action: &ClientAction,
        limit: Duration,
    ) {
        let (kind, key) = match action {
            ClientAction::Change { to, quote, key } => {
                let shown = match quote {
                    Quote::None => None,
                    Quote::Fresh => {
                        let shown = self.preview(servers, record, client, *to, limit).await;
                        let Some(shown) = shown else { return };
                        Some((*to, shown))
                    }
                    Quote::Kept(number) => nth(&self.quotes, *number),
                };
                let (to, shown) = shown.map_or((*to, None), |(to, shown)| (to, Some(shown)));
                (Kind::Change { to, shown }, key.clone())
            }
            ClientAction::Retry(number) => {
                let Some((key, kind)) = nth(&self.keyed, *number) else { return };
                self.send(servers, record, client, kind, Some(key), limit).await;
                return;
            }
            ClientAction::Preview(to) => {
                self.preview(servers, record, client, *to, limit).await;
                return;
            }
            ClientAction::Checkout { to, key } => (Kind::Checkout(*to), key.clone()),
        };
        let key = key.map(|key| format!("{}-{key}", self.prefix));
        if let Some(key) = &key {
            let mut keyed = self.keyed.lock().unwrap_or_else(PoisonError::into_inner);
            // A twin of another client's request has its body.
            if keyed.iter().all(|(other, _)| other != key) {
                keyed.push((key.clone(), kind.clone()));
            }
        }
        self.send(servers, record, client, kind, key, limit).await;
    }

    /// Previews a change and keeps its quote. Returns `None` without a preview.
    async fn preview(
        &self,
        servers: &Servers,
        record: &Record,
        client: usize,
        to: Target,
        limit: Duration,
    ) -> Option<Value> {
        let exchange = self.send(servers, record, client, Kind::Preview(to), None, limit).await;
        let shown = (exchange.status() == 200).then(|| exchange.json())?;
        let mut quotes = self.quotes.lock().unwrap_or_else(PoisonError::into_inner);
        quotes.push((to, shown.clone()));
        Some(shown)
    }

    /// Sends a request and records it with its response.
    pub async fn send(
        &self,
        servers: &Servers,
        record: &Record,
        client: usize,
        kind: Kind,
        key: Option<String>,
        limit: Duration,
    ) -> Exchange {
        let bearer = format!("Bearer {}", self.key);
        let mut headers = vec![("authorization", &*bearer), ("content-type", "application/json")];
        headers.extend(key.iter().map(|key| ("idempotency-key", key.as_str())));
        let (url, body) = (format!("{}{}", servers.api, kind.path()), kind.body().to_string());
        let sent = record.now();
        let response = http::send("POST", &url, &headers, &body, limit).await.ok();
        let exchange = Exchange { client, kind, key, sent, ended: record.now(), response };
        record.add(exchange.clone());
        exchange
    }
}
