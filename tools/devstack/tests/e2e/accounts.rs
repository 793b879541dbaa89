//! The seeded accounts have the states that their fixtures describe, at Stripe and in the API.

use serde_json::Value;

use crate::cases;
use crate::harness::Harness;

cases![
    every_account_is_in_the_state_of_its_fixture,
    sub_account_names_its_parent,
    every_key_of_an_account_can_read,
];

/// Name, the subscription's status at Stripe, summary's `plan` and `status`, dunning's `state`.
const STATES: &[(&str, Option<&str>, &str, &str, &str)] = &[
    ("fresh", None, "hobby", "none", "active"),
    ("metered", Some("active"), "pro", "active", "active"),
    ("overdue", Some("past_due"), "starter", "past_due", "past_due"),
    ("suspended", Some("unpaid"), "pro", "unpaid", "suspended"),
    ("canceled", Some("canceled"), "hobby", "canceled", "canceled"),
    ("free", Some("active"), "hobby", "active", "active"),
    ("agency", Some("active"), "agency", "active", "active"),
    ("client", Some("active"), "starter", "active", "active"),
];

fn every_account_is_in_the_state_of_its_fixture(harness: &Harness) {
    let names: Vec<&str> = harness.about().accounts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, STATES.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for (name, at_stripe, plan, status, state) in STATES {
        let account = harness.account(name);
        let customer = account.customer.as_deref();
        let found = customer.map(|customer| {
            harness.stripe(&format!("/subscriptions?status=all&customer={customer}"))
        });
        let found = found.as_ref().and_then(|list| list["data"][0]["status"].as_str());
        let get = |path| harness.get(path, &account.keys.read, &[]).json();
        let (summary, dunning) = (get("/v1/billing/summary"), get("/v1/billing/dunning"));
        let text = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let shown = (text(&summary, "plan"), text(&summary, "status"), text(&dunning, "state"));
        assert_eq!(found, *at_stripe, "{name}");
        assert_eq!(
            shown,
            ((*plan).to_owned(), (*status).to_owned(), (*state).to_owned()),
            "{name}"
        );
    }
}

fn sub_account_names_its_parent(harness: &Harness) {
    for account in &harness.about().accounts {
        let parent = (account.name == "client").then(|| harness.account("agency").id.as_str());
        assert_eq!(account.parent.as_deref(), parent, "{}", account.name);
    }
}

fn every_key_of_an_account_can_read(harness: &Harness) {
    for account in &harness.about().accounts {
        for key in [&account.keys.read, &account.keys.deploy, &account.keys.admin] {
            let response = harness.get("/v1/billing/info", key, &[]);
            let shown = response.json()["account"]["handle"].as_str().map(str::to_owned);
            assert_eq!(shown.as_deref(), Some(account.handle.as_str()), "{}", response.body);
        }
    }
}
