//! Processes of the functions, and what they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{Context, LambdaEvent};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::access::generate;
use shared::api::urls::Origins;
use shared::stripe::{Transport, Wire};
use shared::values::token::MacKeys;
use shared::values::{KeyHash, Mode};
use shared::{App, Config, Scope, answer};
use stripe_sandbox::DEFAULT_SECRET_KEY;

use crate::aws::Amazon;
use crate::stripe::{Line, Stripe};
use crate::table::Table;

/// The MAC key of quotes in every [`World`].
const QUOTE_KEY: &str = "a key of at least thirty-two characters";

/// Where customers may be sent back to.
const ORIGIN: &str = "https://console.cantila.example";

/// What Lambda gives a request.
const TIME: Duration = Duration::from_secs(29);

/// A runtime on one thread, whose time passes at once where nothing else is to be done.
///
/// # Panics
/// If there is none to be had.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

/// What outlives a process: Stripe and the table.
pub struct World {
    pub stripe: Stripe,
    pub table: Arc<Table>,
    config: Config,
    sdk: SdkConfig,
    made: AtomicU64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty one.
    ///
    /// # Panics
    /// If its settings are no settings.
    #[must_use]
    pub fn new() -> Self {
        let table = Arc::new(Table::default());
        let page = |path: &str| Some(format!("{ORIGIN}/{path}"));
        let config = Config {
            table: "billing".to_owned(),
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
        };
        let sdk = Amazon { table: Arc::clone(&table), secret }.config();
        Self { stripe: Stripe::new(), table, config, sdk, made: AtomicU64::new(0) }
    }

    /// Returns the MAC keys of quotes.
    ///
    /// # Panics
    /// Never: the keys are constant.
    #[must_use]
    pub fn quote_keys(&self) -> MacKeys {
        MacKeys::parse(&quote_keys().to_string().into()).expect("well-formed keys")
    }

    /// The account's customer, as the table has it.
    #[must_use]
    pub fn customer_of(&self, account: &str) -> Option<String> {
        let item = self.table.item(&format!("ACCOUNT#{account}"), "ACCOUNT")?;
        item["customer"]["S"].as_str().map(str::to_owned)
    }

    /// The SDK's client of the table.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk)
    }

    /// A number that no one else gets.
    pub fn number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// A process that has just started. `seed` decides how long its requests to Stripe take.
    pub async fn process(&self, seed: u64) -> Process {
        let line = Line { stripe: self.stripe.clone(), seed: AtomicU64::new(seed) };
        Box::pin(self.process_over(Box::new(line))).await
    }

    /// The same, with another way to Stripe.
    pub async fn process_over(&self, wire: Box<dyn Wire>) -> Process {
        let transport = Transport::over(wire, self.config.stripe_base.clone());
        let start = App::start(self.config.clone(), &self.sdk, transport);
        Process { app: Arc::new(Box::pin(start).await) }
    }

    /// A new account and a key of it that may do everything.
    ///
    /// # Panics
    /// If there are no random numbers.
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

/// One of the eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Summary,
    Info,
    Invoices,
    Dunning,
    Checkout,
    Portal,
    Preview,
    Change,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Summary,
        Self::Info,
        Self::Invoices,
        Self::Dunning,
        Self::Checkout,
        Self::Portal,
        Self::Preview,
        Self::Change,
    ];
}

/// A request, as a caller sends it.
#[derive(Clone, Debug)]
pub struct Request {
    pub endpoint: Endpoint,
    /// The API key.
    pub bearer: String,
    pub key: Option<String>,
    pub body: Value,
}

impl Request {
    fn event(&self, id: u64) -> LambdaEvent<ApiGatewayV2httpRequest> {
        let mut headers = json!({
            "authorization": format!("Bearer {}", self.bearer),
            "content-type": "application/json",
        });
        if let Some(key) = &self.key {
            headers["idempotency-key"] = json!(key);
        }
        let event = json!({
            "version": "2.0", "rawPath": "/v1/billing", "rawQueryString": "", "headers": headers,
            "isBase64Encoded": false, "body": self.body.to_string(),
            "requestContext": {
                "http": { "method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
                "requestId": format!("request-{id}"), "stage": "$default", "timeEpoch": 0,
            },
        });
        within(serde_json::from_value(event).expect("an event"))
    }
}

/// The event, with the time that Lambda gives it.
fn within(event: ApiGatewayV2httpRequest) -> LambdaEvent<ApiGatewayV2httpRequest> {
    let mut context = Context::default();
    let end = SystemTime::now() + TIME;
    let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    context.deadline = u64::try_from(end).unwrap_or(u64::MAX);
    LambdaEvent::new(event, context)
}

/// An answer, as a caller gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub replayed: bool,
    pub body: String,
}

impl Reply {
    fn of(response: ApiGatewayV2httpResponse) -> Self {
        let Some(Body::Text(body)) = response.body else { panic!("a body of text") };
        Self {
            status: u16::try_from(response.status_code).expect("a status"),
            replayed: response.headers.contains_key("idempotent-replayed"),
            body,
        }
    }

    /// The body.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The error's code; empty where it is none.
    #[must_use]
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// A running function, or rather all eight of them in one.
#[derive(Clone)]
pub struct Process {
    app: Arc<App>,
}

impl Process {
    /// The answer to a request; `id` is the gateway's number for it.
    pub async fn ask(&self, request: &Request, id: u64) -> Reply {
        Reply::of(self.handle(request.endpoint, request.event(id)).await)
    }

    /// The answer to whatever event there may be.
    pub async fn event(&self, endpoint: Endpoint, event: ApiGatewayV2httpRequest) -> Reply {
        Reply::of(self.handle(endpoint, within(event)).await)
    }

    async fn handle(
        &self,
        endpoint: Endpoint,
        event: LambdaEvent<ApiGatewayV2httpRequest>,
    ) -> ApiGatewayV2httpResponse {
        let app = Arc::clone(&self.app);
        match endpoint {
            Endpoint::Summary => answer(app, Scope::Read, event, summary::summary).await,
            Endpoint::Info => answer(app, Scope::Read, event, info::info).await,
            Endpoint::Invoices => answer(app, Scope::Read, event, invoices::invoices).await,
            Endpoint::Dunning => answer(app, Scope::Read, event, dunning::dunning).await,
            Endpoint::Checkout => {
                answer(app, Scope::Admin, event, checkout_session::checkout_session).await
            }
            Endpoint::Portal => {
                answer(app, Scope::Admin, event, portal_session::portal_session).await
            }
            Endpoint::Preview => {
                answer(app, Scope::Admin, event, plan_change_preview::plan_change_preview).await
            }
            Endpoint::Change => answer(app, Scope::Admin, event, plan_change::plan_change).await,
        }
    }
}
