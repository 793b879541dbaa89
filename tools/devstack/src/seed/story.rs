//! What can happen to a customer, step by step, on a test clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::Stripe;
use stripe_client_core::{RequestBuilder, StripeMethod};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::plans::{self, Meter};
use crate::Error;

pub(crate) const HOUR: i64 = 60 * 60;
pub(crate) const DAY: i64 = 24 * HOUR;

/// How long a clock may take to advance.
const ADVANCE_LIMIT: Duration = Duration::from_mins(3);

/// Requests at a time, of all stories together: Stripe's test mode takes 25 a second.
static TURNS: Semaphore = Semaphore::const_new(4);

/// The story of one account.
pub(crate) struct Story {
    stripe: Stripe,
    account: &'static str,
    /// The real now, at which every story ends.
    pub(crate) now: i64,
    run: String,
    step: AtomicU32,
}

/// A customer on a clock of their own.
pub(crate) struct Customer {
    pub(crate) id: String,
    clock: String,
}

/// A subscription as it was just after its start.
pub(crate) struct Subscription {
    pub(crate) id: String,
    /// When the first period ends.
    pub(crate) period_end: i64,
}

impl Story {
    pub(crate) fn new(stripe: Stripe, account: &'static str, now: i64, run: &str) -> Self {
        Self { stripe, account, now, run: run.to_owned(), step: AtomicU32::new(0) }
    }

    /// A customer whose clock shows `at`.
    pub(crate) async fn customer(&self, at: i64) -> Result<Customer, Error> {
        let name = format!("devstack {}", self.account);
        let clock = self
            .post("/test_helpers/test_clocks", &json!({ "frozen_time": at, "name": name }))
            .await?;
        let clock = self.text(&clock, "id")?;
        let body = json!({
            "name": name,
            "email": format!("{}@example.com", self.account),
            "test_clock": clock,
            "metadata": { "devstack": self.account },
        });
        let customer = self.post("/customers", &body).await?;
        Ok(Customer { id: self.text(&customer, "id")?, clock })
    }

    /// Gives the customer a card, by the name of a test payment method, for all charges from now on.
    pub(crate) async fn card(&self, customer: &Customer, method: &str) -> Result<(), Error> {
        let attached = self
            .post(&format!("/payment_methods/{method}/attach"), &json!({ "customer": customer.id }))
            .await?;
        let id = self.text(&attached, "id")?;
        let body = json!({ "invoice_settings": { "default_payment_method": id } });
        self.post(&format!("/customers/{}", customer.id), &body).await.map(drop)
    }

    /// Subscribes to every price of a plan; a metered one takes no quantity.
    pub(crate) async fn subscribe(
        &self,
        customer: &Customer,
        tier: &str,
    ) -> Result<Subscription, Error> {
        let prices = plans::monthly(self, tier).await?;
        let items: Vec<Value> = prices.iter().map(|price| json!({ "price": price })).collect();
        let made = self
            .post("/subscriptions", &json!({ "customer": customer.id, "items": items }))
            .await?;
        let end = made["items"]["data"][0]["current_period_end"].as_i64();
        let period_end = end.ok_or_else(|| {
            self.failed("the new subscription", "its item has no current_period_end")
        })?;
        Ok(Subscription { id: self.text(&made, "id")?, period_end })
    }

    /// Reports usage as of now.
    pub(crate) async fn usage(
        &self,
        customer: &Customer,
        meter: &Meter,
        quantity: i64,
    ) -> Result<(), Error> {
        let payload =
            json!({ (&meter.customer_key): customer.id, (&meter.value_key): quantity.to_string() });
        let body = json!({ "event_name": meter.event, "timestamp": self.now, "payload": payload });
        self.post("/billing/meter_events", &body).await.map(drop)
    }

    /// Cancels at once, as when the customer asks for it.
    pub(crate) async fn cancel(&self, subscription: &Subscription) -> Result<(), Error> {
        let request = RequestBuilder::new(
            StripeMethod::Delete,
            format!("/subscriptions/{}", subscription.id),
        );
        self.send(request, "canceling".to_owned()).await.map(drop)
    }

    /// Lets time pass for the customer, up to `to`. Stripe works off what falls due meanwhile.
    pub(crate) async fn advance(&self, customer: &Customer, to: i64) -> Result<(), Error> {
        let path = format!("/test_helpers/test_clocks/{}", customer.clock);
        let mut clock =
            self.post(&format!("{path}/advance"), &json!({ "frozen_time": to })).await?;
        let started = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            match clock["status"].as_str() {
                Some("ready") => return Ok(()),
                Some("advancing") if started.elapsed() < ADVANCE_LIMIT => {}
                status => {
                    return Err(
                        self.failed("advancing the clock", &format!("its status is {status:?}"))
                    );
                }
            }
            sleep(pause).await;
            // The sandbox takes milliseconds, Stripe seconds; it has rate limits, too.
            pause = (pause * 2).min(Duration::from_secs(2));
            clock = self.get(&path).await?;
        }
    }

    /// A page of Stripe's, or one object.
    pub(super) async fn get(&self, path_and_query: &str) -> Result<Value, Error> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut request = RequestBuilder::new(StripeMethod::Get, path);
        request.query = Some(query.to_owned());
        self.send(request, format!("GET {path_and_query}")).await
    }

    async fn post(&self, path: &str, form: &Value) -> Result<Value, Error> {
        self.send(RequestBuilder::new(StripeMethod::Post, path).form(form), format!("POST {path}"))
            .await
    }

    async fn send(&self, request: RequestBuilder, step: String) -> Result<Value, Error> {
        let is_post = matches!(request.method, StripeMethod::Post);
        // With a key a POST may be repeated when the connection breaks.
        let number = self.step.fetch_add(1, Ordering::Relaxed);
        let key = is_post.then(|| format!("devstack-{}-{}-{number}", self.run, self.account));
        let turn = TURNS.acquire().await;
        let answer = self.stripe.send_built(request, key).await;
        drop(turn);
        answer.map_err(|error| Error::Seed {
            account: self.account,
            step,
            reason: error.to_string(),
        })
    }

    pub(super) fn text(&self, object: &Value, field: &'static str) -> Result<String, Error> {
        let text = object[field].as_str().map(str::to_owned);
        text.ok_or_else(|| {
            self.failed("reading an answer", &format!("there is no \"{field}\" in {object}"))
        })
    }

    pub(super) fn failed(&self, step: &str, reason: &str) -> Error {
        Error::Seed { account: self.account, step: step.to_owned(), reason: reason.to_owned() }
    }
}
