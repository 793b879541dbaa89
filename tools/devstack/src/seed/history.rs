//! Steps of an account's history at Stripe; a history in the past is on a test clock.

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

/// Time that a clock has to advance.
const ADVANCE_LIMIT: Duration = Duration::from_mins(3);

/// Limits the concurrent requests of all histories: Stripe's test mode allows 25 requests a second.
static PERMITS: Semaphore = Semaphore::const_new(4);

/// History of one account.
pub(crate) struct History {
    stripe: Stripe,
    account: &'static str,
    /// Current time, at which every history ends.
    pub(crate) now: i64,
    run: String,
    step: AtomicU32,
}

/// Customer, with a test clock of its own unless its history begins now.
pub(crate) struct Customer {
    pub(crate) id: String,
    clock: Option<String>,
}

/// New subscription.
pub(crate) struct Subscription {
    pub(crate) id: String,
    /// End of the first period.
    pub(crate) period_end: i64,
}

impl History {
    pub(crate) fn new(stripe: Stripe, account: &'static str, now: i64, run: &str) -> Self {
        Self { stripe, account, now, run: run.to_owned(), step: AtomicU32::new(0) }
    }

    /// Creates a customer whose clock shows `at`.
    pub(crate) async fn customer(&self, at: i64) -> Result<Customer, Error> {
        let name = format!("devstack {}", self.account);
        let clock = self
            .post("/test_helpers/test_clocks", &json!({ "frozen_time": at, "name": name }))
            .await?;
        let clock = self.text(&clock, "id")?;
        self.create(Some(clock)).await
    }

    /// Creates a customer on no test clock, whose reads the API stores.
    pub(crate) async fn customer_from_now(&self) -> Result<Customer, Error> {
        self.create(None).await
    }

    async fn create(&self, clock: Option<String>) -> Result<Customer, Error> {
        let mut body = json!({
            "name": format!("devstack {}", self.account),
            "email": format!("{}@example.com", self.account),
            "metadata": { "devstack": self.account },
        });
        if let Some(clock) = &clock {
            body["test_clock"] = json!(clock);
        }
        let customer = self.post("/customers", &body).await?;
        Ok(Customer { id: self.text(&customer, "id")?, clock })
    }

    /// Sets the customer's default payment method to a test card, given by its name.
    pub(crate) async fn card(&self, customer: &Customer, method: &str) -> Result<(), Error> {
        let attached = self
            .post(&format!("/payment_methods/{method}/attach"), &json!({ "customer": customer.id }))
            .await?;
        let id = self.text(&attached, "id")?;
        let body = json!({ "invoice_settings": { "default_payment_method": id } });
        self.post(&format!("/customers/{}", customer.id), &body).await.map(drop)
    }

    /// Subscribes to every price of a plan.
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

    /// Reports usage at a time.
    pub(crate) async fn usage(
        &self,
        customer: &Customer,
        meter: &Meter,
        quantity: i64,
        at: i64,
    ) -> Result<(), Error> {
        let payload =
            json!({ (&meter.customer_key): customer.id, (&meter.value_key): quantity.to_string() });
        let body = json!({ "event_name": meter.event, "timestamp": at, "payload": payload });
        self.post("/billing/meter_events", &body).await.map(drop)
    }

    /// Cancels the subscription immediately.
    pub(crate) async fn cancel(&self, subscription: &Subscription) -> Result<(), Error> {
        let request = RequestBuilder::new(
            StripeMethod::Delete,
            format!("/subscriptions/{}", subscription.id),
        );
        self.send(request, "canceling".to_owned()).await.map(drop)
    }

    /// Advances the customer's clock to `to` and waits until Stripe has processed what falls due meanwhile.
    pub(crate) async fn advance(&self, customer: &Customer, to: i64) -> Result<(), Error> {
        let Some(clock) = &customer.clock else { return Ok(()) };
        let path = format!("/test_helpers/test_clocks/{clock}");
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
            // The sandbox takes milliseconds, Stripe takes seconds and has rate limits.
            pause = (pause * 2).min(Duration::from_secs(2));
            clock = self.get(&path).await?;
        }
    }

    /// Sends a GET to Stripe.
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
        // With an idempotency key the client can retry a POST.
        let number = self.step.fetch_add(1, Ordering::Relaxed);
        let key = is_post.then(|| format!("devstack-{}-{}-{number}", self.run, self.account));
        let permit = PERMITS.acquire().await;
        let response = self.stripe.send_built(request, key).await;
        drop(permit);
        response.map_err(|error| Error::Seed {
            account: self.account,
            step,
            reason: error.to_string(),
        })
    }

    pub(super) fn text(&self, object: &Value, field: &'static str) -> Result<String, Error> {
        let text = object[field].as_str().map(str::to_owned);
        text.ok_or_else(|| {
            self.failed("reading a response", &format!("there is no \"{field}\" in {object}"))
        })
    }

    pub(super) fn failed(&self, step: &str, reason: &str) -> Error {
        Error::Seed { account: self.account, step: step.to_owned(), reason: reason.to_owned() }
    }
}
