//! The faults, one row each.

use std::time::Duration;

use super::proxy::{Asked, Fate, Rule, Service, pass};
use crate::lone::PATIENT;
use crate::when::{HOUR, now};

/// What is broken, and for whom that makes a difference.
pub(super) struct Fault {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    /// Nobody listens at Stripe's address.
    pub(super) is_refused: bool,
    /// After so long Lambda would end the first request.
    pub(super) time: Duration,
    /// Seconds that Lambda's clock is behind the function's.
    pub(super) behind: i64,
    pub(super) concerns: &'static [&'static str],
}

impl Fault {
    /// The tries at the table where they hang on how busy the machine is: the day of a key's last use is
    /// noted beside the request, and without time the first look-up may or may not be under way.
    pub(super) fn vague_tries_at_the_table(&self) -> Option<&'static str> {
        let is_over_at_once = self.time < Duration::from_millis(300);
        let is_noted = self.time == NOTED;
        is_noted.then_some("up to 3").or(is_over_at_once.then_some("up to 1"))
    }

    /// Whether an answer can be stored for the request again.
    pub(super) fn keeps_answers(&self) -> bool {
        self.name != NOT_KEPT
    }
}

const NOT_KEPT: &str = "takes no updates once Stripe has done the work";

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

/// Those that write to Stripe.
const WRITING: &[&str] = &["checkout-session", "portal-session", "plan-change"];

/// Those that make a customer for an account that has none.
const MAKING: &[&str] = &["checkout-session", "portal-session"];

/// Longer than the time that goes with it.
pub(super) const LATE: Duration = Duration::from_secs(9);
pub(super) const SHORT: Duration = Duration::from_secs(8);

/// Enough for two updates of the table that are tried in vain. The claim on the key holds so long,
/// since it cannot be given up.
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

