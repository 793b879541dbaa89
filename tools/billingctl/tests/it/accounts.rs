//! Tests of `accounts`, against the AWS emulator and the sandbox.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use shared::Stripe;
use shared::aws::https::Https;
use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::stripe::views::Id;
use shared::stripe::{CallLog, Transport};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Running, Sandbox};
use tokio::time::Instant;

use crate::authentication::{TABLE, authenticate, with_stripe_keys};
use crate::aws::Aws;
use crate::harness::Shell;

/// Sets up a stack whose read key the sandbox knows.
fn stack(aws: &Aws, sandbox: &Running) -> Shell {
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url)).with("STRIPE_API_BASE", &sandbox.url);
    shell.json(&["setup"]);
    shell
}

fn sandbox() -> Running {
    let restricted_keys =
        vec![("rk_test_hunter1".to_owned(), vec!["rak_customer_read".to_owned()])];
    Sandbox::start(Config { restricted_keys, ..Config::default() }).expect("a free port")
}

/// Returns a client of the sandbox with an unrestricted key.
pub fn stripe(sandbox: &Running) -> Stripe {
    let keys = StripeKeys::new(SecretString::from(DEFAULT_SECRET_KEY), None).expect("a key");
    let transport = Arc::new(Transport::new(Https::new(), sandbox.url.parse().expect("a URL")));
    let secret = Arc::new(StripeSecret::given(keys, "the test"));
    let end = Instant::now() + Duration::from_secs(30);
    Stripe::new(transport, secret, Arc::new(CallLog::default()), end)
}

/// Creates a customer and returns its ID.
pub async fn customer(stripe: &Stripe, body: &Value) -> String {
    let create = RequestBuilder::new(StripeMethod::Post, "/customers").form(body);
    stripe.send_built::<Id>(create, Some(body.to_string())).await.expect("a customer").id
}

/// Deletes a customer.
pub async fn delete_customer(stripe: &Stripe, id: &str) {
    let delete = RequestBuilder::new(StripeMethod::Delete, format!("/customers/{id}"));
    stripe.send_built::<Id>(delete, None).await.expect("deleted");
}

