//! Requests to the API, to Stripe and to the sandbox's own endpoints.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use devstack::http::{self, Response};
use serde_json::Value;
use tokio::time::sleep;

/// Timeout of Stripe's responses.
const LIMIT: Duration = Duration::from_secs(10);

/// Number of attempts of a request that a fault of the sandbox may hit.
const ATTEMPTS: u32 = 20;

/// Addresses of the stack's servers.
pub struct Servers {
    pub api: String,
    pub stripe: String,
    pub stripe_key: String,
    requests: AtomicU64,
}

impl Servers {
    pub fn new(about: &devstack::About) -> Self {
        let (api, stripe) = (about.api_url.clone(), about.stripe_url.clone());
        let stripe_key = about.stripe_key.clone();
        Self { api, stripe, stripe_key, requests: AtomicU64::new(0) }
    }

    /// Sends a request to Stripe, and retries it as an SDK does. Names and values must not contain `&` or `=`.
    ///
    /// # Errors
    /// Stripe's refusal, or the last failure.
    pub async fn stripe(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Value, String> {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let key = format!("fuzz-{}", self.requests.fetch_add(1, Ordering::Relaxed));
        let bearer = format!("Bearer {}", self.stripe_key);
        let headers = [
            ("authorization", &*bearer),
            ("content-type", "application/x-www-form-urlencoded"),
            ("idempotency-key", &key),
        ];
        let url = format!("{}/v1{path}", self.stripe);
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match http::send(method, &url, &headers, &pairs.join("&"), LIMIT).await {
                Ok(Response { status: 200, body, .. }) => {
                    return serde_json::from_str(&body).map_err(|error| error.to_string());
                }
                Ok(Response { status: 400..=404, body, .. }) => return Err(body),
                Ok(response) => last = response.body,
                Err(error) => last = error,
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(format!("{method} {path} has failed {ATTEMPTS} times: {last}"))
    }

    /// Sends a request to Stripe that must succeed.
    pub async fn must(&self, method: &str, path: &str, form: &[(&str, &str)]) -> Value {
        let outcome = self.stripe(method, path, form).await;
        outcome.unwrap_or_else(|error| panic!("{method} {path} {form:?}: {error}"))
    }

    /// Sends a request to the sandbox's own endpoints.
    pub async fn sandbox(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/_sandbox{path}", self.stripe);
        let response = http::send(method, &url, &[], &body.to_string(), LIMIT).await;
        response.expect("the sandbox responds").json()
    }
}
