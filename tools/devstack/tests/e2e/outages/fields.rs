//! Stripe's answers without one of their fields, one after the other: what an endpoint reads and does not
//! get is no answer to build on.

use std::collections::BTreeSet;

use devstack::functions::FUNCTIONS;
use serde_json::Value;

use super::proxy::{Proxy, pass};
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::JSON;

/// An endpoint, and whose request shows the most of it.
const READS: [(&str, &str); 7] = [
    ("summary", "metered"),
    ("summary", "overdue"),
    ("info", "metered"),
    ("invoices", "overdue"),
    ("dunning", "overdue"),
    ("dunning", "canceled"),
    ("plan-change-preview", "metered"),
];

/// Without `SOAK=1` one in so many fields is tried.
const SAMPLE: usize = 15;

/// The fields of each endpoint without which it gives another answer than an error.
pub(super) fn sweep(harness: &Harness) -> BTreeSet<String> {
    let step = if is_soak() { 1 } else { SAMPLE };
    let (mut other, mut same, mut refused) = (BTreeSet::new(), 0, 0);
    for (endpoint, account) in READS {
        let proxy = Proxy::start(harness, pass, false);
        let env = [("STRIPE_API_BASE", &*proxy.stripe_url), ("AWS_ENDPOINT_URL", &*proxy.aws_url)];
        let mut function = Lone::start(harness, endpoint, &env);
        let bearer = format!("Bearer {}", harness.account(account).keys.admin);
        let table = FUNCTIONS.iter().find(|function| function.name == endpoint);
        let body = table.and_then(|function| function.sample).unwrap_or_default();
        let mut ask = || {
            function.ask_with(PATIENT, &[("authorization", &bearer), JSON], body);
            function.answer()
        };
        let whole = ask();
        assert_eq!(whole.status, 200, "{endpoint}: {}", whole.body);
        for field in proxy.fields().into_iter().step_by(step) {
            proxy.leave_out(&field);
            let answer = ask();
            match answer.status {
                200 if is_same(&answer.json(), &whole.json()) => same += 1,
                502 => refused += 1,
                _ => {
                    other.insert(format!("| {endpoint} | `{field}` | {} |", answer.status));
                }
            }
        }
    }
    println!("    {same} make no difference, {refused} are needed, {} do", other.len());
    other
}

pub(super) fn is_soak() -> bool {
    std::env::var("SOAK").is_ok_and(|value| value == "1")
}

/// But for the quote, which is another one each time.
fn is_same(one: &Value, other: &Value) -> bool {
    let bare = |answer: &Value| {
        let mut answer = answer.clone();
        answer.as_object_mut().expect("an object").remove("quote");
        answer
    };
    bare(one) == bare(other)
}
