//! Processes with all functions, and the state that they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use lambda_runtime::{Context, LambdaEvent};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::access::generate;
use shared::api::event::HttpResponse;
use shared::api::urls::Origins;
use shared::stripe::{Transport, Wire};
use shared::values::token::MacKeys;
use shared::values::{KeyHash, Mode};
use shared::{App, CheckoutForm, Config, Route, Scope, answer};
use stripe_sandbox::DEFAULT_SECRET_KEY;

use crate::aws::AwsEmulator;
use crate::stripe::{DelayedStripe, Stripe};
use crate::table::{TABLE, Table};

/// MAC key of quotes in every [`World`].
const QUOTE_KEY: &str = "a key of at least thirty-two characters";

/// Allowed origin of return URLs.
const ORIGIN: &str = "https://console.cantila.example";

/// Time until a request's deadline.
const TIME: Duration = Duration::from_secs(28);

/// Additional time for each request ID, so that the leases of two requests never end at the same time. Up to a hundred
/// requests have their own time before the functions cut it off.
const STEP: Duration = Duration::from_millis(10);

/// Returns a runtime on one thread with paused time: the clock jumps to the next timer when all tasks are idle.
///
/// # Panics
/// If the runtime cannot be built.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

/// State that outlives a process: Stripe and the table.
pub struct World {
    pub stripe: Stripe,
    pub table: Arc<Table>,
    config: Config,
    sdk: SdkConfig,
    next_number: AtomicU64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Returns an empty world.
    ///
    /// # Panics
    /// If a setting is invalid.
    #[must_use]
    pub fn new() -> Self {
        let table = Arc::new(Table::default());
        let page = |path: &str| Some(format!("{ORIGIN}/{path}"));
        let config = Config {
            table: TABLE.to_owned(),
            stripe_secret_id: "stripe".to_owned(),
            quote_keys_secret_id: Some("quote-keys".to_owned()),
            stripe_base: "http://stripe.test".parse().expect("a URI"),
            default_currency: "usd".parse().expect("a currency"),
            dunning_max_attempts: 4,
            dunning_grace_days: 21,
            allowed_origins: Origins::parse(ORIGIN).expect("an origin"),
            checkout_success_url: page("paid"),
            checkout_cancel_url: page("plans"),
            return_url: page("billing"),
            portal_configuration: None,
            automatic_tax: false,
            checkout_form: CheckoutForm::default(),
            change_limits: shared::billing::plan_change::ChangeLimits {
                changes_per_period: 1_000,
                downgrades_now: true,
            },
            stripe_rate: Some(100_000),
        };
        let sdk = AwsEmulator { table: Arc::clone(&table), secret }.config();
        Self { stripe: Stripe::new(), table, config, sdk, next_number: AtomicU64::new(0) }
    }

    /// Returns the MAC keys of quotes.
    ///
    /// # Panics
    /// Never: the keys are constant.
    #[must_use]
    pub fn quote_keys(&self) -> MacKeys {
        MacKeys::parse(&quote_keys().to_string().into()).expect("well-formed keys")
    }

    /// Returns the account's customer from the table.
    #[must_use]
    pub fn customer_of(&self, account: &str) -> Option<String> {
        let item = self.table.item(&format!("ACCOUNT#{account}"), "ACCOUNT")?;
        item["customer"]["S"].as_str().map(str::to_owned)
    }

    /// Returns a unique number.
    pub fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Starts a process. `seed` determines the delays of its requests to Stripe.
    pub async fn process(&self, seed: u64) -> Process {
        let wire = DelayedStripe { stripe: self.stripe.clone(), seed: AtomicU64::new(seed) };
        Box::pin(self.process_over(Box::new(wire))).await
    }

    /// Starts a process with another connection to Stripe.
    pub async fn process_over(&self, wire: Box<dyn Wire>) -> Process {
        let transport = Transport::over(wire, self.config.stripe_base.clone());
        let start = App::start(self.config.clone(), &self.sdk, transport);
        Process { app: Arc::new(Box::pin(start).await) }
    }

    /// Creates an account with an admin key. Returns the account's ID and the key.
    ///
    /// # Panics
    /// If the operating system has no random numbers.
    #[must_use]
    pub fn account(&self, customer: Option<&str>) -> (String, String) {
        let number = self.number();
        let id = format!("acc_{number}");
        let secret = generate(Mode::Test).expect("random numbers");
        let key = secret.expose_secret();
        let hash = KeyHash::of(key);
        self.table.put(&json!({
            "pk": { "S": format!("KEY#{}", hash.as_str()) }, "sk": { "S": "KEY" },
            "keyId": { "S": format!("key_{number}") }, "account": { "S": id },
            "scope": { "S": Scope::Admin.as_str() }, "name": { "S": "all" }, "prefix": { "S": "sk" },
            "createdAt": { "N": "0" }, "lastUsedOn": { "S": "9999-12-31" },
        }));
        let mut account = json!({
            "pk": { "S": format!("ACCOUNT#{id}") }, "sk": { "S": "ACCOUNT" },
            "id": { "S": id }, "handle": { "S": format!("a{number}") }, "createdAt": { "N": "0" },
        });
        if let Some(customer) = customer {
            account["customer"] = json!({ "S": customer });
        }
        self.table.put(&account);
        (id, key.to_owned())
    }
}

