//! A stack that keeps its state from one start to the next.

use std::path::Path;
use std::time::Duration;

use devstack::{Functions, Local, Options, Stack, http};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const LIMIT: Duration = Duration::from_secs(30);

fn start(runtime: &Runtime, folder: &Path) -> Stack {
    let options = Options {
        functions: Functions::Absent,
        keep: true,
        ..Options::prebuilt(Local::create(folder).expect("a folder"))
    };
    let stack = runtime.block_on(Stack::start(options));
    stack.unwrap_or_else(|error| panic!("the stack did not start: {error}"))
}

/// Sends a request to the sandbox, which must succeed.
fn stripe(runtime: &Runtime, stack: &Stack, method: &str, path: &str, body: &str) -> Value {
    let about = stack.about();
    let bearer = format!("Bearer {}", about.stripe_key);
    let url = format!("{}/v1{path}", about.stripe_url);
    let headers = [("authorization", bearer.as_str())];
    let response = runtime.block_on(http::send(method, &url, &headers, body, LIMIT));
    let response = response.expect("a response");
    assert_eq!(response.status, 200, "{path}: {}", response.body);
    response.json()
}

/// Returns all items of the table, in the table's order.
fn items(stack: &Stack) -> Value {
    let scan = stack.dynamodb().call("Scan", &json!({ "TableName": stack.about().table }));
    assert_eq!(scan.status, 200, "{}", scan.body);
    serde_json::from_str(&scan.body).expect("JSON")
}

#[test]
fn kept_stack_has_the_same_items_accounts_and_customers_after_a_restart() {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("keep-{}", std::process::id()));
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads");

    let stack = start(&runtime, &folder);
    let created = stripe(&runtime, &stack, "POST", "/customers", "name=Later");
    let id = created["id"].as_str().expect("an ID").to_owned();
    let products = stripe(&runtime, &stack, "GET", "/products?limit=100", "");
    let portals = stripe(&runtime, &stack, "GET", "/billing_portal/configurations", "");
    let accounts: Vec<Value> =
        stack.about().accounts.iter().map(|account| json!(account)).collect();
    let before = items(&stack);
    let keys = 3 * accounts.len();
    assert!(before["Count"].as_u64().is_some_and(|count| count > 2 * keys as u64), "{before}");
    drop(stack);

    let stack = start(&runtime, &folder);
    assert_eq!(items(&stack), before);
    let kept: Vec<Value> = stack.about().accounts.iter().map(|account| json!(account)).collect();
    assert_eq!(kept, accounts);
    let customer = stripe(&runtime, &stack, "GET", &format!("/customers/{id}"), "");
    assert_eq!(customer, created);
    assert_eq!(stripe(&runtime, &stack, "GET", "/products?limit=100", ""), products);
    let configurations = stripe(&runtime, &stack, "GET", "/billing_portal/configurations", "");
    assert_eq!(configurations, portals);
    drop(stack);
    let _ = std::fs::remove_dir_all(folder);
}
