//! What each function did on AWS, as its stand-in recorded it, against what its role in the
//! template allows: all of it, and nothing that no function ever does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use deployer::Template;
use deployer::iam::{Call, Grant, role};
use deployer::template::logical_name;
use devstack::functions::FUNCTIONS;
use serde_json::Value;

use crate::cases;
use crate::harness::Harness;
use crate::stripe::text;

cases![each_role_allows_what_its_function_does_and_nothing_else];

fn each_role_allows_what_its_function_does_and_nothing_else(harness: &Harness) {
    do_all_there_is_to_do(harness);
    let recording = fs::read_to_string(harness.aws_calls()).expect("a recording");
    let seen: Vec<(String, Call)> = recording.lines().flat_map(calls).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = Template::read(&path).expect("a template");
    let mut wrong = Vec::new();
    for function in FUNCTIONS {
        let own = &template.properties(&logical_name(function.name))["Role"]["Fn::GetAtt"][0];
        let grants =
            role(&template, own.as_str().expect("a role")).expect("a role that is understood");
        let of_function = seen.iter().filter(|(who, _)| who == function.name);
        let done: Vec<&Call> = of_function
            .map(|(_, call)| call)
            .filter(|call| !MADE_UP.contains(&call.resource.as_str()))
            .collect();
        let forbidden = done.iter().filter(|call| !grants.iter().any(|grant| grant.covers(call)));
        wrong.extend(forbidden.map(|call| format!("{} may not: {call:?}", function.name)));
        let idle = grants.iter().filter(|grant| is_recorded(grant));
        let idle = idle.filter(|grant| !done.iter().any(|call| grant.covers(call)));
        wrong.extend(idle.map(|grant| format!("{} never does: {grant:?}", function.name)));
    }
    let wrong: BTreeSet<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", Vec::from_iter(wrong).join("\n"));
}

/// Tables and secrets that cases have made up for functions of their own: no role names them.
const MADE_UP: [&str; 5] =
    ["no-such-table", "no-such-secret", "junk", "rotation", "rotation/quote-keys"];

/// Logs and traces are Lambda's own doing.
fn is_recorded(grant: &Grant) -> bool {
    ["dynamodb:", "secretsmanager:"].iter().any(|service| grant.action.starts_with(service))
}

/// For a parent account inside of sub-accounts that are new, each time with a key that was never
/// used: everything has to be looked up, the use is noted, and checkout and portal each have a
/// customer to make.
fn do_all_there_is_to_do(harness: &Harness) {
    let parent = harness.admin_of("roles-parent", None);
    for function in FUNCTIONS {
        let child = format!("roles-{}", function.name);
        harness.billingctl(&["accounts", "create", "--handle", &child, "--parent", &parent.id]);
        let key = harness.new_key(&parent.handle, &["--scope", "admin"]).key;
        let mut headers = vec![("x-cantila-act-as", child.as_str())];
        if function.method == "POST" {
            headers.push(("content-type", "application/json"));
            headers.push(("idempotency-key", "roles"));
        }
        let body = function.sample.unwrap_or_default();
        let answer = harness.send(function.method, function.path, &key, &headers, body);
        assert!(answer.status < 500, "{}: {}", function.name, answer.body);
    }
}

/// The calls in one recorded request, and which function made them.
fn calls(line: &str) -> Vec<(String, Call)> {
    let request: Value = serde_json::from_str(line).expect("JSON");
    let header = |wanted: &str| {
        let headers = request["headers"].as_object().expect("headers");
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
    };
    let agent = header("user-agent");
    let Some(who) = agent.split(' ').find_map(|part| part.strip_prefix("app/")) else {
        return Vec::new();
    };
    let body = BASE64_STANDARD.decode(text(&request, "body")).expect("base64");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let target = header("x-amz-target");
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
    let key = body.get("Key").or_else(|| body.get("Item")).cloned().unwrap_or_default();
    let mut attributes: BTreeSet<String> =
        key.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for part in ["UpdateExpression", "ConditionExpression", "ProjectionExpression"] {
        attributes.extend(names(
            body[part].as_str().unwrap_or_default(),
            &body["ExpressionAttributeNames"],
        ));
    }
    // A read that names nothing but the key reads all there is.
    let reads_all = action == "GetItem" && body["ProjectionExpression"].is_null();
    Call {
        action: format!("dynamodb:{action}"),
        resource: match text(body, "TableName").as_str() {
            "cantila-billing" => "Table".to_owned(),
            other => other.to_owned(),
        },
        leading_keys: key["pk"]["S"].as_str().map(str::to_owned).into_iter().collect(),
        attributes: if reads_all { Vec::new() } else { attributes.into_iter().collect() },
    }
}

/// The attributes that an expression of `DynamoDB`'s names.
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
