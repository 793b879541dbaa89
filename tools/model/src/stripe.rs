//! The Stripe sandbox in memory, for the functions' transport and for the tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::{Value, json};
use shared::stripe::{Sent, Wire};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Inside};

/// Sandbox in memory.
#[derive(Clone)]
pub struct Stripe(Inside);

impl Stripe {
    /// Returns an empty sandbox.
    ///
    /// # Panics
    /// If the sandbox cannot be created.
    #[must_use]
    pub fn new() -> Self {
        Self(Inside::new(Config::default()).expect("a sandbox"))
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
        let response = self.0.answer(request).await.map_err(|error| error.to_string())?;
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
        let (head, body) = self.0.answer(request).await.expect("an answer");
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

    /// Sends a POST and returns status and body.
    ///
    /// # Panics
    /// If the response is not JSON.
    pub async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (status, body) = self.send("POST", &format!("/v1{path}"), &pairs.join("&")).await;
        (status, serde_json::from_str(&body).expect("JSON"))
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
    pub async fn sandbox(&self, method: &str, path: &str, body: &Value) {
        let path = format!("/_sandbox{path}");
        let (status, response) = self.send(method, &path, &body.to_string()).await;
        assert_eq!(status, 200, "{path} {body}: {response}");
    }

    /// Adds a fault (see the README of [`stripe_sandbox`]), which lasts until [`Stripe::clear_faults`].
    pub async fn add_fault(&self, fault: &Value) {
        self.sandbox("POST", "/faults", fault).await;
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
            let response = self.stripe.respond(request).await?;
            tokio::time::sleep(self.delay()).await;
            Ok(response)
        })
    }
}
