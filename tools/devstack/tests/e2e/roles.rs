//! Compares the functions' recorded AWS calls with their roles in the template: a role allows every call of its function
//! and has no unused permission.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aws_emulator::Recorded;
use deployer::Template;
use deployer::iam::{Call, Grant, role};
use deployer::template::logical_name;
use devstack::functions::{FOLLOW, FUNCTIONS};
use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::payer::{CHANGE, CHECKOUT, PORTAL, Start};
use crate::stripe::text;

cases![each_role_allows_exactly_its_functions_calls];

fn each_role_allows_exactly_its_functions_calls(harness: &Harness) {
    use_every_permission(harness);
    let recording = fs::read_to_string(harness.aws_calls()).expect("a recording");
    let seen: Vec<(String, Call)> = recording.lines().flat_map(calls).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = Template::read(&path).expect("a template");
    let mut wrong = Vec::new();
    for name in FUNCTIONS.iter().map(|function| function.name).chain([FOLLOW]) {
        let own = &template.properties(&logical_name(name))["Role"]["Fn::GetAtt"][0];
        let grants = role(&template, own.as_str().expect("a role")).expect("a supported role");
        let of_function = seen.iter().filter(|(who, _)| who == name);
        let done: Vec<&Call> = of_function
            .map(|(_, call)| call)
            .filter(|call| !OTHER_RESOURCES.contains(&call.resource.as_str()))
            .collect();
        let forbidden = done.iter().filter(|call| !grants.iter().any(|grant| grant.covers(call)));
        wrong.extend(forbidden.map(|call| format!("{name} may not: {call:?}")));
        let idle = grants.iter().filter(|grant| is_recorded(grant));
        let idle = idle.flat_map(|grant| grant.unused(done.iter().copied()));
        let idle = idle.filter(|part| !(name == FOLLOW && part.ends_with(WARM_UP)));
        wrong.extend(idle.map(|part| format!("{name} never does: {part}")));
    }
    let wrong: BTreeSet<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// Tables and secrets of cases that start functions with other settings; no role names them.
const OTHER_RESOURCES: [&str; 5] =
    ["no-such-table", "no-such-secret", "junk", "rotation", "rotation/quote-keys"];

/// Item that a cold start reads. The cases follow Stripe in this process, which has none.
const WARM_UP: &str = "ACCOUNT#warm-up";

/// Returns whether the function itself makes the call; Lambda writes logs and traces.
fn is_recorded(grant: &Grant) -> bool {
    ["dynamodb:", "secretsmanager:"].iter().any(|service| grant.action.starts_with(service))
}

/// Calls each function with a new key of a parent account for a new sub-account, so that the function reads every item,
/// records the key's use, and creates a customer for checkout and portal. Then reads and changes accounts with a customer.
fn use_every_permission(harness: &Harness) {
    let parent = harness.admin_of("roles-parent", None);
    for function in FUNCTIONS {
        let child = format!("roles-{}", function.name);
        harness.billingctl(&["accounts", "create", "--handle", &child, "--parent", &parent.id]);
        let key = harness.new_key(&parent.handle, &["--scope", "admin"]).key;
        let mut headers = vec![("x-cantila-act-as", child.as_str())];
        if function.method == "POST" {
            headers.push(("content-type", "application/json"));
        }
        if function.method != "GET" {
            headers.push(("idempotency-key", "roles"));
        }
        let body = function.sample.unwrap_or_default();
        let response =
            harness.send(function.method, &function.example_path(), &key, &headers, body);
        assert!(response.status < 500, "{}: {}", function.name, response.body);
    }
    // Without a test clock, so that GETs store what they read.
    let customer = text(&harness.stripe_post("/customers", &[("name", "roles")]), "id");
    let invoice = text(&harness.stripe_post("/invoices", &[("customer", &customer)]), "id");
    harness.stripe_post(&format!("/invoices/{invoice}/finalize"), &[]);
    let buyer = harness.admin_of("roles-buyer", Some(&customer));
    for function in FUNCTIONS.iter().filter(|function| function.method == "GET") {
        let path = function.path.replace("{id}", &invoice);
        let response = harness.get(&path, &buyer.key, &[]);
        assert_eq!(response.status, 200, "{}: {}", function.name, response.body);
    }
    let payer = harness.payer("roles-payer", Start::on("pro"));
    let (pro, agency) = (json!({ "plan": "pro" }), json!({ "plan": "agency" }));
    for (path, key, body, status) in [
        (CHECKOUT, &buyer.key, &pro, 201),
        (PORTAL, &buyer.key, &json!({}), 201),
        (CHANGE, &payer.account.key, &agency, 200),
    ] {
        let response = harness.post(path, key, body);
        assert_eq!(response.status, status, "{path}: {}", response.body);
    }
    let later = json!({ "plan": "starter", "effective": "period_end" });
    assert_eq!(harness.post(CHANGE, &payer.account.key, &later).status, 200);
    let dropped = harness.send("DELETE", CHANGE, &payer.account.key, &[], "");
    assert_eq!(dropped.status, 200, "{}", dropped.body);
}

/// Returns the call in a recorded request and the function that made it.
fn calls(line: &str) -> Vec<(String, Call)> {
    let Recorded { target, user_agent, body } = serde_json::from_str(line).expect("JSON");
    let Some(who) = user_agent.split(' ').find_map(|part| part.strip_prefix("app/")) else {
        return Vec::new();
    };
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let (service, action) = target.split_once('.').expect("a target");
    let call = if service == "secretsmanager" {
        secret_call(action, &body)
    } else {
        table_call(action, &body)
    };
    vec![(who.to_owned(), call)]
}

fn secret_call(action: &str, body: &Value) -> Call {
    let resource = match body["SecretId"].as_str().unwrap_or_default() {
        "cantila-billing/stripe-read" => "StripeReadSecret",
        "cantila-billing/stripe-write" => "StripeWriteSecret",
        "cantila-billing/quote-keys" => "QuoteKeysSecret",
        other => other,
    };
    Call {
        action: format!("secretsmanager:{action}"),
        resource: resource.to_owned(),
        leading_keys: Vec::new(),
        attributes: Vec::new(),
    }
}

fn table_call(action: &str, body: &Value) -> Call {
    if action == "BatchGetItem" {
        return batch_call(body);
    }
    let key = body.get("Key").or_else(|| body.get("Item")).cloned().unwrap_or_default();
    let mut attributes: BTreeSet<String> =
        key.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for part in ["UpdateExpression", "ConditionExpression", "ProjectionExpression"] {
        attributes.extend(names(
            body[part].as_str().unwrap_or_default(),
            &body["ExpressionAttributeNames"],
        ));
    }
    // A read without a projection reads all attributes.
    let reads_all = action == "GetItem" && body["ProjectionExpression"].is_null();
    Call {
        action: format!("dynamodb:{action}"),
        resource: table_name(&text(body, "TableName")),
        leading_keys: key["pk"]["S"].as_str().map(str::to_owned).into_iter().collect(),
        attributes: if reads_all { Vec::new() } else { attributes.into_iter().collect() },
    }
}

/// Returns the call of a `BatchGetItem` without a projection, which reads all attributes.
fn batch_call(body: &Value) -> Call {
    let tables = body["RequestItems"].as_object().expect("tables");
    assert_eq!(tables.len(), 1, "a batch reads one table");
    let (name, wanted) = tables.iter().next().expect("a table");
    assert!(wanted["ProjectionExpression"].is_null(), "{wanted}");
    let keys = wanted["Keys"].as_array().expect("keys");
    Call {
        action: "dynamodb:BatchGetItem".to_owned(),
        resource: table_name(name),
        leading_keys: keys.iter().map(|key| text(&key["pk"], "S")).collect(),
        attributes: Vec::new(),
    }
}

/// Returns the logical name of a table, or its name if it is not the stack's.
fn table_name(name: &str) -> String {
    if name == "cantila-billing" { "Table".to_owned() } else { name.to_owned() }
}

/// Returns the attributes in a DynamoDB expression.
fn names(expression: &str, placeholders: &Value) -> Vec<String> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_:#".contains(letter);
    let words = expression.split(|letter| !is_word(letter));
    let words = words.filter(|word| {
        let is_value =
            word.is_empty() || word.starts_with(':') || word.starts_with(char::is_numeric);
        let is_function = expression.contains(&format!("{word}("));
        let is_keyword = word.chars().all(|letter| letter.is_ascii_uppercase());
        !is_value && !is_function && !is_keyword
    });
    let name = |word: &str| placeholders[word].as_str().unwrap_or(word).to_owned();
    words.map(name).collect()
}
