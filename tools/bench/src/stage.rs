//! The sandbox and emulator that the measured programs use, and each endpoint's requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use aws_emulator::DynamoDb;
use devstack::functions::Function;
use devstack::lambda::Request;
use devstack::{About, Functions, Local, Options, Stack, http};
use serde_json::{Value, json};
use shared::Scope;
use tokio::runtime::{Builder, Runtime};

use crate::aws_proxy::AwsProxy;
use crate::error::{Error, Result};
use crate::process::Running;
use crate::subject::{Kind, Subject, folder, function};

const LIMIT: Duration = Duration::from_mins(2);

/// Stack without functions. Dropping this stops it.
pub struct Stage {
    // Dropped before the runtime, which it uses.
    stack: Stack,
    pub aws: AwsProxy,
    runtime: Runtime,
    /// Number of requests to each endpoint from all programs, which selects the next request's body.
    requests: RefCell<HashMap<&'static str, usize>>,
    /// Number of accounts created for checkouts, and the current one's key.
    buyer: RefCell<(usize, String)>,
    /// Functions that prepare the requests of others, by name: plan-change-preview provides quotes for plan-change, which
    /// provides the changes that plan-change-cancel drops.
    helpers: RefCell<HashMap<&'static str, Running>>,
}

/// Placeholder for an account that the bench creates.
const BUYER: &str = "buyer";

/// Request of an endpoint.
struct Template {
    account: &'static str,
    query: &'static str,
    /// Bodies, used in turn.
    bodies: &'static [&'static str],
}

