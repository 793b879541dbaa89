//! The stand-ins that everything is measured in front of, and what each endpoint is asked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use devstack::functions::Function;
use devstack::lambda::Request;
use devstack::{
    About, Functions, Local, Options, Ports, Reach, Stack, StandIns, StripeChoice, http,
};
use serde_json::{Value, json};
use shared::Scope;
use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};
use crate::front::Front;
use crate::process::Running;
use crate::subject::{Kind, Subject, folder, function, root};

const LIMIT: Duration = Duration::from_mins(2);

/// The stand-ins. Dropping them ends them.
pub struct Stage {
    // Before the runtime, on which a part of it runs.
    stack: Stack,
    pub front: Front,
    runtime: Runtime,
    /// How often each endpoint was asked, by all programs: who asks for two things in turn has to
    /// know which one it was the last time.
    asked: RefCell<HashMap<&'static str, usize>>,
    /// The key of the account whose checkouts are being measured, and how many such accounts there are.
    buyer: RefCell<(usize, String)>,
    /// Gives the quotes that plan-change is held to.
    quoter: RefCell<Option<Running>>,
}

/// Stands for an account of this run's own.
const BUYER: &str = "buyer";

/// What an endpoint is asked.
struct Ask {
    account: &'static str,
    query: &'static str,
    /// In turn.
    bodies: &'static [&'static str],
}