/// A rule for every call of a service that fits.
macro_rules! rule {
    ($asked:ident, $before:ident: $when:expr => $fate:expr) => {{
        #[allow(unused_variables, reason = "not every rule looks at what was before")]
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

/// Both secrets are read when a function starts.
fn is_started(before: &[Asked]) -> bool {
    before.iter().filter(|asked| asked.service == Service::Secrets).count() >= 2
}

/// How often a secret was read since then.
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

/// In the order of the document.
pub(super) const FAULTS: &[Fault] = &[
    fault("None", "nothing is broken", pass),
    Fault { is_refused: true, ..stripe("down: connections are refused", pass) },
    stripe("connections end without an answer", at_stripe!(Fate::HangUp)),
    Fault {
        time: SHORT,
        ..stripe("slow: later than the deadline", at_stripe!(Fate::Late(LATE, true)))
    },
    stripe("429", at_stripe!(Fate::Answer(429, "", TOO_MANY, false))),
    stripe(
        "429 with `Retry-After: 60`",
        at_stripe!(Fate::Answer(429, "retry-after: 60\r\n", TOO_MANY, false)),
    ),
    stripe("500 before the work", at_stripe!(Fate::Answer(500, "", BROKEN, false))),
    stripe("500 after the work", at_stripe!(Fate::Answer(500, "", BROKEN, true))),
    stripe("503 in HTML", at_stripe!(Fate::Answer(503, HTML, "<html>Sorry</html>", false))),
    stripe("cut in the middle of the answer", at_stripe!(Fate::Cut)),
    stripe("200 and no JSON", at_stripe!(Fate::Answer(200, HTML, "<html>Hello</html>", true))),
    stripe("200 and JSON of another form", at_stripe!(Fate::Answer(200, "", "[{}]", true))),
    stripe("answers without `id`", at_stripe!(Fate::Without("id"))),
    write("429", at_the_write!(Fate::Answer(429, "", TOO_MANY, false))),
    write("500 before the work", at_the_write!(Fate::Answer(500, "", BROKEN, false))),
    write("500 before the work, given again to the same key", at_the_write!(Fate::Remembered)),
    write("500 after the work", at_the_write!(Fate::Answer(500, "", BROKEN, true))),
    write("ends without an answer", at_the_write!(Fate::HangUp)),
    write("cut in the middle of the answer", at_the_write!(Fate::Cut)),
    write("200 and no JSON", at_the_write!(Fate::Answer(200, HTML, "<html>Hello</html>", true))),
    write("200 and JSON of another form", at_the_write!(Fate::Answer(200, "", "[{}]", true))),
    write("the answer without `id`", at_the_write!(Fate::Without("id"))),
    Fault {
        time: SHORT,
        ..write(
            "slow: done, and answered after the deadline",
            at_the_write!(Fate::Late(LATE, true)),
        )
    },
    Fault {
        time: SHORT,
        ..write("slow: done only after the deadline", at_the_write!(Fate::Late(LATE, false)))
    },
    customer("429", at_the_customer!(Fate::Answer(429, "", TOO_MANY, false))),
    customer(
        "500 before the work, given again to the same key",
        at_the_customer!(Fate::Remembered),
    ),
    customer("500 after the work", at_the_customer!(Fate::Answer(500, "", BROKEN, true))),
    customer("cut in the middle of the answer", at_the_customer!(Fate::Cut)),
    customer("200 and no JSON", at_the_customer!(Fate::Answer(200, HTML, "<html></html>", true))),
    Fault {
        time: SHORT,
        ..customer("slow: done only after the deadline", at_the_customer!(Fate::Late(LATE, false)))
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
        rule!(asked, before: asked.service == Service::Stripe && !is_read_again(before) => Fate::Answer(401, "", REFUSED, false)),
    ),
    secrets(
        "Stripe's key was revoked, and the secret still holds it",
        at_stripe!(Fate::Answer(401, "", REFUSED, false)),
    ),
    secrets(
        "Stripe's key was rotated, and Secrets Manager is down",
        rule!(asked, before: is_started(before) && asked.service != Service::DynamoDb => match asked.service {
            Service::Stripe => Fate::Answer(401, "", REFUSED, false),
            _ => Fate::HangUp,
        }),
    ),
    dynamo("down: connections end without an answer", at_the_table!(Fate::HangUp)),
    Fault {
        time: Duration::from_millis(1_800),
        ..dynamo("slow: later than the deadline", at_the_table!(Fate::Late(LATE, true)))
    },
    dynamo("throttled", at_the_table!(Fate::Answer(400, AMZ, THROTTLED, false))),
    dynamo("500", at_the_table!(Fate::Answer(500, AMZ, AWS_BROKEN, false))),
    dynamo("200 and no JSON", at_the_table!(Fate::Answer(200, AMZ, "<html></html>", true))),
    dynamo(
        "takes no writes",
        rule!(asked, before: is_write(asked) => Fate::Answer(400, AMZ, THROTTLED, false)),
    ),
    Fault {
        time: NOTED,
        ..dynamo(
            "takes no updates, so that no progress and no answer can be noted",
            rule!(asked, before: is_update(asked) => Fate::Answer(400, AMZ, THROTTLED, false)),
        )
    },
    Fault {
        time: NOTED,
        ..dynamo(
            "updates are done, and their answers are lost",
            rule!(asked, before: is_update(asked) => Fate::Answer(500, AMZ, AWS_BROKEN, true)),
        )
    },
    Fault {
        time: NOTED,
        ..dynamo(
            NOT_KEPT,
            rule!(asked, before: is_update(asked) && before.iter().any(|one| one.changes() && !is_customer(one)) => Fate::Answer(400, AMZ, THROTTLED, false)),
        )
    },
    time(
        "our clock is an hour behind AWS's",
        rule!(asked, before: asked.signed.is_some_and(|signed| signed < now() + HOUR - 300) => Fate::Answer(400, AMZ, SKEWED, false)),
    ),
    Fault { behind: HOUR, ..time("our clock is an hour ahead of Lambda's", pass) },
    Fault { behind: -HOUR, ..time("our clock is an hour behind Lambda's", pass) },
    Fault { time: Duration::from_millis(250), ..time("less than 0.3 s until the deadline", pass) },
];
