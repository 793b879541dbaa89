//! Omits each field of Stripe's responses in turn. An endpoint that reads the field must return an error.

use std::collections::BTreeSet;

use devstack::functions::FUNCTIONS;
use serde_json::Value;

use super::cell::overdue_invoice;
use super::proxy::{Proxy, pass};
use crate::body::without_times;
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::JSON;

/// Endpoint, and the account whose request reads the most fields.
const READS: [(&str, &str); 9] = [
    ("summary", "metered"),
    ("summary", "overdue"),
    ("info", "metered"),
    ("invoices", "overdue"),
    ("dunning", "overdue"),
    ("dunning", "canceled"),
    ("usage", "metered"),
    ("invoice", "overdue"),
    ("plan-change-preview", "metered"),
];

/// Without `SOAK=1`, one in this many fields is omitted.
const SAMPLE: usize = 15;

/// Returns rows for the fields without which an endpoint returns a different response that is not `stripe_error`.
pub(super) fn sweep(harness: &Harness) -> BTreeSet<String> {
    let step = if is_soak() { 1 } else { SAMPLE };
    let (mut other, mut same, mut refused) = (BTreeSet::new(), 0, 0);
    // The accounts below are on test clocks, so nothing of theirs is stored.
    harness.forget_stored_reads();
    for (endpoint, account) in READS {
        let proxy = Proxy::start(harness, pass, false);
        let env = [("STRIPE_API_BASE", &*proxy.stripe_url), ("AWS_ENDPOINT_URL", &*proxy.aws_url)];
        let mut function = FunctionProcess::start(harness, endpoint, &env);
        if endpoint == "invoice" {
            function.path = format!("/v1/billing/invoices/{}", overdue_invoice(harness));
        }
        let bearer = format!("Bearer {}", harness.account(account).keys.admin);
        let table = FUNCTIONS.iter().find(|function| function.name == endpoint);
        let body = table.and_then(|function| function.sample).unwrap_or_default();
        let mut send = || {
            function.send_with_body(PATIENT, &[("authorization", &bearer), JSON], body);
            function.response()
        };
        let whole = send();
        assert_eq!(whole.status, 200, "{endpoint}: {}", whole.body);
        for field in proxy.fields().into_iter().step_by(step) {
            proxy.omit(&field);
            let response = send();
            match response.status {
                200 if is_same(&response.json(), &whole.json()) => same += 1,
                502 => refused += 1,
                _ => {
                    other.insert(format!("| {endpoint} | `{field}` | {} |", response.status));
                }
            }
        }
    }
    println!("    {same} not read, {refused} required, {} with another response", other.len());
    other
}

pub(super) fn is_soak() -> bool {
    std::env::var("SOAK").is_ok_and(|value| value == "1")
}

/// Compares two bodies without the quote and the times, which differ each time.
fn is_same(one: &Value, other: &Value) -> bool {
    let bare = |response: &Value| {
        let mut response = without_times(response);
        response.as_object_mut().expect("an object").remove("quote");
        response
    };
    bare(one) == bare(other)
}