/// What each endpoint is asked: what makes as many calls of Stripe as it can take.
fn ask(name: &str) -> Ask {
    let (account, query, bodies): (_, _, &[&str]) = match name {
        "dunning" => ("overdue", "", &[""]),
        // Another plan each time, so that there is always an open session to be ended first.
        "checkout-session" => (BUYER, "", &[r#"{"plan":"pro"}"#, r#"{"plan":"starter"}"#]),
        "portal-session" => ("metered", "", &["{}"]),
        // With more than ten lines, as with usage of every kind, Stripe has to be asked once more for them.
        "plan-change-preview" => ("client", "", &[r#"{"plan":"pro"}"#]),
        "plan-change" => ("agency", "", &[r#"{"plan":"pro"}"#, r#"{"plan":"agency"}"#]),
        "invoices" => ("metered", "limit=24", &[""]),
        _ => ("metered", "", &[""]),
    };
    Ask { account, query, bodies }
}

impl Stage {
    /// Starts them; two at the same time need two names. `sandbox` is another build of the sandbox than
    /// that beside this program.
    pub fn start(name: &str, sandbox: Option<PathBuf>, progress: fn(&str)) -> Result<Self> {
        let folder = folder();
        std::fs::create_dir_all(folder.join("log")).map_err(Error::system("target/bench"))?;
        let options = Options {
            local: Local::create(folder.join(name))?,
            ports: Ports::default(),
            stripe: StripeChoice::Sandbox,
            functions: Functions::Absent,
            reach: Reach::Machine,
            stand_ins: StandIns { sandbox, aws: Some(root().join("tools/bench/aws.py")) },
            progress,
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(Error::system("threads"))?;
        let stack = runtime.block_on(Box::pin(Stack::start(options)))?;
        let front = runtime.block_on(Front::start(&stack.about().aws_url))?;
        let (asked, buyer, quoter) = Default::default();
        Ok(Self { stack, front, runtime, asked, buyer, quoter })
    }

    /// Where everything is, and the keys.
    pub fn about(&self) -> &About {
        self.stack.about()
    }

    /// Gives a program what leads it here.
    pub fn lead(&self, command: &mut Command, subject: &Subject) {
        self.stack.lead(command, subject.function);
        command.env("AWS_ENDPOINT_URL", &self.front.url);
        if subject.kind == Kind::Peer {
            // AWS's SDK for JavaScript would otherwise look for a file that there need not be.
            command.env("AWS_SDK_LOAD_CONFIG", "0");
        }
    }

    /// A key of a seeded account.
    pub fn key(&self, account: &str, scope: Scope) -> Result<String> {
        let Some(account) = self.about().account(account) else {
            return Error::wrong(format!("no account is called {account}"));
        };
        let key = if scope == Scope::Read { &account.keys.read } else { &account.keys.admin };
        Ok(key.clone())
    }

    /// Before a process is measured: a customer has a few checkouts behind it, and not the hundreds of a
    /// whole run, which would be listed each time.
    pub fn begin(&self, function: &Function) -> Result<()> {
        if function.name != "checkout-session" {
            return Ok(());
        }
        let made = self.stripe("POST", "/v1/customers", "name=Buyer")?;
        let customer = made["id"].as_str().unwrap_or_default();
        let mut buyer = self.buyer.borrow_mut();
        let account = self.admit(&format!("buyer-{}", buyer.0), customer)?;
        *buyer = (buyer.0 + 1, account.keys.admin);
        Ok(())
    }

    /// The next event for an endpoint, as all its programs are asked.
    pub fn event(&self, function: &'static Function) -> Result<Value> {
        let turn = {
            let mut asked = self.asked.borrow_mut();
            let turn = asked.entry(function.name).or_default();
            *turn += 1;
            *turn - 1
        };
        let Ask { account, query, bodies } = ask(function.name);
        let key = match account {
            BUYER => self.buyer.borrow().1.clone(),
            _ => self.key(account, function.scope)?,
        };
        let body = bodies[turn % bodies.len()];
        if function.name == "plan-change" {
            let quoted = self.quoted(account, body)?;
            return Ok(event(function, &key, query, &quoted));
        }
        Ok(event(function, &key, query, body))
    }

    /// The same while AWS is late: what it takes to make the event is not.
    pub fn event_undelayed(&self, function: &'static Function, delay: Duration) -> Result<Value> {
        self.front.delay(Duration::ZERO);
        let event = self.event(function);
        self.front.take_calls();
        self.front.delay(delay);
        event
    }

    /// The body with a quote for it.
    fn quoted(&self, account: &str, body: &str) -> Result<String> {
        let preview = function("plan-change-preview");
        let mut quoter = self.quoter.borrow_mut();
        let running = match &mut *quoter {
            Some(running) => running,
            none => {
                none.insert(Running::start(self, &Subject { kind: Kind::Ours, function: preview })?)
            }
        };
        let key = self.key(account, preview.scope)?;
        let (_, answer) = running.invoke(&event(preview, &key, "", body))?;
        let mut fields: Value = serde_json::from_str(body).unwrap_or_default();
        fields["quote"] = answer.json()["quote"].take();
        Ok(fields.to_string())
    }

    /// Anything asked of the sandbox, with a key that may do everything; its answer.
    pub fn stripe(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let About { stripe_url, stripe_key, .. } = self.about();
        let bearer = format!("Bearer {stripe_key}");
        self.send(method, &format!("{stripe_url}{path}"), &[("authorization", &bearer)], body)
    }

    /// The same of moto.
    pub fn moto(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        self.send(method, &format!("{}{path}", self.about().aws_url), &[], body)
    }

    fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Value> {
        let answer = self.runtime.block_on(http::send(method, url, headers, body, LIMIT));
        match answer {
            Ok(answer) if answer.status < 300 => Ok(answer.json()),
            Ok(answer) => {
                Error::wrong(format!("{method} {url}: {} {}", answer.status, answer.body))
            }
            Err(reason) => Error::wrong(reason),
        }
    }

    /// Makes every answer of Stripe's late, or none any more.
    pub fn slow_stripe(&self, delay: Option<Duration>) -> Result<()> {
        self.stripe("DELETE", "/_sandbox/faults", "")?;
        let Some(delay) = delay else { return Ok(()) };
        let fault = json!({ "kind": "latency", "delay_ms": delay.as_millis(), "count": 1_000_000 });
        self.stripe("POST", "/_sandbox/faults", &fault.to_string()).map(drop)
    }

    /// The requests that Stripe got since the one with this id, and the id of the newest.
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

    /// One more account, of this Stripe customer, and a key of it.
    pub fn admit(&self, handle: &str, customer: &str) -> Result<devstack::Account> {
        Ok(self.runtime.block_on(self.stack.admit(handle, Some(customer)))?)
    }
}

/// One request with this key, as API Gateway would hand it on.
pub fn event(function: &Function, key: &str, query: &str, body: &str) -> Value {
    let bearer = format!("Bearer {key}");
    // What a browser or curl sends, more or less.
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
        ("accept", "*/*"),
        ("user-agent", "curl/8.5.0"),
        ("host", "api.example.com"),
    ];
    Request { function, query, headers: &headers, body, source: "192.0.2.1", id: "bench" }.event()
}
