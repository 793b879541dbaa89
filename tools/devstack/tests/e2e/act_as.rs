//! A parent account inside one of its own sub-accounts, and nobody else anywhere.

use devstack::functions::FUNCTIONS;
use serde_json::{Value, json};
use shared::Scope;

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;
use crate::refusal::{ACT_AS_FORBIDDEN, refused};
use crate::shape::capabilities;

cases![
    an_agency_sees_its_clients_data_as_the_client_does,
    acting_as_oneself_or_as_nobody_is_no_acting,
    nobody_but_the_parent_may_act_and_nobody_learns_who_there_is,
    the_keys_scope_goes_along,
];

const GETS: [&str; 4] =
    ["/v1/billing/summary", "/v1/billing/info", "/v1/billing/invoices", "/v1/billing/dunning"];

fn act_as(account: &str) -> [(&'static str, &str); 1] {
    [("X-Cantila-Act-As", account)]
}

/// The same body as this key's own, whoever asked.
#[track_caller]
fn sees(harness: &Harness, path: &str, key: &str, acting: &str, own: &str) {
    let theirs = harness.get(path, own, &[]).json();
    expect(&harness.get(path, key, &act_as(acting)), 200, &theirs);
}

fn an_agency_sees_its_clients_data_as_the_client_does(harness: &Harness) {
    let (agency, client) = (harness.account("agency"), harness.account("client"));
    for path in GETS {
        for name in [&client.handle, &client.id, &format!(" {} ", client.handle)] {
            sees(harness, path, &agency.keys.read, name, &client.keys.read);
            sees(harness, path, &agency.keys.admin, name, &client.keys.admin);
        }
    }
    // Both owe nothing, so dunning says the same of them.
    for path in &GETS[..3] {
        let [own, theirs] = [agency, client].map(|one| harness.get(path, &one.keys.read, &[]));
        assert_ne!(own.json(), theirs.json(), "{path}");
    }
}

fn acting_as_oneself_or_as_nobody_is_no_acting(harness: &Harness) {
    for name in ["agency", "client", "fresh"] {
        let account = harness.account(name);
        for path in GETS {
            for acting in [&account.handle, &account.id, "", " "] {
                sees(harness, path, &account.keys.read, acting, &account.keys.read);
            }
        }
    }
}

fn nobody_but_the_parent_may_act_and_nobody_learns_who_there_is(harness: &Harness) {
    let [agency, client, metered] =
        ["agency", "client", "metered"].map(|name| harness.account(name));
    let nobody = "acc_0000000000000000";
    let rows = [
        (client, agency.handle.as_str(), "one's parent"),
        (client, agency.id.as_str(), "one's parent's id"),
        (agency, metered.handle.as_str(), "a foreign account"),
        (agency, metered.id.as_str(), "a foreign account's id"),
        (metered, client.handle.as_str(), "a foreign sub-account"),
        (metered, client.id.as_str(), "a foreign sub-account's id"),
        (agency, "nobody", "no account"),
        (agency, nobody, "no account's id"),
        (agency, "Not a handle!", "what is no handle"),
        (agency, "acc_", "what is no id"),
        (agency, "CLIENT", "a handle in capitals"),
        (agency, "client,client", "two accounts"),
    ];
    for (account, acting, what) in rows {
        for path in GETS {
            let answer = harness.get(path, &account.keys.admin, &act_as(acting));
            assert_eq!(answer.status, 403, "{what}, {path}: {}", answer.body);
            refused(&answer, ACT_AS_FORBIDDEN);
        }
    }
}

fn the_keys_scope_goes_along(harness: &Harness) {
    let agency = &harness.account("agency").keys;
    let client = act_as("client");
    let may = |key: &str| -> Value {
        let answer = harness.get("/v1/billing/info", key, &client).json();
        answer["capabilities"].clone()
    };
    assert_eq!(may(&agency.read), capabilities([false; 4]));
    assert_eq!(may(&agency.deploy), capabilities([false; 4]));
    assert_eq!(may(&agency.admin), capabilities([false, false, true, true]));
    for function in FUNCTIONS.iter().filter(|function| function.scope > Scope::Read) {
        let body = function.sample.unwrap_or_default();
        let headers = [("content-type", "application/json"), client[0]];
        let answer = harness.send(function.method, function.path, &agency.read, &headers, body);
        let granted = json!({ "required": function.scope.as_str(), "granted": "read" });
        assert_eq!((answer.status, &answer.json()["details"]), (403, &granted), "{}", answer.body);
    }
}