#[tokio::test]
async fn only_an_existing_customer_of_no_other_account_is_linked() {
    let (aws, sandbox) = (Aws::with_secrets(), sandbox());
    let (shell, stripe) = (stack(&aws, &sandbox), stripe(&sandbox));
    for handle in ["acme", "other"] {
        shell.json(&["accounts", "create", "--handle", handle, "--id", &format!("acc_{handle}")]);
    }
    let good = customer(&stripe, &json!({ "name": "good" })).await;
    let gone = customer(&stripe, &json!({ "name": "gone" })).await;
    delete_customer(&stripe, &gone).await;
    let others =
        customer(&stripe, &json!({ "metadata": { "cantila_account": "acc_other" } })).await;
    let link = |account: &str, customer: &str, more: &[&str]| {
        let command = ["accounts", "link", account, "--json", "--customer", customer];
        shell.run(&[&command[..], more].concat())
    };
    for (customer, reason) in [
        ("cus_none", "Stripe has no customer cus_none in test mode"),
        (gone.as_str(), "was deleted in Stripe"),
        (others.as_str(), "belongs to the account acc_other"),
    ] {
        let run = link("acme", customer, &[]);
        assert!(run.error().contains(reason), "{run:?}");
    }
    assert_eq!(link("acme", &good, &[]).json()["customer"], json!(good));
    assert!(link("other", &good, &[]).error().contains("is the customer of acme"));
    let create = ["accounts", "create", "--handle", "third", "--customer", &good];
    assert!(shell.run(&create).error().contains("is the customer of acme"));

    assert_eq!(shell.json(&["accounts", "unlink", "acme", "--yes"])["customer"], Value::Null);
    assert_eq!(shell.json(&["accounts", "unlink", "acme", "--yes"])["customer"], Value::Null);
    assert_eq!(link("other", &good, &[]).json()["customer"], json!(good));
    assert_eq!(link("other", &others, &["--replace"]).json()["customer"], json!(others));
    assert_eq!(shell.json(&create)["customer"], json!(good), "free again");

    let offline = shell.with("STRIPE_API_BASE", "http://127.0.0.1:1");
    let run = offline.run(&["accounts", "link", "acme", "--customer", "cus_later"]);
    assert!(run.error().contains("--skip-check"), "{run:?}");
    let run = offline.run(&["accounts", "link", "acme", "--customer", "cus_later", "--skip-check"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[tokio::test]
async fn show_says_whether_the_customer_was_deleted() {
    let (aws, sandbox) = (Aws::with_secrets(), sandbox());
    let (shell, stripe) = (stack(&aws, &sandbox), stripe(&sandbox));
    let gone = customer(&stripe, &json!({ "name": "gone" })).await;
    let good = customer(&stripe, &json!({ "name": "good" })).await;
    delete_customer(&stripe, &gone).await;
    let own_key = shell.with("STRIPE_SECRET_KEY", DEFAULT_SECRET_KEY);
    let offline = shell.with("STRIPE_API_BASE", "http://127.0.0.1:1");
    for (index, (shell, customer, deleted, words)) in [
        (&shell, good.as_str(), json!(false), "\n"),
        (&shell, &gone, json!(true), " (deleted in Stripe; the next checkout creates another)\n"),
        (&own_key, &gone, json!(true), " (deleted in Stripe"),
        (&shell, "cus_none", Value::Null, " (Stripe has no such customer"),
        (&offline, "cus_later", Value::Null, " (not checked with Stripe: "),
    ]
    .into_iter()
    .enumerate()
    {
        let handle = format!("acme-{index}");
        let unlinked = shell.json(&["accounts", "create", "--handle", &handle]);
        let shown = shell.json(&["accounts", "show", &handle]);
        assert_eq!((&shown["id"], &shown["customerDeleted"]), (&unlinked["id"], &Value::Null));
        let link = ["accounts", "link", &handle, "--skip-check", "--customer", customer];
        assert_eq!(shell.run(&link).code, Some(0));
        assert_eq!(shell.json(&["accounts", "show", &handle])["customerDeleted"], deleted);
        let text = shell.run(&["accounts", "show", &handle]).stdout;
        assert!(text.contains(&format!("customer  {customer}{words}")), "{text}");
        shell.json(&["accounts", "unlink", &handle, "--yes"]);
    }
}

#[tokio::test]
async fn handle_and_parent_can_be_changed() {
    let aws = Aws::with_table();
    let shell = Shell::with_aws(&aws.url);
    for handle in ["acme", "client", "other"] {
        shell.json(&["accounts", "create", "--handle", handle, "--id", &format!("acc_{handle}")]);
    }
    let create = ["keys", "create", "--account", "acme", "--scope", "read", "--mode", "test"];
    let created = shell.json(&create);
    let key = created["key"].as_str().expect("a key");
    let acting = async |handle: &str| {
        authenticate(&aws, key, Some(handle)).await.map(|caller| caller.account.id).ok()
    };
    assert_eq!(acting("client").await, None);
    let set_parent =
        |more: &[&str]| shell.run(&[&["accounts", "set-parent", "--json"], more].concat());
    assert_eq!(set_parent(&["client", "acme"]).json()["parent"], "acc_acme");
    assert_eq!(acting("client").await.as_deref(), Some("acc_client"));
    for (arguments, reason) in [
        (["other", "client"], "a sub-account itself"),
        (["acme", "other"], "has sub-accounts"),
        (["other", "other"], "its own parent"),
        (["other", "nobody"], "there is no account"),
    ] {
        let run = set_parent(&arguments);
        assert!(run.error().contains(reason), "{run:?}");
    }

    let rename = |from: &str, to: &str| shell.run(&["accounts", "rename", from, to, "--json"]);
    assert!(rename("client", "other").error().contains("\"other\" is taken"));
    let renamed = rename("client", "customer");
    assert_eq!(
        (&renamed.json()["id"], &renamed.json()["handle"]),
        (&json!("acc_client"), &json!("customer"))
    );
    assert!(renamed.stderr.contains("60 s"), "{renamed:?}");
    assert_eq!(acting("customer").await.as_deref(), Some("acc_client"));
    assert_eq!(acting("client").await, None);
    assert_eq!(rename("customer", "customer").json()["handle"], "customer");
    assert_eq!(rename("other", "client").json()["id"], "acc_other", "the old handle is free");
    assert_eq!(acting("client").await, None, "without a parent");

    assert_eq!(set_parent(&["customer", "--none"]).json()["parent"], Value::Null);
    assert_eq!(acting("customer").await, None);
    assert_eq!(set_parent(&["acme"]).code, Some(2));
}

#[test]
fn account_has_a_unique_handle_id_and_customer() {
    let aws = Aws::dynamodb();
    let shell = Shell::with_aws(&aws.url);
    let none = shell.run(&["accounts", "list"]);
    assert!(none.error().contains("billingctl setup"), "{none:?}");
    aws.dynamodb.create_table(TABLE).expect("a new table");

    let acme = shell.json(&["accounts", "create", "--handle", "acme", "--id", "acc_1"]);
    assert_eq!(
        acme,
        json!({ "id": "acc_1", "handle": "acme", "parent": null, "customer": null, "createdAt": acme["createdAt"] })
    );
    let client = shell.json(&[
        "accounts",
        "create",
        "--handle",
        "client",
        "--parent",
        "acme",
        "--customer",
        "cus_c",
        "--skip-check",
    ]);
    let id = client["id"].as_str().expect("an ID");
    assert!(id.len() == 20 && id.starts_with("acc_"), "{client}");
    assert_eq!((&client["parent"], &client["customer"]), (&json!("acc_1"), &json!("cus_c")));
    assert_eq!(shell.json(&["accounts", "list"]), json!({ "accounts": [acme, client] }));

    let refused = [
        (&["--handle", "acme"][..], "the handle \"acme\" is taken"),
        (&["--handle", "other", "--id", "acc_1"], "the account ID acc_1 is taken"),
        (&["--handle", "other", "--parent", "client"], "an account without a parent"),
        (&["--handle", "other", "--parent", "nobody"], "there is no account \"nobody\""),
    ];
    for (arguments, reason) in refused {
        let run = shell.run(&[&["accounts", "create"], arguments].concat());
        assert!(run.error().contains(reason), "{run:?}");
    }
    assert_eq!(
        shell.json(&["accounts", "list"]),
        json!({ "accounts": [acme, client] }),
        "all or nothing"
    );

    let link = |arguments: &[&str]| {
        shell.run(&[&["accounts", "link", "acme", "--json", "--skip-check"], arguments].concat())
    };
    assert_eq!(link(&["--customer", "cus_1"]).json()["customer"], "cus_1");
    assert_eq!(link(&["--customer", "cus_1"]).json()["customer"], "cus_1");
    assert!(link(&["--customer", "cus_2"]).error().contains("--replace"));
    assert!(link(&["--customer", "cus_c", "--replace"]).error().contains("the customer of client"));
    assert_eq!(link(&["--customer", "cus_2", "--replace"]).json()["customer"], "cus_2");
    let shown = shell.json(&["accounts", "show", "acc_1"]);
    assert_eq!(
        shown,
        json!({ "id": "acc_1", "handle": "acme", "parent": null, "customer": "cus_2", "customerDeleted": null, "createdAt": acme["createdAt"], "keys": [] })
    );
    let text = shell.run(&["accounts", "show", "acc_1"]).stdout;
    assert!(text.contains("cus_2 (not checked with Stripe: could not read the secret"), "{text}");
}
