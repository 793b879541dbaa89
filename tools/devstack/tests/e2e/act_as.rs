//! `X-Cantila-Act-As`: only a parent account can act for its own sub-accounts.

use devstack::functions::FUNCTIONS;
use serde_json::{Value, json};
use shared::Scope;

use crate::body::expect;
use crate::cases;
use crate::expected_bodies::capabilities;
use crate::expected_error::{ACT_AS_FORBIDDEN, assert_error};
use crate::harness::Harness;

cases![
    parent_reads_the_same_data_as_its_sub_account,
    acting_as_the_own_account_or_with_an_empty_header_changes_nothing,
    other_accounts_get_the_same_403_for_existing_and_unknown_accounts,
    key_keeps_its_scope_in_the_sub_account,
];

const GETS: [&str; 5] = [
    "/v1/billing/summary",
    "/v1/billing/info",
    "/v1/billing/invoices",
    "/v1/billing/dunning",
    "/v1/billing/usage",
];

fn act_as(account: &str) -> [(&'static str, &str); 1] {
    [("X-Cantila-Act-As", account)]
}

/// Checks that a key acting for another account reads the same body as that account's own key.
#[track_caller]
fn reads_as(harness: &Harness, path: &str, key: &str, acting: &str, own: &str) {
    let theirs = harness.get(path, own, &[]).json();
    expect(&harness.get(path, key, &act_as(acting)), 200, &theirs);
}

fn parent_reads_the_same_data_as_its_sub_account(harness: &Harness) {
    let (agency, client) = (harness.account("agency"), harness.account("client"));
    for path in GETS {
        for name in [&client.handle, &client.id, &format!(" {} ", client.handle)] {
            reads_as(harness, path, &agency.keys.read, name, &client.keys.read);
            reads_as(harness, path, &agency.keys.admin, name, &client.keys.admin);
        }
    }
    // Without dunning, which is equal because neither owes anything.
    for path in &GETS[..3] {
        let [own, theirs] = [agency, client].map(|one| harness.get(path, &one.keys.read, &[]));
        assert_ne!(own.json(), theirs.json(), "{path}");
    }
}

fn acting_as_the_own_account_or_with_an_empty_header_changes_nothing(harness: &Harness) {
    for name in ["agency", "client", "fresh"] {
        let account = harness.account(name);
        for path in GETS {
            for acting in [&account.handle, &account.id, "", " "] {
                reads_as(harness, path, &account.keys.read, acting, &account.keys.read);
            }
        }
    }
}

fn other_accounts_get_the_same_403_for_existing_and_unknown_accounts(harness: &Harness) {
    let [agency, client, metered] =
        ["agency", "client", "metered"].map(|name| harness.account(name));
    let nobody = "acc_0000000000000000";
    let rows = [
        (client, agency.handle.as_str(), "the own parent"),
        (client, agency.id.as_str(), "the own parent's ID"),
        (agency, metered.handle.as_str(), "an unrelated account"),
        (agency, metered.id.as_str(), "an unrelated account's ID"),
        (metered, client.handle.as_str(), "another account's sub-account"),
        (metered, client.id.as_str(), "another account's sub-account's ID"),
        (agency, "nobody", "an unknown handle"),
        (agency, nobody, "an unknown ID"),
        (agency, "Not a handle!", "an invalid handle"),
        (agency, "acc_", "an invalid ID"),
        (agency, "CLIENT", "a handle in capitals"),
        (agency, "client,client", "two accounts"),
    ];
    for (account, acting, what) in rows {
        for path in GETS {
            let response = harness.get(path, &account.keys.admin, &act_as(acting));
            assert_eq!(response.status, 403, "{what}, {path}: {}", response.body);
            assert_error(&response, ACT_AS_FORBIDDEN);
        }
    }
}

fn key_keeps_its_scope_in_the_sub_account(harness: &Harness) {
    let agency = &harness.account("agency").keys;
    let client = act_as("client");
    let may = |key: &str| -> Value {
        let response = harness.get("/v1/billing/info", key, &client).json();
        response["capabilities"].clone()
    };
    assert_eq!(may(&agency.read), capabilities([false; 4]));
    assert_eq!(may(&agency.deploy), capabilities([false; 4]));
    assert_eq!(may(&agency.admin), capabilities([false, false, true, true]));
    for function in FUNCTIONS.iter().filter(|function| function.scope > Scope::Read) {
        let body = function.sample.unwrap_or_default();
        let headers = [("content-type", "application/json"), client[0]];
        let response = harness.send(function.method, function.path, &agency.read, &headers, body);
        let granted = json!({ "required": function.scope.as_str(), "granted": "read" });
        assert_eq!(
            (response.status, &response.json()["details"]),
            (403, &granted),
            "{}",
            response.body
        );
    }
}
