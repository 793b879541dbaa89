//! Stripe in memory: the sandbox, under the real transport, and what a test does there itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::{Value, json};
use shared::stripe::{Sent, Wire};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Inside};

/// The sandbox.
#[derive(Clone)]
pub struct Stripe(Inside);

/// An answer from outside the functions: status and body.
pub type Outside = (u16, String);

impl Stripe {
    /// An empty one.
    ///
    /// # Panics
    /// If there is no sandbox to be had.
    #[must_use]
    pub fn new() -> Self {
        Self(Inside::new(Config::default()).expect("a sandbox"))
    }

    /// The answer to a request as the functions send it.
    ///
    /// # Errors
    /// As [`Wire::send`].
    ///
    /// # Panics
    /// If the sandbox itself has failed.
    pub async fn answer(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<()>, Bytes), String> {
        let answer = self.0.answer(request).await.map_err(|error| error.to_string())?;
        assert!(!answer.1.starts_with(b"The sandbox has failed"), "the sandbox has failed");
        Ok(answer)
    }

    /// Sends what is none of the functions' doing, and gives status and body.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> Outside {
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

    /// A POST that goes well.
    ///
    /// # Panics
    /// If it does not.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let (status, answer) = self.try_post(path, form).await;
        assert_eq!(status, 200, "{path} {form:?}: {answer}");
        answer
    }

    /// A POST, and the status of its answer.
    ///
    /// # Panics
    /// If the answer is not JSON.
    pub async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (status, body) = self.send("POST", &format!("/v1{path}"), &pairs.join("&")).await;
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// A GET that goes well.
    ///
    /// # Panics
    /// If it does not.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.send("GET", &format!("/v1{path}"), "").await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// The sandbox's own paths, such as `/faults`.
    ///
    /// # Panics
    /// If it refuses.
    pub async fn sandbox(&self, method: &str, path: &str, body: &Value) {
        let path = format!("/_sandbox{path}");
        let (status, answer) = self.send(method, &path, &body.to_string()).await;
        assert_eq!(status, 200, "{path} {body}: {answer}");
    }

    /// Lets it fail as is said ([`stripe_sandbox`]'s README), until [`Stripe::mend`].
    pub async fn fail(&self, fault: &Value) {
        self.sandbox("POST", "/faults", fault).await;
    }

    /// No more faults.
    pub async fn mend(&self) {
        self.sandbox("DELETE", "/faults", &json!({})).await;
    }
}

impl Default for Stripe {
    fn default() -> Self {
        Self::new()
    }
}

/// A process's connections to Stripe. Requests take their time, each another one, so that those of
/// two processes meet in one order or another, as `seed` will have it.
pub(crate) struct Line {
    pub(crate) stripe: Stripe,
    pub(crate) seed: AtomicU64,
}

impl Line {
    fn lag(&self) -> Duration {
        let mixed = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Duration::from_millis((mixed >> 33) % 8)
    }
}

impl Wire for Line {
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_> {
        Box::pin(async move {
            tokio::time::sleep(self.lag()).await;
            let answer = self.stripe.answer(request).await?;
            tokio::time::sleep(self.lag()).await;
            Ok(answer)
        })
    }
}
