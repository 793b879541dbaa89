//! The Stripe sandbox in memory, for the functions' transport and for the tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{DATE, HeaderMap};
use hyper::{Request, Response};
use serde_json::{Value, json};
use shared::stripe::{Sent, Wire};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Inside};

/// Sandbox in memory.
#[derive(Clone)]
pub struct Stripe {
    sandbox: Inside,
    is_down: Arc<AtomicBool>,
    /// Seconds by which the `Date` of responses is ahead of the sandbox's clock.
    date_ahead: Arc<AtomicI64>,
}

impl Stripe {
    /// Returns an empty sandbox.
    ///
    /// # Panics
    /// If the sandbox cannot be created.
    #[must_use]
    pub fn new() -> Self {
        let sandbox = Inside::new(Config::default()).expect("a sandbox");
        Self { sandbox, is_down: Arc::default(), date_ahead: Arc::default() }
    }

    /// Returns the response to a request of a function.
    ///
    /// # Errors
    /// The error of [`Wire::send`].
    ///
    /// # Panics
    /// If the sandbox has a bug.
    pub async fn respond(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<()>, Bytes), String> {
        let response = self.sandbox.answer(request).await.map_err(|error| error.to_string())?;
        assert!(!response.1.starts_with(b"The sandbox has failed"), "the sandbox has failed");
        Ok(response)
    }

    /// Sends a request of the test and returns status and body.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {DEFAULT_SECRET_KEY}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .expect("a request");
        let (head, body) = self.sandbox.answer(request).await.expect("an answer");
        (head.status().as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends a POST and returns the body.
    ///
    /// # Panics
    /// If the status is not 200.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, response) = self.try_post(path, form).await;
        assert_eq!(status, 200, "{path} {form:?}: {response}");
        response
    }

    /// Sends a POST and returns status and body. Waits while a function's request holds a lock on the object.
    ///
    /// # Panics
    /// If the response is not JSON.
    pub async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        loop {
            let (status, body) = self.send("POST", &format!("/v1{path}"), &pairs.join("&")).await;
            let body: Value = serde_json::from_str(&body).expect("JSON");
            if body["error"]["code"] != "lock_timeout" {
                return (status, body);
            }
        }
    }

    /// Sends a GET and returns the body.
    ///
    /// # Panics
    /// If the status is not 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send("GET", &format!("/v1{path}"), "").await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Calls the sandbox's own API, for example `/faults`.
    ///
    /// # Panics
    /// If the status is not 200.
    pub async fn sandbox(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/_sandbox{path}");
        let (status, response) = self.send(method, &path, &body.to_string()).await;
        assert_eq!(status, 200, "{path} {body}: {response}");
        serde_json::from_str(&response).expect("JSON")
    }

    /// Adds a fault (see the README of [`stripe_sandbox`]), which lasts until [`Stripe::clear_faults`].
    pub async fn add_fault(&self, fault: &Value) {
        self.sandbox("POST", "/faults", fault).await;
    }

    /// Returns the faults that no request has met.
    pub async fn faults(&self) -> Vec<Value> {
        let faults = self.sandbox("GET", "/faults", &json!({})).await;
        faults["faults"].as_array().cloned().unwrap_or_default()
    }

    /// Begins or ends a time in which no process can connect.
    pub fn set_outage(&self, begins: bool) {
        self.is_down.store(begins, Ordering::Relaxed);
    }

    /// Advances the sandbox's own clock and returns its time in Unix seconds.
    ///
    /// # Panics
    /// If the sandbox has no clock.
    pub async fn advance(&self, seconds: u32) -> i64 {
        let clock = self.sandbox("POST", "/clock", &json!({ "advance_seconds": seconds })).await;
        clock["now"].as_i64().expect("a time")
    }

    /// Sets by how many seconds the `Date` of responses to functions is ahead of the sandbox's clock.
    pub fn set_date_ahead(&self, seconds: i64) {
        self.date_ahead.store(seconds, Ordering::Relaxed);
    }

    /// Removes all faults.
    pub async fn clear_faults(&self) {
        self.sandbox("DELETE", "/faults", &json!({})).await;
    }
}

impl Default for Stripe {
    fn default() -> Self {
        Self::new()
    }
}

/// Connection of a process to the sandbox with pseudorandom delays, so that `seed` determines the order in which
/// concurrent requests of several processes arrive.
pub(crate) struct DelayedStripe {
    pub(crate) stripe: Stripe,
    pub(crate) seed: AtomicU64,
}

impl DelayedStripe {
    fn delay(&self) -> Duration {
        let mixed = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Duration::from_millis((mixed >> 33) % 8)
    }
}

impl Wire for DelayedStripe {
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_> {
        Box::pin(async move {
            tokio::time::sleep(self.delay()).await;
            if self.stripe.is_down.load(Ordering::Relaxed) {
                return Err("the connection was refused".to_owned());
            }
            let (mut head, body) = self.stripe.respond(request).await?;
            let ahead = self.stripe.date_ahead.load(Ordering::Relaxed);
            if ahead != 0 {
                shift_date(head.headers_mut(), ahead);
            }
            tokio::time::sleep(self.delay()).await;
            Ok((head, body))
        })
    }
}

/// Shifts the `Date` of a response; that to the connection's opening has none.
fn shift_date(headers: &mut HeaderMap, seconds: i64) {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else { return };
    let by = Duration::from_secs(seconds.unsigned_abs());
    let date = if seconds < 0 { date - by } else { date + by };
    headers.insert(DATE, httpdate::fmt_http_date(date).parse().expect("a date"));
}
