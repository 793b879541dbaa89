//! One cell of the table: a function's request under a fault, its retry without the fault, and the effects of both.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use devstack::functions::FUNCTIONS;
use devstack::http::Response;
use serde_json::{Value, json};

use super::faults::{ALL, FAULTS, Fault, LATE, SHORT};
use super::proxy::{Proxy, Service};
use crate::body::without_times;
use crate::expected_error::{
    STRIPE_ERROR, STRIPE_UNAVAILABLE, TIMEOUT, UNAVAILABLE, assert_error, assert_error_with,
};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::idempotency::{charges_what_it_says, once};
use crate::payer::{CHANGE, JSON, Ledger, Payer, Start};
use crate::stripe::text;

/// Row of the document.
pub(super) struct Row {
    pub(super) endpoint: &'static str,
    pub(super) fault: &'static Fault,
    pub(super) response: String,
    pub(super) retry_after: String,
    pub(super) stripe_attempts: String,
    pub(super) dynamo_attempts: String,
    pub(super) effects: String,
    pub(super) retry: String,
}

/// Responses and effects of the endpoints without a fault.
pub(super) struct Undisturbed {
    bodies: BTreeMap<&'static str, String>,
    effects: BTreeMap<&'static str, Vec<String>>,
}

impl Undisturbed {
    pub(super) fn of(harness: &Harness, prices: &[String]) -> Self {
        let (mut bodies, mut effects) = (BTreeMap::new(), BTreeMap::new());
        for (index, name) in ALL.iter().enumerate() {
            let mut cell = Cell::prepare(harness, &FAULTS[0], name, (prices, 9_000 + index));
            cell.send();
            let First { response, .. } = cell.first();
            assert!(response.status < 300, "{name}: {}", response.body);
            bodies.insert(*name, response.body);
            effects.insert(*name, cell.proxy.effects());
        }
        Self { bodies, effects }
    }
}

/// Function under a fault.
pub(super) struct Cell<'a> {
    harness: &'a Harness,
    endpoint: &'static str,
    fault: &'static Fault,
    proxy: Proxy,
    function: FunctionProcess<'a>,
    key: String,
    /// Account whose plan is changed, and its state before.
    payer: Option<(Payer, Ledger)>,
    is_repaired: bool,
    sent_at: Instant,
}

impl<'a> Cell<'a> {
    pub(super) fn prepare(
        harness: &'a Harness,
        fault: &'static Fault,
        endpoint: &'static str,
        (prices, number): (&[String], usize),
    ) -> Self {
        let handle = format!("outage-{number}");
        let (payer, key) = match endpoint {
            "plan-change" => {
                let start = Start { age: 0, ..Start::on("pro") };
                let payer = harness.payer_as(prices, start, |customer| {
                    harness.quick_admin_of(&handle, Some(customer))
                });
                if fault.by_debit {
                    harness.card(&payer.customer, "pm_usBankAccount");
                }
                let (before, key) = (payer.ledger(harness), payer.account.key.clone());
                (Some((payer, before)), key)
            }
            "plan-change-cancel" => {
                let start = Start { age: 0, ..Start::on("pro") };
                let payer = harness.payer_as(prices, start, |customer| {
                    harness.quick_admin_of(&handle, Some(customer))
                });
                let later = json!({ "plan": "starter", "effective": "period_end" });
                let scheduled = harness.post(CHANGE, &payer.account.key, &later);
                assert_eq!(scheduled.status, 200, "{}", scheduled.body);
                (None, payer.account.key)
            }
            "checkout-session" | "portal-session" => {
                (None, harness.quick_admin_of(&handle, None).key)
            }
            "invoices" | "dunning" | "invoice" => {
                (None, harness.account("overdue").keys.read.clone())
            }
            "plan-change-preview" => (None, harness.account("metered").keys.admin.clone()),
            _ => (None, harness.account("metered").keys.read.clone()),
        };
        let proxy = Proxy::start(harness, fault.rule, fault.is_refused);
        let env = [("STRIPE_API_BASE", &*proxy.stripe_url), ("AWS_ENDPOINT_URL", &*proxy.aws_url)];
        let mut function = FunctionProcess::start(harness, endpoint, &env);
        if endpoint == "invoice" {
            function.path = format!("/v1/billing/invoices/{}", overdue_invoice(harness));
        }
        Self {
            harness,
            endpoint,
            fault,
            proxy,
            function,
            key,
            payer,
            is_repaired: false,
            sent_at: Instant::now(),
        }
    }

