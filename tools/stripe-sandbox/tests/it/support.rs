//! Sandbox for a test, with a minimal HTTP client.
//!
//! The client checks every response against async-stripe's generated types.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Running, Sandbox};
use time::OffsetDateTime;

use crate::types;

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub json: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }

    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}

pub struct Api {
    running: Running,
    pub key: String,
    /// Whether responses are checked. Tests with thousands of similar requests skip it.
    pub typed: bool,
}

/// Form parameters in order.
pub type Form<'a> = &'a [(&'a str, &'a str)];

impl Api {
    pub fn new() -> Api {
        Api::with(&Config::default())
    }

    pub fn with(config: &Config) -> Api {
        Api {
            running: Sandbox::start(config.clone()).unwrap(),
            key: DEFAULT_SECRET_KEY.to_owned(),
            typed: true,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// Sends a request with exactly these headers. None if the connection closed before the
    /// complete response.
    pub fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Reply> {
        exchange(self.address(), method, path, headers, body)
    }

    pub fn send(&self, method: &str, path: &str, form: Form<'_>, more: &[(&str, &str)]) -> Reply {
        let encoded = encode(form);
        let (path, body) = match method {
            "GET" => (format!("{path}?{encoded}"), String::new()),
            _ => (path.to_owned(), encoded),
        };
        let authorization = format!("Bearer {}", self.key);
        let mut headers = vec![
            ("authorization", authorization.as_str()),
            ("stripe-version", "2026-09-30.endive"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        headers.extend(more);
        let reply = self.raw(method, &path, &headers, &body).expect("a complete response");
        if reply.status < 300 && self.typed {
            types::check(&reply.json);
        }
        reply
    }

    #[track_caller]
    fn ok(&self, method: &str, path: &str, form: Form<'_>) -> Value {
        let reply = self.send(method, path, form, &[]);
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
        reply.json
    }

    #[track_caller]
    pub fn get(&self, path: &str, form: Form<'_>) -> Value {
        self.ok("GET", path, form)
    }

    #[track_caller]
    pub fn post(&self, path: &str, form: Form<'_>) -> Value {
        self.ok("POST", path, form)
    }

    #[track_caller]
    pub fn delete(&self, path: &str, form: Form<'_>) -> Value {
        self.ok("DELETE", path, form)
    }

    /// Returns the response to a request that must be refused with `status`.
    #[track_caller]
    pub fn refused(&self, status: u16, method: &str, path: &str, form: Form<'_>) -> Reply {
        let reply = self.send(method, path, form, &[]);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
        types::check_error(&reply.json);
        reply
    }

    #[track_caller]
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = self
            .raw(method, &format!("/_sandbox{path}"), &[], &body.to_string())
            .expect("a complete response");
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.text);
        reply.json
    }

    pub fn pass(&self, seconds: i64) {
        self.admin("POST", "/clock", &json!({ "advance_seconds": seconds }));
    }

    #[track_caller]
    pub fn clock_at(&self, at: OffsetDateTime) -> String {
        let clock = self.post(
            "/v1/test_helpers/test_clocks",
            &[("frozen_time", &at.unix_timestamp().to_string())],
        );
        id(&clock)
    }

    /// Advances a test clock and waits until it is ready.
    #[track_caller]
    pub fn advance(&self, clock: &str, to: OffsetDateTime) {
        let path = format!("/v1/test_helpers/test_clocks/{clock}");
        let moving = self
            .post(&format!("{path}/advance"), &[("frozen_time", &to.unix_timestamp().to_string())]);
        assert_eq!(moving["status"], "advancing");
        let there = self.get(&path, &[]);
        assert_eq!(
            (&there["status"], &there["frozen_time"]),
            (&json!("ready"), &json!(to.unix_timestamp()))
        );
    }

    #[track_caller]
    pub fn product(&self, name: &str) -> String {
        id(&self.post("/v1/products", &[("name", name)]))
    }

    /// Creates a monthly price of a new product.
    #[track_caller]
    pub fn monthly(&self, name: &str, currency: &str, amount: &str) -> String {
        self.price(
            name,
            &[("currency", currency), ("unit_amount", amount), ("recurring[interval]", "month")],
        )
    }

    #[track_caller]
    pub fn price(&self, product: &str, form: Form<'_>) -> String {
        let product = self.product(product);
        let form = [&[("product", product.as_str())], form].concat();
        id(&self.post("/v1/prices", &form))
    }

    /// Creates a customer on a clock, with a default card if one is named.
    #[track_caller]
    pub fn customer(&self, clock: &str, card: Option<&str>, more: Form<'_>) -> String {
        let mut form = vec![("test_clock", clock)];
        if let Some(card) = card {
            form.extend([
                ("payment_method", card),
                ("invoice_settings[default_payment_method]", card),
            ]);
        }
        form.extend(more);
        id(&self.post("/v1/customers", &form))
    }

    #[track_caller]
    pub fn subscribe(&self, customer: &str, price: &str, more: Form<'_>) -> Value {
        let form = [&[("customer", customer), ("items[0][price]", price)], more].concat();
        self.post("/v1/subscriptions", &form)
    }

    #[track_caller]
    pub fn subscription(&self, id: &str) -> Value {
        self.get(&format!("/v1/subscriptions/{id}"), &[])
    }

    #[track_caller]
    pub fn invoice(&self, id: &str) -> Value {
        self.get(
            &format!("/v1/invoices/{id}"),
            &[("expand[]", "payments"), ("expand[]", "confirmation_secret")],
        )
    }

    /// Returns the subscription's invoices, newest first.
    #[track_caller]
    pub fn invoices(&self, subscription: &str) -> Vec<Value> {
        let list = self.get("/v1/invoices", &[("subscription", subscription), ("limit", "100")]);
        list["data"].as_array().unwrap().clone()
    }

    /// Returns the payment intent of an invoice.
    #[track_caller]
    pub fn intent(&self, invoice: &str) -> Value {
        let form = [("invoice", invoice), ("expand[]", "data.payment.payment_intent")];
        self.get("/v1/invoice_payments", &form)["data"][0]["payment"]["payment_intent"].clone()
    }
}

pub fn id(object: &Value) -> String {
    object["id"].as_str().expect("an object with an id").to_owned()
}

/// Returns the amounts of an invoice's lines.
pub fn amounts(invoice: &Value) -> Vec<i64> {
    invoice["lines"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["amount"].as_i64().unwrap())
        .collect()
}

pub fn stamp(at: OffsetDateTime) -> Value {
    at.unix_timestamp().into()
}

pub fn encode(form: Form<'_>) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'[' | b']' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect()
    };
    form.iter()
        .map(|(key, value)| format!("{}={}", escape(key), escape(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Sends one request on a new connection. `None` if the response is incomplete.
pub fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Reply> {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    let request = format!("{request}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    let response = String::from_utf8(response).unwrap();
    let (head, text) = response.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
    if length.is_some_and(|length| length != Ok(text.len())) {
        return None;
    }
    let json = serde_json::from_str(text).unwrap_or(Value::Null);
    Some(Reply { status, headers, text: text.to_owned(), json })
}
