//! The faults, one row each.

use std::time::Duration;

use super::proxy::{Asked, Fate, Rule, Service, pass};
use crate::lone::PATIENT;
use crate::when::{HOUR, now};

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
}

impl Fault {
    /// Returns the attempts at the table if they depend on the machine's load: the key's last use is recorded in a
    /// background task, and with little time the first read may not have started.
    pub(super) fn vague_tries_at_the_table(&self) -> Option<&'static str> {
        let is_over_at_once = self.time < Duration::from_millis(300);
        let is_noted = self.time == NOTED;
        is_noted.then_some("up to 3").or(is_over_at_once.then_some("up to 1"))
    }

    /// Returns whether the table can store a response for replay.
    pub(super) fn keeps_answers(&self) -> bool {
        self.name != NOT_KEPT
    }
}

const NOT_KEPT: &str = "rejects updates after Stripe has applied the change";

const GETS: [&str; 4] = ["summary", "info", "invoices", "dunning"];

pub(super) const ALL: &[&str] = &[
    GETS[0],
    GETS[1],
    GETS[2],
    GETS[3],
    "checkout-session",
    "portal-session",
    "plan-change-preview",
    "plan-change",
];

/// Endpoints that write to Stripe.
const WRITING: &[&str] = &["checkout-session", "portal-session", "plan-change"];

/// Endpoints that create a customer for an account without one.
const MAKING: &[&str] = &["checkout-session", "portal-session"];

/// Delay beyond the deadline `SHORT`.
pub(super) const LATE: Duration = Duration::from_secs(9);
pub(super) const SHORT: Duration = Duration::from_secs(8);

/// Time for two failed updates of the table. The lease on the key also lasts this long, because releasing it fails.
const NOTED: Duration = Duration::from_secs(20);

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
    ($asked:ident, $before:ident: $when:expr => $fate:expr) => {{
        #[allow(unused_variables, reason = "not every rule uses the previous requests")]
        fn rule($asked: &Asked, $before: &[Asked]) -> Fate {
            if $when { $fate } else { Fate::Pass }
        }
        rule
    }};
}

macro_rules! at_stripe {
    ($fate:expr) => {
        rule!(asked, before: asked.service == Service::Stripe => $fate)
    };
}

macro_rules! at_the_write {
    ($fate:expr) => {
        rule!(asked, before: asked.changes() && !is_customer(asked) => $fate)
    };
}

macro_rules! at_the_customer {
    ($fate:expr) => {
        rule!(asked, before: asked.changes() && is_customer(asked) => $fate)
    };
}

macro_rules! at_the_table {
    ($fate:expr) => {
        rule!(asked, before: asked.service == Service::DynamoDb => $fate)
    };
}

fn is_customer(asked: &Asked) -> bool {
    asked.what == "POST /v1/customers"
}

fn is_update(asked: &Asked) -> bool {
    asked.service == Service::DynamoDb && asked.what == "UpdateItem"
}

fn is_write(asked: &Asked) -> bool {
    is_update(asked) || (asked.service == Service::DynamoDb && asked.what == "PutItem")
}

/// Returns whether both secrets have been read, which happens when a function starts.
fn is_started(before: &[Asked]) -> bool {
    before.iter().filter(|asked| asked.service == Service::Secrets).count() >= 2
}

/// Returns whether a secret was read again since then.
fn is_read_again(before: &[Asked]) -> bool {
    before.iter().filter(|asked| asked.service == Service::Secrets).count() >= 3
}

const fn fault(group: &'static str, name: &'static str, rule: Rule) -> Fault {
    Fault { group, name, rule, is_refused: false, time: PATIENT, behind: 0, concerns: ALL }
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
    Fault { concerns: MAKING, ..fault }
}

const fn secrets(name: &'static str, rule: Rule) -> Fault {
    fault("Secrets Manager", name, rule)
}

const fn dynamo(name: &'static str, rule: Rule) -> Fault {
    fault("DynamoDB", name, rule)
}

const fn time(name: &'static str, rule: Rule) -> Fault {
    fault("Time", name, rule)
}

