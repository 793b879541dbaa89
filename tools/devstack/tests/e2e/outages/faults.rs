//! The faults, one row each.

use std::time::Duration;

use super::proxy::{Fate, Rule, Service, ServiceRequest, pass};
use crate::clock::{HOUR, now};
use crate::function_process::PATIENT;

/// Fault, and the endpoints that it affects.
pub(super) struct Fault {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    /// Whether connections to Stripe are refused.
    pub(super) is_refused: bool,
    /// Time until the first request's deadline.
    pub(super) time: Duration,
    /// Seconds by which Lambda's clock is behind the function's.
    pub(super) behind: i64,
    pub(super) concerns: &'static [&'static str],
    /// Whether the change is paid by bank debit, which is processing for days.
    pub(super) by_debit: bool,
}

impl Fault {
    /// Returns the attempts at the table if they depend on the machine's load: the key's last use is recorded in a
    /// background task, and with little time the first read may not have started.
    pub(super) fn varying_dynamo_attempts(&self) -> Option<&'static str> {
        let is_short = self.time < Duration::from_millis(300);
        let fails_updates = self.time == TWO_UPDATES;
        fails_updates.then_some("up to 3").or(is_short.then_some("up to 1"))
    }

    /// Returns whether the table can store a response for replay.
    pub(super) fn stores_response(&self) -> bool {
        self.name != REJECTS_LATER_UPDATES
    }
}

const REJECTS_LATER_UPDATES: &str = "rejects updates after Stripe has applied the change";

const GETS: [&str; 6] = ["summary", "info", "invoices", "dunning", "usage", "invoice"];

pub(super) const ALL: &[&str] = &[
    GETS[0],
    GETS[1],
    GETS[2],
    GETS[3],
    GETS[4],
    GETS[5],
    "checkout-session",
    "portal-session",
    "plan-change-preview",
    "plan-change",
    "plan-change-cancel",
];

/// Endpoints that write to Stripe.
const WRITING: &[&str] =
    &["checkout-session", "portal-session", "plan-change", "plan-change-cancel"];

/// Endpoints that hold the customer's journal.
const JOURNALED: &[&str] = &["plan-change", "plan-change-cancel"];

const CHANGING: &[&str] = &["plan-change"];

/// Endpoints that create a customer for an account without one.
const CREATING: &[&str] = &["checkout-session", "portal-session"];

/// Delay beyond the deadline `SHORT`.
pub(super) const LATE: Duration = Duration::from_secs(9);
pub(super) const SHORT: Duration = Duration::from_secs(8);

/// Time for two failed updates of the table. The lease on the key also lasts this long, because releasing it fails.
const TWO_UPDATES: Duration = Duration::from_secs(20);

const TOO_MANY: &str =
    r#"{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Too many."}}"#;
const BROKEN: &str = r#"{"error":{"type":"api_error","message":"Sorry! On our end."}}"#;
const REFUSED: &str =
    r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: rk_***"}}"#;
const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded."}"#;
const SKEWED: &str = r#"{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired"}"#;
const AWS_BROKEN: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal"}"#;

const HTML: &str = "content-type: text/html\r\n";
const AMZ: &str = "content-type: application/x-amz-json-1.0\r\n";

/// Defines a rule: a condition of the request and the previous requests, and the fate of matching requests.
macro_rules! rule {
    ($request:ident, $before:ident: $when:expr => $fate:expr) => {{
        #[allow(unused_variables, reason = "not every rule uses the previous requests")]
        fn rule($request: &ServiceRequest, $before: &[ServiceRequest]) -> Fate {
            if $when { $fate } else { Fate::Pass }
        }
        rule
    }};
}

macro_rules! on_stripe {
    ($fate:expr) => {
        rule!(request, before: request.service == Service::Stripe => $fate)
    };
}

macro_rules! on_the_change {
    ($fate:expr) => {
        rule!(request, before: request.changes() && !is_customer(request) => $fate)
    };
}

macro_rules! on_the_customer {
    ($fate:expr) => {
        rule!(request, before: request.changes() && is_customer(request) => $fate)
    };
}

/// The response to a write of the table is lost. `$text` is a part of the write.
macro_rules! lost_write {
    ($text:literal) => {
        rule!(request, before: is_write(request) && request.call.contains($text) => Fate::Respond(500, AMZ, AWS_BROKEN, true))
    };
}

macro_rules! on_the_table {
    ($fate:expr) => {
        rule!(request, before: request.service == Service::DynamoDb => $fate)
    };
}

