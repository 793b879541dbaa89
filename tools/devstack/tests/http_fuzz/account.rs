//! An account of the fuzzer, and what its customer and the platform do at Stripe.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devstack::{Stack, http};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::actions::{Card, METERS, StripeAction};
use crate::dice::Dice;
use crate::record::Record;
use crate::servers::Servers;

pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;

/// Form of the checkout page with a good card.
const PAYMENT: &str = "number=4242424242424242&expiry=12%2F40&cvc=123&name=Ada&email=ada%40example.com&country=US&postal_code=10001";

pub struct Account {
    pub id: String,
    pub handle: String,
    pub key: String,
    pub customer: String,
    clock: String,
    /// When the account was created, in real time.
    pub since: i64,
}

pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).expect("a time")
}

impl Account {
    /// Creates an account whose customer has a clock and any card, and with `plan` a subscription to it.
    pub async fn create(
        stack: &Stack,
        servers: &Servers,
        handle: &str,
        plan: Option<(&str, &str)>,
        dice: &mut Dice,
    ) -> Self {
        let since = unix_now();
        let start = since - dice.between(0, 27 * DAY);
        let clock = [("frozen_time", &*start.to_string())];
        let clock = id(&servers.must("POST", "/test_helpers/test_clocks", &clock).await);
        let customer = id(&servers.must("POST", "/customers", &[("test_clock", &clock)]).await);
        let account = stack.create_account(handle, Some(&customer)).await.expect("an account");
        let account = Self {
            id: account.id,
            handle: account.handle,
            key: account.keys.admin,
            customer,
            clock,
            since,
        };
        account.card(servers, Card::Good).await;
        if let Some((tier, interval)) = plan {
            account.subscribe(servers, tier, interval, dice).await;
        }
        account.advance(servers, since).await;
        if dice.one_in(2) {
            account.card(servers, Card::any(dice)).await;
        }
        account
    }

    async fn subscribe(&self, servers: &Servers, tier: &str, interval: &str, dice: &mut Dice) {
        let mut form = vec![("customer".to_owned(), self.customer.clone())];
        for (index, price) in prices(servers, tier, interval).await.into_iter().enumerate() {
            form.push((format!("items[{index}][price]"), price));
        }
        if dice.one_in(3) {
            let tax = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")];
            form.push((
                "default_tax_rates[0]".to_owned(),
                id(&servers.must("POST", "/tax_rates", &tax).await),
            ));
        }
        if dice.one_in(4) {
            let off = [("percent_off", "25"), ("duration", "forever")];
            form.push((
                "discounts[0][coupon]".to_owned(),
                id(&servers.must("POST", "/coupons", &off).await),
            ));
        }
        let form: Vec<_> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        servers.must("POST", "/subscriptions", &form).await;
    }

    /// Sets the default payment method to a test card.
    pub async fn card(&self, servers: &Servers, card: Card) {
        let path = format!("/payment_methods/{}/attach", card.token());
        let card = id(&servers.must("POST", &path, &[("customer", &self.customer)]).await);
        let form = [("invoice_settings[default_payment_method]", &*card)];
        servers.must("POST", &format!("/customers/{}", self.customer), &form).await;
    }

