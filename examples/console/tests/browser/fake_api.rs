//! Fake of the API and of the sandbox's clocks. Its responses are the examples in `openapi.yaml`. The name of an account
//! says what happens to its plan changes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Accounts: each is named after the outcome of its plan changes, or after its state.
pub const ACCOUNTS: [&str; 8] =
    ["acme", "changed", "declined", "bank", "processing", "overdue", "fresh", "unavailable"];

/// Request that the fake has received.
#[derive(Clone, Debug)]
pub struct Received {
    pub line: String,
    pub account: String,
    pub key: Option<String>,
    pub body: Value,
}

/// Running fake.
pub struct FakeApi {
    pub url: String,
    state: Arc<Fake>,
}

struct Fake {
    examples: Value,
    url: String,
    received: Mutex<Vec<Received>>,
    now: Mutex<i64>,
}

impl FakeApi {
    /// Serves on a free port, on a thread that ends with the process.
    pub fn start() -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.yaml");
        let text = std::fs::read_to_string(file).expect("openapi.yaml");
        let mut document: Value = serde_yaml_ng::from_str(&text).expect("YAML");
        let examples = document["components"]["examples"].take();
        let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = listener.expect("a free port");
        listener.set_nonblocking(true).expect("a setting of the socket");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Fake {
            examples,
            url: url.clone(),
            received: Mutex::default(),
            now: Mutex::new(1_781_256_600),
        });
        let router = Router::new().fallback(respond).with_state(state.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                axum::serve(listener, router).await.expect("a server");
            });
        });
        Self { url, state }
    }

    /// Returns `stack.json`.
    pub fn stack(&self) -> Value {
        let accounts = ACCOUNTS.map(|name| {
            let key = |scope| format!("sk_test_{name}_{scope}");
            json!({
                "name": name, "id": format!("acc_{name}"), "handle": name,
                "customer": (name != "fresh").then(|| format!("cus_{name}")),
                "keys": { "read": key("read"), "deploy": key("deploy"), "admin": key("admin") }
            })
        });
        json!({ "apiUrl": self.url, "stripeUrl": self.url, "stripeKey": "sk_test_all", "accounts": accounts })
    }

    /// Returns the last request of an account whose line begins like this.
    #[track_caller]
    pub fn last(&self, account: &str, line: &str) -> Received {
        let received = self.state.received.lock().expect("no panic");
        let fits = |one: &&Received| one.account == account && one.line.starts_with(line);
        received.iter().rfind(fits).unwrap_or_else(|| panic!("no {line} of {account}")).clone()
    }
}

async fn respond(State(fake): State<Arc<Fake>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 16_384).await.unwrap_or_default();
    let path = head.uri.path().to_owned();
    let line = format!("{} {path}", head.method);
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer sk_test_"));
    let account = bearer.and_then(|key| key.split('_').next()).unwrap_or_default().to_owned();
    let received = Received {
        line: line.clone(),
        account: account.clone(),
        key: text("idempotency-key").map(str::to_owned),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    fake.received.lock().expect("no panic").push(received.clone());
    match path.strip_prefix("/v1/billing/") {
        Some(_) => fake.api(&line, &account, &received.body),
        None => fake.stripe(&line, &body),
    }
}

impl Fake {
    fn api(&self, line: &str, account: &str, body: &Value) -> Response {
        if account == "unavailable" {
            return self.example(503, "stripe_unavailable", &json!({}));
        }
        let (summary, dunning) = match account {
            "fresh" => ("summaryWithoutSubscription", "dunningOfAnActiveAccount"),
            "overdue" => ("summary", "dunning"),
            _ => ("summary", "dunningOfAnActiveAccount"),
        };
        match line.replace("/v1/billing/", "").as_str() {
            "GET summary" => self.example(200, summary, &json!({})),
            "GET dunning" => self.example(200, dunning, &json!({})),
            "GET info" => self.info(account),
            "GET usage" => self.example(200, "usage", &json!({})),
            "GET invoices" => self.example(200, "invoices", &json!({})),
            "GET invoices/in_1Example" => self.example(200, "invoice", &json!({})),
            "POST plan-change/preview" => self.example(200, "preview", &json!({})),
            "POST plan-change" => self.change(account, body),
            "DELETE plan-change" => self.example(409, "no_pending_change", &json!({})),
            "POST checkout-session" => self.example(
                201,
                "checkoutSession",
                &json!({ "url": format!("{}/c/pay", self.url) }),
            ),
            "POST portal-session" => {
                with_headers(201, &json!({ "url": format!("{}/p/session", self.url) }))
            }
            _ => self.example(404, "not_found", &json!({})),
        }
    }