fn secret(id: &str) -> Value {
    match id {
        "stripe" => json!({ "secretKey": DEFAULT_SECRET_KEY, "publishableKey": "pk_test_1" }),
        _ => quote_keys(),
    }
}

fn quote_keys() -> Value {
    json!({ "current": "k1", "k1": QUOTE_KEY })
}

/// Endpoint of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Summary,
    Info,
    Invoices,
    Dunning,
    Usage,
    Invoice,
    Checkout,
    Portal,
    Preview,
    Change,
    Cancel,
}

impl Endpoint {
    /// All endpoints.
    pub const ALL: [Self; 11] = [
        Self::Summary,
        Self::Info,
        Self::Invoices,
        Self::Dunning,
        Self::Usage,
        Self::Invoice,
        Self::Checkout,
        Self::Portal,
        Self::Preview,
        Self::Change,
        Self::Cancel,
    ];
}

/// Request of a caller.
#[derive(Clone, Debug)]
pub struct Request {
    pub endpoint: Endpoint,
    /// API key.
    pub bearer: String,
    /// Idempotency key.
    pub key: Option<String>,
    pub body: Value,
    /// Whether the request asks for Stripe's state now.
    pub no_cache: bool,
}

impl Request {
    fn event(&self, id: u64) -> LambdaEvent<String> {
        let mut headers = json!({
            "authorization": format!("Bearer {}", self.bearer),
            "content-type": "application/json",
        });
        if let Some(key) = &self.key {
            headers["idempotency-key"] = json!(key);
        }
        if self.no_cache {
            headers["cache-control"] = json!("no-cache");
        }
        let event = json!({
            "version": "2.0", "rawPath": "/v1/billing", "rawQueryString": "", "headers": headers,
            "isBase64Encoded": false, "body": self.body.to_string(),
            "requestContext": {
                "http": { "method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
                "requestId": format!("request-{id}"), "stage": "$default", "timeEpoch": 0,
            },
        });
        within(event.to_string(), deadline(id))
    }
}

/// Returns the deadline of a request with this ID that starts now, in milliseconds since 1970.
#[must_use]
pub fn deadline(id: u64) -> u64 {
    let end = SystemTime::now() + TIME + STEP.saturating_mul(u32::try_from(id).unwrap_or(0));
    let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(end).unwrap_or(u64::MAX)
}

/// Returns the event with the deadline that Lambda sets.
fn within(event: String, deadline: u64) -> LambdaEvent<String> {
    let mut context = Context::default();
    context.deadline = deadline;
    LambdaEvent::new(event, context)
}

/// Response that a caller gets.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub replayed: bool,
    pub body: String,
}

impl Reply {
    fn of(response: HttpResponse) -> Self {
        Self {
            status: response.status_code,
            replayed: response.headers.contains_key("idempotent-replayed"),
            body: response.body,
        }
    }

    /// Returns the body.
    ///
    /// # Panics
    /// If the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Returns the error's code, or an empty string for a success.
    #[must_use]
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// Running process with all functions that have a route.
#[derive(Clone)]
pub struct Process {
    app: Arc<App>,
}

impl Process {
    /// Returns the settings and clients.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }

    /// Sends a request. `id` is API Gateway's request ID.
    pub async fn send(&self, request: &Request, id: u64) -> Reply {
        Reply::of(self.handle(request.endpoint, request.event(id)).await)
    }

    /// Sends any text as an event.
    pub async fn send_event(&self, endpoint: Endpoint, event: String) -> Reply {
        Reply::of(self.handle(endpoint, within(event, deadline(0))).await)
    }

    async fn handle(&self, endpoint: Endpoint, event: LambdaEvent<String>) -> HttpResponse {
        let app = Arc::clone(&self.app);
        let get = |name| Route::get(Scope::Read, name);
        let post = Route::post(Scope::Admin);
        match endpoint {
            Endpoint::Summary => answer(app, get("summary"), event, summary::summary).await,
            Endpoint::Info => answer(app, get("info"), event, info::info).await,
            Endpoint::Invoices => answer(app, get("invoices"), event, invoices::invoices).await,
            Endpoint::Dunning => answer(app, get("dunning"), event, dunning::dunning).await,
            Endpoint::Usage => answer(app, get("usage"), event, usage::usage).await,
            Endpoint::Invoice => answer(app, get("invoice"), event, invoice::invoice).await,
            Endpoint::Checkout => {
                answer(app, post, event, checkout_session::checkout_session).await
            }
            Endpoint::Portal => answer(app, post, event, portal_session::portal_session).await,
            Endpoint::Preview => {
                answer(app, post, event, plan_change_preview::plan_change_preview).await
            }
            Endpoint::Change => answer(app, post, event, plan_change::plan_change).await,
            Endpoint::Cancel => {
                answer(app, post, event, plan_change_cancel::plan_change_cancel).await
            }
        }
    }
}
