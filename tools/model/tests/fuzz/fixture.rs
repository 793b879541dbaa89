//! Account with data for every field of a response, and the check of every response.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use model::{Endpoint, Process, Reply, Request, World, plans};
use proptest::test_runner::{Config, FileFailurePersistence};
use serde_json::{Value, json};
use shared::stripe::{Sent, Wire};

/// Error codes of the contract by status.
const CODES: [(u16, &[&str]); 14] = [
    (400, &["malformed_body"]),
    (401, &["unauthenticated"]),
    (402, &["payment_failed", "payment_action_required"]),
    (403, &["insufficient_scope", "act_as_forbidden"]),
    (404, &["not_found"]),
    (
        409,
        &[
            "no_subscription",
            "already_subscribed",
            "already_on_plan",
            "no_pending_change",
            "subscription_not_changeable",
            "quote_changed",
            "idempotency_in_progress",
        ],
    ),
    (410, &["quote_expired"]),
    (413, &["body_too_large"]),
    (415, &["unsupported_media_type"]),
    (422, &["validation", "unknown_plan", "url_not_allowed", "idempotency_key_reused"]),
    (429, &["rate_limited"]),
    (502, &["stripe_error"]),
    (503, &["stripe_unavailable", "unavailable"]),
    (504, &["timeout"]),
];

/// Limit of a response's length: a hundred invoices, a thousand lines.
const LONGEST: usize = 4_000_000;

/// Returns proptest's configuration with this number of cases, or `FUZZ_CASES`.
pub fn config(cases: u32) -> Config {
    let given = std::env::var("FUZZ_CASES").ok().map(|text| text.parse().expect("a number"));
    Config {
        cases: given.unwrap_or(cases),
        max_shrink_iters: 500,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/fuzz/regressions.txt",
        ))),
        ..Config::default()
    }
}

/// Checks that a response belongs to the contract.
pub fn check(reply: &Reply) -> Result<(), String> {
    let body: Value = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
    if reply.body.len() > LONGEST {
        return Err(format!("{} bytes", reply.body.len()));
    }
    if matches!(reply.status, 200 | 201) {
        return if body.get("error").is_none() { Ok(()) } else { Err("an error".to_owned()) };
    }
    let code = body["error"].as_str().unwrap_or_default();
    let codes = CODES.iter().find(|(status, _)| *status == reply.status);
    let known = codes.is_some_and(|(_, codes)| codes.contains(&code));
    let whole = body["message"].is_string() && body["requestId"].is_string();
    if known && whole { Ok(()) } else { Err(format!("{} {}", reply.status, reply.body)) }
}

/// Account on a plan with usage, tax, a discount, a pending invoice item and a balance.
pub struct Fixture {
    pub world: World,
    pub bearer: String,
    pub process: Process,
    /// Number of Stripe calls.
    pub calls: Arc<AtomicU32>,
}

/// Counts the calls of Stripe.
struct Counting {
    stripe: model::Stripe,
    calls: Arc<AtomicU32>,
}

impl Wire for Counting {
    fn send(&self, request: hyper::Request<http_body_util::Full<bytes::Bytes>>) -> Sent<'_> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.stripe.respond(request))
    }
}

impl Fixture {
    pub async fn new() -> Self {
        let world = World::new();
        let prices = plans::create(&world.stripe).await;
        world.stripe.sandbox("POST", "/portal_configuration", &json!({})).await;
        let customer = subscribed(&world, &prices[1].1).await;
        let (_, bearer) = world.account(Some(&customer));
        let calls = Arc::new(AtomicU32::new(0));
        let wire = Counting { stripe: world.stripe.clone(), calls: Arc::clone(&calls) };
        let process = world.process_over(Box::new(wire)).await;
        Self { world, bearer, process, calls }
    }

    pub fn request(&self, endpoint: Endpoint) -> Request {
        let body = match endpoint {
            Endpoint::Checkout => json!({ "plan": "pro", "uiMode": "hosted" }),
            Endpoint::Preview | Endpoint::Change => json!({ "plan": "agency" }),
            _ => json!({}),
        };
        Request { endpoint, bearer: self.bearer.clone(), key: None, body, no_cache: false }
    }
}

fn id(object: &Value) -> String {
    object["id"].as_str().expect("an id").to_owned()
}

async fn subscribed(world: &World, prices: &[String]) -> String {
    let stripe = &world.stripe;
    let customer = id(&stripe.post("/customers", &[("name", "Ada")]).await);
    let card = [("customer", &*customer)];
    let card = id(&stripe.post("/payment_methods/pm_card_visa/attach", &card).await);
    let default = [("invoice_settings[default_payment_method]", &*card)];
    stripe.post(&format!("/customers/{customer}"), &default).await;
    let rate = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")];
    let rate = id(&stripe.post("/tax_rates", &rate).await);
    let coupon = [("duration", "forever"), ("percent_off", "10")];
    let coupon = id(&stripe.post("/coupons", &coupon).await);
    let names: Vec<_> = (0..prices.len()).map(|n| format!("items[{n}][price]")).collect();
    let mut form = vec![
        ("customer", &*customer),
        ("default_tax_rates[0]", &rate),
        ("discounts[0][coupon]", &coupon),
    ];
    form.extend(names.iter().zip(prices).map(|(name, price)| (&**name, &**price)));
    let subscription = id(&stripe.post("/subscriptions", &form).await);
    for (_, event) in plans::METERS {
        let event = [
            ("event_name", event),
            ("payload[stripe_customer_id]", &*customer),
            ("payload[value]", "4321"),
        ];
        stripe.post("/billing/meter_events", &event).await;
    }
    let item = [
        ("customer", &*customer),
        ("subscription", &subscription),
        ("amount", "1234"),
        ("currency", "usd"),
    ];
    stripe.post("/invoiceitems", &item).await;
    let path = format!("/customers/{customer}/balance_transactions");
    stripe.post(&path, &[("amount", "-50"), ("currency", "usd")]).await;
    customer
}
