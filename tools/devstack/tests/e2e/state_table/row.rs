//! One state's row: the responses of all endpoints, shortened to cells.

use devstack::http::Response;
use serde_json::{Value, json};

use super::fixtures::State;
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::payer::{CHANGE, CHECKOUT, PORTAL, PREVIEW};

/// The cells of a state.
pub(super) struct Row {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    pub(super) summary: Vec<String>,
    pub(super) dunning: Vec<String>,
    pub(super) calls: Vec<String>,
    /// `info.capabilities`, and which of the calls were accepted.
    promised: Value,
    accepted: Value,
}

impl Row {
    /// Calls every endpoint. The calls that change the account come last.
    pub(super) fn of(harness: &Harness, state: &State, account: &OwnAccount) -> Self {
        let get = |name: &str| {
            let response = harness.get(&format!("/v1/billing/{name}"), &account.key, &[]);
            assert_eq!(response.status, 200, "{}, {name}: {}", state.name, response.body);
            response.json()
        };
        let [summary, dunning, invoices, info] =
            ["summary", "dunning", "invoices", "info"].map(get);
        let post = |path: &str, body: Value| harness.post(path, &account.key, &body);
        let preview = post(PREVIEW, json!({ "plan": "agency" }));
        let cancel = post(PORTAL, json!({ "flow": "subscription_cancel" }));
        let portal = post(PORTAL, json!({}));
        let hosted = post(CHECKOUT, json!({ "plan": "pro" }));
        let embedded = post(CHECKOUT, json!({ "plan": "pro", "uiMode": "embedded" }));
        let change = post(CHANGE, json!({ "plan": "agency" }));
        // A change that waits for authentication was accepted: the customer finishes it at the URL.
        let is_changed = change.status == 200
            || (change.status == 402 && change.json()["error"] == "payment_action_required");
        let promised = info["capabilities"].clone();
        Self {
            group: state.group,
            name: state.name,
            summary: vec![
                word(&summary["plan"]),
                word(&summary["status"]),
                word(&summary["estimate"]["status"]),
                given(&summary["nextChargeAt"]),
                word(&summary["pendingChange"]["reason"]),
                words(&summary["warnings"]),
            ],
            dunning: vec![
                word(&dunning["state"]),
                dunning["amountDue"].as_str().unwrap_or_default().to_owned(),
                given(&dunning["processing"]),
                word(&dunning["recovery"]["action"]),
                if dunning["deployBlocked"] == true { "yes" } else { "" }.to_owned(),
                newest(&invoices),
            ],
            calls: vec![
                granted(&promised),
                outcome(&hosted),
                outcome(&portal),
                outcome(&cancel),
                outcome(&preview),
                outcome(&change),
            ],
            promised,
            accepted: json!({
                "checkout": hosted.status == 201, "embeddedCheckout": embedded.status == 201,
                "portal": portal.status == 201, "planChange": is_changed,
            }),
        }
    }

    /// Returns whether each capability is what the call did.
    pub(super) fn keeps_promises(&self) -> bool {
        self.promised == self.accepted
    }
}

/// Returns a field's value as code; an empty cell for null.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(String::new, |word| format!("`{word}`"))
}

fn words(value: &Value) -> String {
    let words: Vec<_> = value.as_array().into_iter().flatten().map(word).collect();
    words.join(", ")
}

/// Returns whether a field has a value.
fn given(value: &Value) -> String {
    if value.is_null() { "" } else { "given" }.to_owned()
}

fn newest(invoices: &Value) -> String {
    match &invoices["invoices"][0] {
        Value::Null => String::new(),
        invoice => format!("{}, {}", word(&invoice["status"]), word(&invoice["payment"])),
    }
}

/// Returns the names of the capabilities that are true.
fn granted(capabilities: &Value) -> String {
    let names = ["checkout", "embeddedCheckout", "portal", "planChange"];
    let granted = names.into_iter().filter(|name| capabilities[name] == true);
    granted.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Returns the status, and the outcome of a change or the error with its reason.
fn outcome(response: &Response) -> String {
    let body = response.json();
    let words = [&body["error"], &body["outcome"], &body["details"]["reason"]].map(word);
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    match &*words.join(": ") {
        "" => response.status.to_string(),
        words => format!("{} {words}", response.status),
    }
}