/// Returns an endpoint's request, which makes as many calls of Stripe as the endpoint can make.
fn template(name: &str) -> Template {
    let (account, query, bodies): (_, _, &[&str]) = match name {
        "dunning" => ("overdue", "", &[""]),
        // Two plans in turn, so that there is always an open session to expire.
        "checkout-session" => (BUYER, "", &[r#"{"plan":"pro"}"#, r#"{"plan":"starter"}"#]),
        "portal-session" => ("metered", "", &["{}"]),
        // An account without usage: more than ten lines would take another call.
        "plan-change-preview" => ("client", "", &[r#"{"plan":"pro"}"#]),
        "plan-change-cancel" => ("client", "", &[""]),
        "plan-change" => ("agency", "", &[r#"{"plan":"pro"}"#, r#"{"plan":"agency"}"#]),
        "invoices" => ("metered", "limit=24", &[""]),
        _ => ("metered", "", &[""]),
    };
    Template { account, query, bodies }
}

impl Stage {
    /// Starts the stack in a folder with this name. `sandbox` replaces the sandbox in this program's folder.
    pub fn start(name: &str, sandbox: Option<PathBuf>, progress: fn(&str)) -> Result<Self> {
        let folder = folder();
        std::fs::create_dir_all(folder.join("log")).map_err(Error::system("target/bench"))?;
        let options = Options {
            functions: Functions::Absent,
            sandbox,
            progress,
            ..Options::prebuilt(Local::create(folder.join(name))?)
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Error::system("threads"))?;
        let stack = runtime.block_on(Box::pin(Stack::start(options)))?;
        let aws = runtime.block_on(AwsProxy::start(&stack.about().aws_url))?;
        let (requests, buyer, helpers) = Default::default();
        Ok(Self { stack, aws, runtime, requests, buyer, helpers })
    }

    /// Returns the stack's addresses, accounts and keys.
    pub fn about(&self) -> &About {
        self.stack.about()
    }

    /// Sets the environment of a measured program.
    pub fn configure(&self, command: &mut Command, subject: &Subject) {
        self.about().configure(command, subject.function);
        command.env("AWS_ENDPOINT_URL", &self.aws.url);
    }

    /// Returns a key of a seeded account.
    pub fn key(&self, account: &str, scope: Scope) -> Result<String> {
        let Some(account) = self.about().account(account) else {
            return Error::wrong(format!("there is no account {account}"));
        };
        let key = if scope == Scope::Read { &account.keys.read } else { &account.keys.admin };
        Ok(key.clone())
    }

    /// Prepares the measurement of a process. A checkout lists the customer's sessions, so each process gets a new
    /// customer.
    pub fn begin(&self, function: &Function) -> Result<()> {
        if function.name != "checkout-session" {
            return Ok(());
        }
        let customer = self.stripe("POST", "/v1/customers", "name=Buyer")?;
        let customer = customer["id"].as_str().unwrap_or_default();
        let mut buyer = self.buyer.borrow_mut();
        let account = self.create_account(&format!("buyer-{}", buyer.0), customer)?;
        *buyer = (buyer.0 + 1, account.keys.admin);
        Ok(())
    }

    /// Returns the next event for an endpoint, whichever program serves it.
    pub fn event(&self, function: &'static Function) -> Result<Value> {
        let turn = {
            let mut requests = self.requests.borrow_mut();
            let turn = requests.entry(function.name).or_default();
            *turn += 1;
            *turn - 1
        };
        let Template { account, query, bodies } = template(function.name);
        let key = match account {
            BUYER => self.buyer.borrow().1.clone(),
            _ => self.key(account, function.scope)?,
        };
        let body = bodies[turn % bodies.len()];
        match function.name {
            "plan-change" => {
                let body = self.with_quote(account, body)?;
                Ok(event(function, &key, query, &body))
            }
            "plan-change-cancel" => {
                let later = r#"{"plan":"hobby","effective":"period_end"}"#;
                self.ask("plan-change", account, later)?;
                Ok(event(function, &key, query, body))
            }
            "invoice" => {
                let path = function.path.replace("{id}", &self.invoice_of(account)?);
                Ok(event_at(function, &path, &key, query, body))
            }
            _ => Ok(event(function, &key, query, body)),
        }
    }

    /// Returns the next event while AWS is delayed, without the delay for the calls that create the event.
    pub fn event_undelayed(&self, function: &'static Function, delay: Duration) -> Result<Value> {
        self.aws.set_delay(Duration::ZERO);
        let event = self.event(function);
        self.aws.take_calls();
        self.aws.set_delay(delay);
        event
    }

    /// Adds a quote to the body of a plan change.
    fn with_quote(&self, account: &str, body: &str) -> Result<String> {
        let mut fields: Value = serde_json::from_str(body).unwrap_or_default();
        fields["quote"] = self.ask("plan-change-preview", account, body)?["quote"].take();
        Ok(fields.to_string())
    }

    /// Returns what a function responds that prepares a request.
    fn ask(&self, name: &'static str, account: &str, body: &str) -> Result<Value> {
        let function = function(name);
        let mut helpers = self.helpers.borrow_mut();
        let running = match helpers.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                new.insert(Running::start(self, &Subject { kind: Kind::Ours, function })?)
            }
        };
        let key = self.key(account, function.scope)?;
        Ok(running.invoke(&event(function, &key, "", body))?.1.json())
    }

    /// Returns the ID of an account's newest invoice.
    fn invoice_of(&self, account: &str) -> Result<String> {
        let customer = self.about().account(account).and_then(|account| account.customer.clone());
        let path = format!("/v1/invoices?limit=1&customer={}", customer.unwrap_or_default());
        let found = self.stripe("GET", &path, "")?;
        let id = found["data"][0]["id"].as_str().map(str::to_owned);
        id.map_or_else(|| Error::wrong(format!("{account} has no invoice")), Ok)
    }

    /// Calls the sandbox with the secret key and returns the response's body.
    pub fn stripe(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let About { stripe_url, stripe_key, .. } = self.about();
        let bearer = format!("Bearer {stripe_key}");
        self.send(method, &format!("{stripe_url}{path}"), &[("authorization", &bearer)], body)
    }

    /// Returns DynamoDB's tables.
    pub fn dynamodb(&self) -> &DynamoDb {
        self.stack.dynamodb()
    }

    fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Value> {
        let response = self.runtime.block_on(http::send(method, url, headers, body, LIMIT));
        match response {
            Ok(response) if response.status < 300 => Ok(response.json()),
            Ok(response) => {
                Error::wrong(format!("{method} {url}: {} {}", response.status, response.body))
            }
            Err(reason) => Error::wrong(reason),
        }
    }

    /// Delays every response of Stripe, or none.
    pub fn delay_stripe(&self, delay: Option<Duration>) -> Result<()> {
        self.stripe("DELETE", "/_sandbox/faults", "")?;
        let Some(delay) = delay else { return Ok(()) };
        let fault = json!({ "kind": "latency", "delay_ms": delay.as_millis(), "count": 1_000_000 });
        self.stripe("POST", "/_sandbox/faults", &fault.to_string()).map(drop)
    }

    /// Returns the requests to Stripe after the one with this ID, and the newest one's ID.
    pub fn stripe_calls(&self, since: &str) -> Result<(Vec<String>, String)> {
        let log = self.stripe("GET", "/_sandbox/requests", "")?;
        let requests = log["requests"].as_array().cloned().unwrap_or_default();
        let id = |request: &Value| request["request_id"].as_str().unwrap_or_default().to_owned();
        let newest = requests.first().map(id).unwrap_or_default();
        let new = requests.iter().take_while(|request| id(request) != since);
        let text =
            |request: &Value, name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let calls =
            new.map(|request| format!("{} {}", text(request, "method"), text(request, "path")));
        Ok((calls.filter(|call| call.contains(" /v1/")).collect(), newest))
    }

    /// Creates an account with this Stripe customer.
    pub fn create_account(&self, handle: &str, customer: &str) -> Result<devstack::Account> {
        Ok(self.runtime.block_on(self.stack.create_account(handle, Some(customer)))?)
    }
}

/// Returns API Gateway's event for a request.
pub fn event(function: &Function, key: &str, query: &str, body: &str) -> Value {
    event_at(function, &function.example_path(), key, query, body)
}

fn event_at(function: &Function, path: &str, key: &str, query: &str, body: &str) -> Value {
    let bearer = format!("Bearer {key}");
    // The headers of curl or a browser.
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("user-agent", "curl/8.5.0"),
        ("host", "api.example.com"),
    ];
    Request { function, path, query, headers: &headers, body, source: "192.0.2.1", id: "bench" }
        .event()
}