    /// Advances the customer's clock.
    pub async fn advance(&self, servers: &Servers, to: i64) {
        let path = format!("/test_helpers/test_clocks/{}", self.clock);
        servers.must("POST", &format!("{path}/advance"), &[("frozen_time", &to.to_string())]).await;
        for _ in 0..1_000 {
            if servers.must("GET", &path, &[]).await["status"] == "ready" {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("the clock is not ready in time");
    }

    /// Does what the customer or the platform does at Stripe. Stripe may refuse it.
    pub async fn act(&self, servers: &Servers, record: &Record, action: &StripeAction) {
        let customer = self.customer.as_str();
        let outcome = match action {
            StripeAction::Usage { meter, value } => {
                let (event, quantity) = (format!("cantila_{meter}"), value.to_string());
                let form = [
                    ("event_name", &*event),
                    ("payload[stripe_customer_id]", customer),
                    ("payload[value]", &quantity),
                ];
                let outcome = servers.stripe("POST", "/billing/meter_events", &form).await;
                outcome.inspect(|_| record.use_meter(meter, *value))
            }
            StripeAction::Item(amount) => {
                let amount = amount.to_string();
                let mut form =
                    vec![("customer", customer), ("currency", "usd"), ("amount", &amount)];
                form.push(("metadata[fuzz]", "one-off"));
                servers.stripe("POST", "/invoiceitems", &form).await
            }
            StripeAction::Balance(amount) => {
                let path = format!("/customers/{customer}/balance_transactions");
                let form = [("amount", &*amount.to_string()), ("currency", "usd")];
                servers.stripe("POST", &path, &form).await
            }
            StripeAction::Card(card) => {
                self.card(servers, *card).await;
                Ok(Value::Null)
            }
            StripeAction::Authenticate(succeed) => self.authenticate(servers, *succeed).await,
            StripeAction::Pay(nth) => self.pay(servers, *nth).await,
        };
        let outcome = match outcome {
            Ok(value) if value.is_null() => "ok".to_owned(),
            Ok(value) => format!("ok {}", value["id"].as_str().unwrap_or_default()),
            Err(error) => error.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        record.note(format!("{action:?}: {outcome}"));
    }

    /// Completes the authentication that a payment of the customer requires, if any does.
    async fn authenticate(&self, servers: &Servers, succeed: bool) -> Result<Value, String> {
        let path = format!("/payment_intents?customer={}&limit=100", self.customer);
        let intents = servers.stripe("GET", &path, &[]).await?;
        let waits = |intent: &&Value| intent["status"] == "requires_action";
        let Some(intent) = intents["data"].as_array().into_iter().flatten().find(waits) else {
            return Err("nothing requires authentication".to_owned());
        };
        let path = format!("/payment_intents/{}/authenticate", id(intent));
        Ok(servers.sandbox("POST", &path, &json!({ "succeed": succeed })).await)
    }

    /// Pays at an open checkout session.
    async fn pay(&self, servers: &Servers, nth: u64) -> Result<Value, String> {
        let open = self.open_sessions(servers).await?;
        let count = u64::try_from(open.len()).unwrap_or(1).max(1);
        let Some(session) = open.get(usize::try_from(nth % count).unwrap_or(0)) else {
            return Err("no session is open".to_owned());
        };
        let url = session["url"].as_str().unwrap_or_default();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let response = http::send("POST", url, &headers, PAYMENT, Duration::from_secs(10)).await?;
        let outcome = format!("{} with {}", id(session), response.status);
        Ok(json!({ "id": outcome }))
    }

    pub async fn open_sessions(&self, servers: &Servers) -> Result<Vec<Value>, String> {
        let path = format!("/checkout/sessions?customer={}&limit=100", self.customer);
        let sessions = servers.stripe("GET", &path, &[]).await?;
        let sessions = sessions["data"].as_array().cloned().unwrap_or_default();
        Ok(sessions.into_iter().filter(|session| session["status"] == "open").collect())
    }

    /// Pays at every open checkout session.
    pub async fn pay_all(&self, servers: &Servers, record: &Record) {
        while self.open_sessions(servers).await.is_ok_and(|open| !open.is_empty()) {
            self.act(servers, record, &StripeAction::Pay(0)).await;
        }
    }
}

/// Returns the meter of each metered price, by the price's ID.
pub async fn meters(servers: &Servers) -> HashMap<String, String> {
    let prices = servers.must("GET", "/prices?active=true&type=recurring&limit=100", &[]).await;
    let prices = prices["data"].as_array().into_iter().flatten();
    let meter = |price: &Value| {
        let key = price["lookup_key"].as_str()?.strip_prefix("cantila_")?;
        Some((id(price), key.split('_').nth(2)?.to_owned()))
    };
    prices.filter_map(meter).collect()
}

/// Returns the IDs of a plan's prices.
async fn prices(servers: &Servers, tier: &str, interval: &str) -> Vec<String> {
    let base = format!("cantila_{tier}_{interval}");
    let keys = METERS.map(|meter| format!("lookup_keys[]={base}_{meter}")).join("&");
    let path = format!("/prices?active=true&limit=100&lookup_keys[]={base}&{keys}");
    let found = servers.must("GET", &path, &[]).await;
    let prices: Vec<_> = found["data"].as_array().into_iter().flatten().map(id).collect();
    assert_eq!(prices.len(), METERS.len() + 1, "the prices of {base}");
    prices
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}
