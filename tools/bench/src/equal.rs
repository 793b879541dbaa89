//! Checks that the peers' responses equal those of our functions; otherwise comparing them would mean nothing.

use devstack::http::Response;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::process::Running;
use crate::stage::{Stage, event};
use crate::subject::{Kind, PEERS, Subject, function};

/// Requests, sent for every account: endpoint, query, body.
const REQUESTS: [(&str, &str, &str); 7] = [
    ("summary", "", ""),
    ("invoices", "", ""),
    ("invoices", "limit=1", ""),
    ("invoices", "status=open&limit=5", ""),
    ("plan-change-preview", "", r#"{"plan":"agency"}"#),
    ("plan-change-preview", "", r#"{"plan":"starter"}"#),
    ("plan-change-preview", "", r#"{"plan":"pro","interval":"year"}"#),
];

/// Compares the responses for every seeded account and returns their number.
pub fn check(stage: &Stage) -> Result<usize> {
    let mut compared = 0;
    for name in PEERS {
        let function = function(name);
        let [mut ours, mut peer] =
            [Kind::Ours, Kind::Peer].map(|kind| Running::start(stage, &Subject { kind, function }));
        let (ours, peer) = (ours.as_mut(), peer.as_mut());
        let (Ok(ours), Ok(peer)) = (ours, peer) else {
            return Error::wrong(format!(
                "{name} or its peer does not start; see target/bench/log"
            ));
        };
        for account in &stage.about().accounts {
            let key = stage.key(&account.name, function.scope)?;
            for (_, query, body) in REQUESTS.iter().filter(|(endpoint, ..)| *endpoint == name) {
                let event = event(function, &key, query, body);
                let (ours, peer) = (ours.try_invoke(&event)?.1, peer.try_invoke(&event)?.1);
                compare(&format!("{name} {query}{body} of {}", account.name), &ours, &peer)?;
                compared += 1;
            }
        }
    }
    Ok(compared)
}

fn compare(what: &str, ours: &Response, peer: &Response) -> Result<()> {
    let (ours, peer) = ((ours.status, essence(&ours.json())), (peer.status, essence(&peer.json())));
    if ours == peer {
        return Ok(());
    }
    Error::wrong(format!("the peer's response differs: {what}\n{ours:#?}\n{peer:#?}"))
}

/// Returns the parts of a body that two processes have in common; of an error, its code.
fn essence(body: &Value) -> Value {
    if let Some(code) = body.get("error") {
        return code.clone();
    }
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut()
        && let Some(quote) = fields.get_mut("quote")
    {
        // A quote contains the time of its creation.
        *quote = quote.as_str().is_some_and(|quote| quote.len() > 100).into();
    }
    body
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: &Value) -> Response {
        Response { status, headers: hyper::HeaderMap::new(), body: body.to_string() }
    }

    #[test]
    fn amounts_must_be_equal_and_quotes_may_differ() {
        let body = |amount: &str, last: &str| {
            response(200, &json!({ "amount": amount, "quote": "q".repeat(200) + last }))
        };
        compare("x", &body("1.00", "a"), &body("1.00", "b")).expect("the same");
        let error = compare("x", &body("1.00", "a"), &body("1.01", "a"));
        assert!(error.expect_err("a cent").to_string().contains("differs: x"));
    }

    #[test]
    fn errors_are_equal_if_status_and_code_are() {
        let error = |status, code: &str, message: &str| {
            response(status, &json!({ "error": code, "message": message }))
        };
        compare("x", &error(404, "no_plan", "a"), &error(404, "no_plan", "b")).expect("the same");
        assert!(compare("x", &error(404, "no_plan", "a"), &error(409, "no_plan", "a")).is_err());
        assert!(compare("x", &error(404, "no_plan", "a"), &error(404, "other", "a")).is_err());
    }
}