    /// Sends the request to the function.
    pub(super) fn send(&mut self) {
        if !self.is_repaired {
            self.sent_at = Instant::now();
        }
        let bearer = format!("Bearer {}", self.key);
        let (time, behind) =
            if self.is_repaired { (PATIENT, 0) } else { (self.fault.time, self.fault.behind) };
        self.function.lambda_is_behind = behind;
        let table = FUNCTIONS.iter().find(|function| function.name == self.endpoint);
        let mut headers = vec![("authorization", bearer.as_str())];
        let body = table.and_then(|function| function.sample).unwrap_or_default();
        if !body.is_empty() {
            headers.push(JSON);
        }
        if table.is_some_and(|one| one.method != "GET" && one.name != "plan-change-preview") {
            headers.push(("idempotency-key", "outage"));
        }
        self.function.send_with_body(time, &headers, body);
    }

    /// Returns the response to the first request and its effects, and ends the fault.
    #[track_caller]
    pub(super) fn first(&mut self) -> First {
        let response = self.function.response();
        let attempts = |service| match self.proxy.attempts(service) {
            0 => String::new(),
            count => count.to_string(),
        };
        let stripe_attempts =
            if self.fault.is_refused { "3".to_owned() } else { attempts(Service::Stripe) };
        let first = First {
            stripe_attempts,
            dynamo_attempts: self
                .fault
                .varying_dynamo_attempts()
                .map_or_else(|| attempts(Service::DynamoDb), str::to_owned),
            effects: self.proxy.effects(),
            ledger: self.payer.as_ref().map(|(payer, _)| payer.ledger(self.harness)),
            response,
        };
        self.proxy.repair(self.harness);
        self.is_repaired = true;
        first
    }

    /// Returns the response to the retry. Retries until the first attempt no longer blocks it.
    #[track_caller]
    pub(super) fn second(&mut self) -> Response {
        let started = Instant::now();
        loop {
            let response = self.function.response();
            let error = response.json()["error"].clone();
            // The first attempt's lease has not expired, or Stripe still processes its request.
            let is_early = (response.status == 409
                && (error == "idempotency_in_progress" || error == "change_in_progress"))
                || (response.status == 503 && error == "stripe_unavailable");
            if !is_early || started.elapsed() > Duration::from_secs(35) {
                return response;
            }
            sleep(Duration::from_millis(100));
            self.send();
        }
    }