fn is_customer(request: &ServiceRequest) -> bool {
    request.operation == "POST /v1/customers"
}

fn is_update(request: &ServiceRequest) -> bool {
    request.service == Service::DynamoDb && request.operation == "UpdateItem"
}

fn is_write(request: &ServiceRequest) -> bool {
    is_update(request) || (request.service == Service::DynamoDb && request.operation == "PutItem")
}

/// Returns whether the function has started: it reads its secrets first.
fn is_started(before: &[ServiceRequest]) -> bool {
    before.iter().any(|request| request.service != Service::Secrets)
}

/// Returns whether a secret was read after the start.
fn is_read_again(before: &[ServiceRequest]) -> bool {
    let is_secret = |request: &&ServiceRequest| request.service == Service::Secrets;
    before.iter().skip_while(is_secret).any(|request| is_secret(&request))
}

const fn fault(group: &'static str, name: &'static str, rule: Rule) -> Fault {
    Fault {
        group,
        name,
        rule,
        is_refused: false,
        time: PATIENT,
        behind: 0,
        concerns: ALL,
        by_debit: false,
    }
}

const fn stripe(name: &'static str, rule: Rule) -> Fault {
    fault("Stripe, every call", name, rule)
}

const fn write(name: &'static str, rule: Rule) -> Fault {
    let fault = fault("Stripe, the call that writes", name, rule);
    Fault { concerns: WRITING, ..fault }
}

const fn customer(name: &'static str, rule: Rule) -> Fault {
    let fault = fault("Stripe, the call that makes the customer", name, rule);
    Fault { concerns: CREATING, ..fault }
}

const fn secrets(name: &'static str, rule: Rule) -> Fault {
    fault("Secrets Manager", name, rule)
}

const fn dynamo(name: &'static str, rule: Rule) -> Fault {
    fault("DynamoDB", name, rule)
}

/// A write of the table by some endpoints.
const fn written(concerns: &'static [&'static str], name: &'static str, rule: Rule) -> Fault {
    Fault { concerns, time: TWO_UPDATES, ..dynamo(name, rule) }
}

const fn time(name: &'static str, rule: Rule) -> Fault {
    fault("Time", name, rule)
}