/// Faults in the order of the document.
pub(super) const FAULTS: &[Fault] = &[
    fault("None", "no fault", pass),
    Fault { is_refused: true, ..stripe("down: connections are refused", pass) },
    stripe("connections end without a response", at_stripe!(Fate::HangUp)),
    Fault {
        time: SHORT,
        ..stripe("slow: later than the deadline", at_stripe!(Fate::Late(LATE, true)))
    },
    stripe("429", at_stripe!(Fate::Respond(429, "", TOO_MANY, false))),
    stripe(
        "429 with `Retry-After: 60`",
        at_stripe!(Fate::Respond(429, "retry-after: 60\r\n", TOO_MANY, false)),
    ),
    stripe("500 before the work", at_stripe!(Fate::Respond(500, "", BROKEN, false))),
    stripe("500 after the work", at_stripe!(Fate::Respond(500, "", BROKEN, true))),
    stripe("503 in HTML", at_stripe!(Fate::Respond(503, HTML, "<html>Sorry</html>", false))),
    stripe("cut in the middle of the response", at_stripe!(Fate::Cut)),
    stripe("200 without JSON", at_stripe!(Fate::Respond(200, HTML, "<html>Hello</html>", true))),
    stripe("200 with unexpected JSON", at_stripe!(Fate::Respond(200, "", "[{}]", true))),
    stripe("responses without `id`", at_stripe!(Fate::Without("id"))),
    write("429", at_the_write!(Fate::Respond(429, "", TOO_MANY, false))),
    write("500 before the work", at_the_write!(Fate::Respond(500, "", BROKEN, false))),
    write("500 before the work, replayed to the same key", at_the_write!(Fate::Remembered)),
    write("500 after the work", at_the_write!(Fate::Respond(500, "", BROKEN, true))),
    write("ends without a response", at_the_write!(Fate::HangUp)),
    write("cut in the middle of the response", at_the_write!(Fate::Cut)),
    write("200 without JSON", at_the_write!(Fate::Respond(200, HTML, "<html>Hello</html>", true))),
    write("200 with unexpected JSON", at_the_write!(Fate::Respond(200, "", "[{}]", true))),
    write("the response without `id`", at_the_write!(Fate::Without("id"))),
    Fault {
        time: SHORT,
        ..write("slow: done, response after the deadline", at_the_write!(Fate::Late(LATE, true)))
    },
    Fault {
        time: SHORT,
        ..write("slow: done after the deadline", at_the_write!(Fate::Late(LATE, false)))
    },
    customer("429", at_the_customer!(Fate::Respond(429, "", TOO_MANY, false))),
    customer("500 before the work, replayed to the same key", at_the_customer!(Fate::Remembered)),
    customer("500 after the work", at_the_customer!(Fate::Respond(500, "", BROKEN, true))),
    customer("cut in the middle of the response", at_the_customer!(Fate::Cut)),
    customer("200 without JSON", at_the_customer!(Fate::Respond(200, HTML, "<html></html>", true))),
    Fault {
        time: SHORT,
        ..customer("slow: done after the deadline", at_the_customer!(Fate::Late(LATE, false)))
    },
    secrets(
        "down when the function starts",
        rule!(asked, before: asked.service == Service::Secrets => Fate::HangUp),
    ),
    secrets(
        "down later",
        rule!(asked, before: asked.service == Service::Secrets && is_started(before) => Fate::HangUp),
    ),
    secrets(
        "Stripe's key was rotated",
        rule!(asked, before: asked.service == Service::Stripe && !is_read_again(before) => Fate::Respond(401, "", REFUSED, false)),
    ),
    secrets(
        "Stripe's key was revoked, and the secret still holds it",
        at_stripe!(Fate::Respond(401, "", REFUSED, false)),
    ),
    secrets(
        "Stripe's key was rotated, and Secrets Manager is down",
        rule!(asked, before: is_started(before) && asked.service != Service::DynamoDb => match asked.service {
            Service::Stripe => Fate::Respond(401, "", REFUSED, false),
            _ => Fate::HangUp,
        }),
    ),
    dynamo("down: connections end without a response", at_the_table!(Fate::HangUp)),
    Fault {
        time: Duration::from_millis(1_800),
        ..dynamo("slow: later than the deadline", at_the_table!(Fate::Late(LATE, true)))
    },
    dynamo("throttled", at_the_table!(Fate::Respond(400, AMZ, THROTTLED, false))),
    dynamo("500", at_the_table!(Fate::Respond(500, AMZ, AWS_BROKEN, false))),
    dynamo("200 without JSON", at_the_table!(Fate::Respond(200, AMZ, "<html></html>", true))),
    dynamo(
        "rejects writes",
        rule!(asked, before: is_write(asked) => Fate::Respond(400, AMZ, THROTTLED, false)),
    ),
    Fault {
        time: NOTED,
        ..dynamo(
            "rejects updates, so that neither progress nor response can be stored",
            rule!(asked, before: is_update(asked) => Fate::Respond(400, AMZ, THROTTLED, false)),
        )
    },
    Fault {
        time: NOTED,
        ..dynamo(
            "updates succeed, but their responses are lost",
            rule!(asked, before: is_update(asked) => Fate::Respond(500, AMZ, AWS_BROKEN, true)),
        )
    },
    Fault {
        time: NOTED,
        ..dynamo(
            NOT_KEPT,
            rule!(asked, before: is_update(asked) && before.iter().any(|one| one.changes() && !is_customer(one)) => Fate::Respond(400, AMZ, THROTTLED, false)),
        )
    },
    time(
        "our clock is an hour behind AWS's",
        rule!(asked, before: asked.signed.is_some_and(|signed| signed < now() + HOUR - 300) => Fate::Respond(400, AMZ, SKEWED, false)),
    ),
    Fault { behind: HOUR, ..time("our clock is an hour ahead of Lambda's", pass) },
    Fault { behind: -HOUR, ..time("our clock is an hour behind Lambda's", pass) },
    Fault { time: Duration::from_millis(250), ..time("less than 0.3 s until the deadline", pass) },
];