    /// Checks what must hold in every cell, and returns the document's row.
    #[track_caller]
    pub(super) fn row(&self, first: First, second: &Response, undisturbed: &Undisturbed) -> Row {
        let name = self.name();
        let First { response, effects, .. } = &first;
        let body = &undisturbed.bodies[self.endpoint];
        let wanted = &undisturbed.effects[self.endpoint];
        let is_writing = !wanted.is_empty();
        if response.status < 300 {
            // A success has all its effects.
            assert_eq!(effects, wanted, "{name}");
        } else {
            check_error(response, &name);
        }
        assert!(second.status < 300, "{name}: {}", second.body);
        for response in [response, second].into_iter().filter(|response| response.status < 300) {
            assert_eq!(gist(response, is_writing), gist_of(body, is_writing), "{name}");
        }
        for response in [response, second] {
            if self.payer.is_some() && response.status < 300 {
                charges_what_it_says(self.harness, response);
            }
        }
        if response.status < 300 && is_writing && self.fault.stores_response() {
            assert_eq!(
                (&response.body, second.header("idempotent-replayed")),
                (&second.body, "true"),
                "{name}"
            );
        }
        // In the end every effect has happened once.
        let all = self.settled();
        let happens_once = |effect: &&String| **effect != "portal link";
        assert_eq!(
            all.iter().filter(happens_once).collect::<Vec<_>>(),
            wanted.iter().filter(happens_once).collect::<Vec<_>>(),
            "{name}"
        );
        assert!(all.len() >= wanted.len(), "{name}");
        if let Some((payer, before)) = &self.payer {
            let is_changed = effects.iter().any(|effect| effect == "change");
            assert_eq!(first.ledger.as_ref() != Some(before), is_changed, "{name}");
            if self.fault.by_debit {
                let after = payer.ledger(self.harness);
                let counts = (after.invoices.len(), after.open());
                assert_eq!(counts, (before.invoices.len() + 1, 1), "{name}: {after:?}");
            } else {
                once(self.harness, payer, before);
            }
        }
        Row {
            endpoint: self.endpoint,
            fault: self.fault,
            response: match response.json()["error"].as_str() {
                Some(error) => format!("{} `{error}`", response.status),
                None => response.status.to_string(),
            },
            retry_after: response.header("retry-after").to_owned(),
            effects: if is_writing && effects.is_empty() {
                "nothing".to_owned()
            } else {
                effects.join(", ")
            },
            retry: match second.header("idempotent-replayed") {
                "true" => format!("{}, replayed", second.status),
                _ => second.status.to_string(),
            },
            stripe_attempts: first.stripe_attempts,
            dynamo_attempts: first.dynamo_attempts,
        }
    }

    /// Returns the effects after requests in progress have arrived.
    fn settled(&self) -> Vec<String> {
        if self.fault.time == SHORT {
            let arrival = LATE + Duration::from_millis(500);
            sleep(arrival.saturating_sub(self.sent_at.elapsed()));
        }
        self.proxy.effects()
    }

    fn name(&self) -> String {
        format!("{}, {}: {}", self.endpoint, self.fault.group, self.fault.name)
    }
}

/// Returns the ID of the invoice that is overdue.
pub(super) fn overdue_invoice(harness: &Harness) -> String {
    let customer = harness.account("overdue").customer.as_deref().expect("a customer");
    let open = harness.stripe(&format!("/invoices?status=open&customer={customer}"));
    text(&open["data"][0], "id")
}

/// Outcome of the first request.
pub(super) struct First {
    pub(super) response: Response,
    stripe_attempts: String,
    dynamo_attempts: String,
    effects: Vec<String>,
    /// State of the payer after it.
    ledger: Option<Ledger>,
}

/// Asserts that the whole response is one of the contract's errors.
#[track_caller]
fn check_error(response: &Response, name: &str) {
    let seconds = response.header("retry-after");
    let known = [STRIPE_ERROR, STRIPE_UNAVAILABLE, UNAVAILABLE, TIMEOUT];
    let error = response.json()["error"].clone();
    if error == "rate_limited" {
        let message = format!("There are too many requests. Retry in {seconds} s.");
        return assert_error_with(response, 429, "rate_limited", &message, &Value::Null);
    }
    let expected = known.into_iter().find(|(_, known, _)| error == *known);
    assert_error(response, expected.unwrap_or_else(|| panic!("{name}: {}", response.body)));
    assert_eq!(seconds, if response.status == 503 { "2" } else { "" }, "{name}");
}

fn gist(response: &Response, is_writing: bool) -> Value {
    gist_of(&response.body, is_writing)
}

/// Returns a body without the values that differ between accounts and times.
fn gist_of(body: &str, is_writing: bool) -> Value {
    let mut body = without_times(&serde_json::from_str(body).expect("JSON"));
    let fields = body.as_object_mut().expect("an object");
    fields.retain(|name, _| name != "quote");
    if is_writing {
        let varying =
            ["url", "id", "expiresAt", "effectiveAt", "currentPeriodEnd", "invoice", "canceled"];
        for name in varying {
            fields.entry(name).and_modify(|value| *value = Value::from(!value.is_null()));
        }
    }
    body
}