/// Faults in the order of the document.
pub(super) const FAULTS: &[Fault] = &[
    fault("None", "no fault", pass),
    Fault { is_refused: true, ..stripe("down: connections are refused", pass) },
    stripe("connections end without a response", on_stripe!(Fate::HangUp)),
    Fault {
        time: SHORT,
        ..stripe("slow: later than the deadline", on_stripe!(Fate::Late(LATE, true)))
    },
    stripe("429", on_stripe!(Fate::Respond(429, "", TOO_MANY, false))),
    stripe(
        "429 with `Retry-After: 60`",
        on_stripe!(Fate::Respond(429, "retry-after: 60\r\n", TOO_MANY, false)),
    ),
    stripe("500 before the work", on_stripe!(Fate::Respond(500, "", BROKEN, false))),
    stripe("500 after the work", on_stripe!(Fate::Respond(500, "", BROKEN, true))),
    stripe("503 in HTML", on_stripe!(Fate::Respond(503, HTML, "<html>Sorry</html>", false))),
    stripe("cut in the middle of the response", on_stripe!(Fate::Cut)),
    stripe("200 without JSON", on_stripe!(Fate::Respond(200, HTML, "<html>Hello</html>", true))),
    stripe("200 with unexpected JSON", on_stripe!(Fate::Respond(200, "", "[{}]", true))),
    stripe("responses without `id`", on_stripe!(Fate::Without("id"))),
    write("429", on_the_change!(Fate::Respond(429, "", TOO_MANY, false))),
    write("500 before the work", on_the_change!(Fate::Respond(500, "", BROKEN, false))),
    write("500 before the work, replayed to the same key", on_the_change!(Fate::Remembered)),
    write("500 after the work", on_the_change!(Fate::Respond(500, "", BROKEN, true))),
    write("ends without a response", on_the_change!(Fate::HangUp)),
    write("cut in the middle of the response", on_the_change!(Fate::Cut)),
    write("200 without JSON", on_the_change!(Fate::Respond(200, HTML, "<html>Hello</html>", true))),
    write("200 with unexpected JSON", on_the_change!(Fate::Respond(200, "", "[{}]", true))),
    write("the response without `id`", on_the_change!(Fate::Without("id"))),
    Fault {
        time: SHORT,
        ..write("slow: done, response after the deadline", on_the_change!(Fate::Late(LATE, true)))
    },
    Fault {
        time: SHORT,
        ..write("slow: done after the deadline", on_the_change!(Fate::Late(LATE, false)))
    },
    Fault { by_debit: true, concerns: CHANGING, ..write("the payment is processing", pass) },
    Fault {
        by_debit: true,
        concerns: CHANGING,
        ..write("the payment is processing, and the response is lost", on_the_change!(Fate::Cut))
    },
    customer("429", on_the_customer!(Fate::Respond(429, "", TOO_MANY, false))),
    customer("500 before the work, replayed to the same key", on_the_customer!(Fate::Remembered)),
    customer("500 after the work", on_the_customer!(Fate::Respond(500, "", BROKEN, true))),
    customer("cut in the middle of the response", on_the_customer!(Fate::Cut)),
    customer("200 without JSON", on_the_customer!(Fate::Respond(200, HTML, "<html></html>", true))),
    Fault {
        time: SHORT,
        ..customer("slow: done after the deadline", on_the_customer!(Fate::Late(LATE, false)))
    },
    secrets(
        "down when the function starts",
        rule!(request, before: request.service == Service::Secrets => Fate::HangUp),
    ),
    secrets(
        "down later",
        rule!(request, before: request.service == Service::Secrets && is_started(before) => Fate::HangUp),
    ),
    secrets(
        "Stripe's key was rotated",
        rule!(request, before: request.service == Service::Stripe && !is_read_again(before) => Fate::Respond(401, "", REFUSED, false)),
    ),
    secrets(
        "Stripe's key was revoked, and the secret still holds it",
        on_stripe!(Fate::Respond(401, "", REFUSED, false)),
    ),
    secrets(
        "Stripe's key was rotated, and Secrets Manager is down",
        rule!(request, before: is_started(before) && request.service != Service::DynamoDb => match request.service {
            Service::Stripe => Fate::Respond(401, "", REFUSED, false),
            _ => Fate::HangUp,
        }),
    ),
    dynamo("down: connections end without a response", on_the_table!(Fate::HangUp)),
    Fault {
        time: Duration::from_millis(1_800),
        ..dynamo("slow: later than the deadline", on_the_table!(Fate::Late(LATE, true)))
    },
    dynamo("throttled", on_the_table!(Fate::Respond(400, AMZ, THROTTLED, false))),
    dynamo("500", on_the_table!(Fate::Respond(500, AMZ, AWS_BROKEN, false))),
    dynamo("200 without JSON", on_the_table!(Fate::Respond(200, AMZ, "<html></html>", true))),
    dynamo(
        "rejects writes",
        rule!(request, before: is_write(request) => Fate::Respond(400, AMZ, THROTTLED, false)),
    ),
    Fault {
        time: TWO_UPDATES,
        ..dynamo(
            "rejects updates, so that neither progress nor response can be stored",
            rule!(request, before: is_update(request) => Fate::Respond(400, AMZ, THROTTLED, false)),
        )
    },
    Fault {
        time: TWO_UPDATES,
        ..dynamo(
            "updates succeed, but their responses are lost",
            rule!(request, before: is_update(request) => Fate::Respond(500, AMZ, AWS_BROKEN, true)),
        )
    },
    Fault {
        time: TWO_UPDATES,
        ..dynamo(
            REJECTS_LATER_UPDATES,
            rule!(request, before: is_update(request) && before.iter().any(|one| one.changes() && !is_customer(one)) => Fate::Respond(400, AMZ, THROTTLED, false)),
        )
    },
    written(
        WRITING,
        "the response to claiming the idempotency key is lost",
        lost_write!("keptUntil <="),
    ),
    written(JOURNALED, "the response to acquiring the journal is lost", lost_write!("ADD fence")),
    written(
        JOURNALED,
        "the response to writing the journal is lost",
        lost_write!("SET entry = :entry\""),
    ),
    written(WRITING, "the response to storing the response is lost", lost_write!("SET answer")),
    written(JOURNALED, "the response to releasing the journal is lost", lost_write!("lease\"")),
    time(
        "our clock is an hour behind AWS's",
        rule!(request, before: request.signed.is_some_and(|signed| signed < now() + HOUR - 300) => Fate::Respond(400, AMZ, SKEWED, false)),
    ),
    Fault { behind: HOUR, ..time("our clock is an hour ahead of Lambda's", pass) },
    Fault { behind: -HOUR, ..time("our clock is an hour behind Lambda's", pass) },
    Fault { time: Duration::from_millis(250), ..time("less than 0.3 s until the deadline", pass) },
];
