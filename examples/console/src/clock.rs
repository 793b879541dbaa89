//! Time machine: advances the test clocks of the seeded customers, and the sandbox's own clock, which all other
//! customers use. A platform's own console has nothing like it.

use std::time::{Duration, Instant};

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::http::Http;
use crate::stack::{Account, Stack};

/// Longest time in which the sandbox advances a test clock.
const LIMIT: Duration = Duration::from_secs(30);

/// Interval at which an advancing clock is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// Longer than every month by two hours: a renewal that falls due is charged within it.
const MONTH: i64 = 31 * DAY + 2 * 60 * 60;

/// How far a clock is advanced.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    Day,
    Month,
}

impl Step {
    fn seconds(self) -> i64 {
        match self {
            Self::Day => DAY,
            Self::Month => MONTH,
        }
    }
}

/// Time that a clock shows.
pub struct Reading {
    /// Unix time.
    pub now: i64,
    pub whose: Whose,
}

/// Owner of a clock.
#[derive(Clone, Copy)]
pub enum Whose {
    Account,
    Sandbox,
}

/// Clocks of a stack's sandbox.
pub struct Clocks<'a> {
    http: &'a Http,
    stack: &'a Stack,
}

impl<'a> Clocks<'a> {
    pub fn new(http: &'a Http, stack: &'a Stack) -> Self {
        Self { http, stack }
    }

    /// Returns the time of an account's clock.
    ///
    /// # Errors
    /// The sandbox does not respond as expected.
    pub async fn read(&self, account: &Account) -> Result<Reading, String> {
        let Some(clock) = self.test_clock(account).await? else {
            let own = self.call("GET", "/_sandbox/clock", Body::None).await?;
            return Ok(Reading { now: number(&own, "now")?, whose: Whose::Sandbox });
        };
        let clock = self.call("GET", &test_clock_path(&clock), Body::None).await?;
        Ok(Reading { now: number(&clock, "frozen_time")?, whose: Whose::Account })
    }

    /// Advances an account's clock.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub async fn advance(&self, account: &Account, step: Step) -> Result<(), String> {
        match self.test_clock(account).await? {
            Some(clock) => self.advance_test_clock(&clock, step).await,
            None => self.advance_own(step).await,
        }
    }

    /// Advances the clocks of all accounts, and the sandbox's own one once.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub async fn advance_all(&self, step: Step) -> Result<(), String> {
        for account in &self.stack.accounts {
            if let Some(clock) = self.test_clock(account).await? {
                self.advance_test_clock(&clock, step).await?;
            }
        }
        self.advance_own(step).await
    }

    /// Returns the ID of the test clock that an account's seeded customer is on.
    async fn test_clock(&self, account: &Account) -> Result<Option<String>, String> {
        let Some(customer) = &account.customer else { return Ok(None) };
        let customer = self.call("GET", &format!("/v1/customers/{customer}"), Body::None).await?;
        Ok(customer["test_clock"].as_str().map(str::to_owned))
    }

    async fn advance_test_clock(&self, clock: &str, step: Step) -> Result<(), String> {
        let path = test_clock_path(clock);
        let now = number(&self.call("GET", &path, Body::None).await?, "frozen_time")?;
        let to = format!("frozen_time={}", now + step.seconds());
        self.call("POST", &format!("{path}/advance"), Body::Form(to)).await?;
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if self.call("GET", &path, Body::None).await?["status"] == "ready" {
                return Ok(());
            }
            sleep(POLL_INTERVAL).await;
        }
        Err(format!("the clock has not advanced within {} s", LIMIT.as_secs()))
    }

    async fn advance_own(&self, step: Step) -> Result<(), String> {
        let body = json!({ "advance_seconds": step.seconds() }).to_string();
        self.call("POST", "/_sandbox/clock", Body::Json(body)).await.map(drop)
    }

    async fn call(&self, method: &str, path: &str, body: Body) -> Result<Value, String> {
        let Stack { stripe_url, stripe_key, .. } = self.stack;
        let (kind, body) = match body {
            Body::None => (None, String::new()),
            Body::Form(text) => (Some("application/x-www-form-urlencoded"), text),
            Body::Json(text) => (Some("application/json"), text),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{stripe_url}{path}"))
            .header("authorization", format!("Bearer {stripe_key}"));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let response = self.http.send(request.map_err(|error| error.to_string())?).await?;
        let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status != 200 {
            let message = json["error"]["message"].as_str().unwrap_or("no message");
            return Err(format!("{method} {path}: status {}, {message}", response.status));
        }
        Ok(json)
    }
}

/// Body of a request to the sandbox.
enum Body {
    None,
    Form(String),
    Json(String),
}

fn test_clock_path(id: &str) -> String {
    format!("/v1/test_helpers/test_clocks/{id}")
}

fn number(object: &Value, field: &str) -> Result<i64, String> {
    object[field].as_i64().ok_or_else(|| format!("the sandbox’s response has no {field}"))
}