    fn info(&self, account: &str) -> Response {
        let mut plans = self.examples["info"]["value"]["plans"].clone();
        let mut agency = plans[0].clone();
        for (field, value) in [
            ("plan", json!("agency")),
            ("name", json!("Agency")),
            ("amount", json!("99.00")),
            ("yourAmount", Value::Null),
            ("current", json!(false)),
        ] {
            agency[field] = value;
        }
        plans.as_array_mut().expect("a list").push(agency);
        let fresh = account == "fresh";
        let able = json!({ "checkout": fresh, "embeddedCheckout": fresh, "portal": true, "planChange": !fresh });
        self.example(200, "info", &json!({ "plans": plans, "capabilities": able }))
    }

    fn change(&self, account: &str, body: &Value) -> Response {
        match account {
            "changed" if body["quote"] != "fresh" => {
                let mut preview = self.examples["preview"]["value"].clone();
                preview["quote"] = json!("fresh");
                self.example(409, "quote_changed", &json!({ "details": { "preview": preview } }))
            }
            "declined" => self.example(402, "payment_failed", &json!({})),
            "bank" => self.example(402, "payment_action_required", &json!({})),
            "processing" => self.example(200, "planChange", &json!({ "outcome": "processing" })),
            _ if body["effective"] == "period_end" => {
                self.example(200, "planChange", &json!({ "outcome": "scheduled", "invoice": null }))
            }
            _ => self.example(200, "planChange", &json!({})),
        }
    }

    /// Responds with an example of which some fields are others.
    fn example(&self, status: u16, name: &str, fields: &Value) -> Response {
        let mut value = self.examples[name]["value"].clone();
        for (field, other) in fields.as_object().expect("an object") {
            value[field] = other.clone();
        }
        with_headers(status, &value)
    }

    /// Responds as the sandbox: `overdue` shares its own clock, the others have one.
    fn stripe(&self, line: &str, body: &Bytes) -> Response {
        let mut now = self.now.lock().expect("no panic");
        let json = match line {
            "GET /c/pay" | "GET /p/session" => {
                let page =
                    "<!doctype html><html lang=en><title>Stripe</title><main>Stripe's page</main>";
                return ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response();
            }
            "GET /_sandbox/clock" => json!({ "now": *now }),
            "POST /_sandbox/clock" => {
                let body: Value = serde_json::from_slice(body).expect("JSON");
                *now += body["advance_seconds"].as_i64().expect("seconds");
                json!({ "now": *now })
            }
            "GET /v1/customers/cus_overdue" => json!({ "test_clock": null }),
            "POST /v1/test_helpers/test_clocks/clock_1/advance" => {
                let text = String::from_utf8_lossy(body);
                *now = text.trim_start_matches("frozen_time=").parse().expect("a time");
                json!({ "status": "advancing" })
            }
            "GET /v1/test_helpers/test_clocks/clock_1" => {
                json!({ "frozen_time": *now, "status": "ready" })
            }
            _ => json!({ "test_clock": "clock_1" }),
        };
        axum::Json(json).into_response()
    }
}

fn with_headers(status: u16, body: &Value) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("server-timing", "total;dur=212.4, auth;dur=3.1, stripe;dur=208.0;count=3"),
        ("x-request-id", "JKJaXmPLvHcESHA="),
        ("x-stripe-request-ids", "req_1PqXyZ0123456789,req_2AbCdE0123456789"),
        ("x-as-of", "2026-06-14T09:30:00Z"),
        ("cache-status", "billing; fwd=miss"),
    ] {
        headers.insert(name, value.parse().expect("a value"));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    (status, headers, axum::Json(body)).into_response()
}
