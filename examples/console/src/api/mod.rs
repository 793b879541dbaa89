//! Client of the billing API, as `openapi.yaml` describes it. It records every request for the inspector.

mod calls;
mod failure;
mod types;

use std::time::Instant;

use axum::http::{Method, Request};
use bytes::Bytes;
use http_body_util::Full;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use calls::{Call, Calls};
pub use failure::{Failure, Refusal};
pub use types::*;

use crate::http::{Http, Response};
use crate::stack::{Account, Stack};

/// API on behalf of one account.
pub struct Api<'a> {
    http: &'a Http,
    url: &'a str,
    /// Account whose keys are sent.
    holder: &'a Account,
    account: &'a Account,
    calls: &'a Calls,
    fresh: bool,
}

/// Lowest scope of the key that a request needs.
#[derive(Clone, Copy)]
enum Scope {
    Read,
    Admin,
}

/// Plan and interval that a customer chose, and when the change takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub plan: String,
    pub interval: String,
    /// `now` or `period_end`.
    pub effective: String,
}

impl<'a> Api<'a> {
    pub fn new(http: &'a Http, stack: &'a Stack, account: &'a Account, calls: &'a Calls) -> Self {
        let holder = stack.key_holder(account);
        Self { http, url: &stack.api_url, holder, account, calls, fresh: false }
    }

    /// Makes the API read Stripe for each GET, as after a customer's return from Stripe's pages.
    pub fn fresh(self, fresh: bool) -> Self {
        Self { fresh, ..self }
    }

    pub async fn summary(&self) -> Result<Summary, Failure> {
        self.get("summary", Scope::Read).await
    }

    /// Returns the plans on sale. The capabilities are those of an admin key.
    pub async fn info(&self) -> Result<Info, Failure> {
        self.get("info", Scope::Admin).await
    }

    pub async fn dunning(&self) -> Result<Dunning, Failure> {
        self.get("dunning", Scope::Read).await
    }

    pub async fn usage(&self) -> Result<Usage, Failure> {
        self.get("usage", Scope::Read).await
    }

    pub async fn invoices(&self, cursor: Option<&str>) -> Result<InvoicePage, Failure> {
        let cursor = cursor.map(|cursor| format!("&cursor={}", encoded(cursor)));
        let path = format!("invoices?limit=10{}", cursor.unwrap_or_default());
        self.get(&path, Scope::Read).await
    }

    pub async fn invoice(&self, id: &str) -> Result<Invoice, Failure> {
        self.get(&format!("invoices/{}", encoded(id)), Scope::Read).await
    }

    pub async fn preview(&self, target: &Target) -> Result<Preview, Failure> {
        self.post("plan-change/preview", &body(target), None).await
    }

    /// Changes the plan at the price of a quote.
    pub async fn change(
        &self,
        target: &Target,
        quote: &str,
        max_amount: Option<&str>,
        key: Option<&str>,
    ) -> Result<PlanChange, Failure> {
        let mut body = body(target);
        body["quote"] = json!(quote);
        body["maxAmount"] = json!(max_amount);
        self.post("plan-change", &body, key).await
    }

    /// Drops a scheduled or waiting change, or a cancellation.
    pub async fn drop_change(&self, key: Option<&str>) -> Result<Dropped, Failure> {
        self.send(Method::DELETE, "plan-change", Scope::Admin, None, key).await
    }

    pub async fn checkout(&self, body: &Value) -> Result<Session, Failure> {
        self.post("checkout-session", body, None).await
    }

    pub async fn portal(&self, body: &Value) -> Result<Session, Failure> {
        self.post("portal-session", body, None).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, scope: Scope) -> Result<T, Failure> {
        self.send(Method::GET, path, scope, None, None).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<T, Failure> {
        self.send(Method::POST, path, Scope::Admin, Some(body), key).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        scope: Scope,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<T, Failure> {
        let path = format!("/v1/billing/{path}");
        let started = Instant::now();
        let outcome = match self.request(&method, &path, scope, body, key) {
            Ok(request) => self.http.send(request).await,
            Err(reason) => Err(reason),
        };
        let call = Call::new(&method, &path, &self.account.name, started, outcome.as_ref());
        self.calls.record(call);
        read(outcome)
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        scope: Scope,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, String> {
        let secret = match scope {
            Scope::Read => &self.holder.keys.read,
            Scope::Admin => &self.holder.keys.admin,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {secret}"));
        if self.holder.id != self.account.id {
            request = request.header("x-cantila-act-as", &self.account.handle);
        }
        if self.fresh && method == Method::GET {
            request = request.header("cache-control", "no-cache");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map(|body| Bytes::from(body.to_string()));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()));
        request.map_err(|error| error.to_string())
    }
}

/// Returns a new idempotency key, or none if the machine has no randomness: the API takes requests without one.
pub fn new_key() -> Option<String> {
    let (first, second) = (getrandom::u64().ok()?, getrandom::u64().ok()?);
    Some(format!("console-{first:016x}{second:016x}"))
}

fn body(target: &Target) -> Value {
    let Target { plan, interval, effective } = target;
    json!({ "plan": plan, "interval": interval, "effective": effective })
}

/// Percent-encodes a text for a path or a query.
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn read<T: DeserializeOwned>(outcome: Result<Response, String>) -> Result<T, Failure> {
    let response = outcome.map_err(|reason| Failure::NoResponse { reason })?;
    if !(200..300).contains(&response.status) {
        return Err(Failure::of(&response));
    }
    serde_json::from_slice(&response.body)
        .map_err(|error| Failure::malformed(&response, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_cursors_cannot_leave_their_place_in_the_path() {
        assert_eq!(encoded("in_1"), "in_1");
        assert_eq!(encoded("../a b?c&d"), "..%2Fa%20b%3Fc%26d");
    }
}
