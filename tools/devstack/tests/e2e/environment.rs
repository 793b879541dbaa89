//! `environment` in `stack.json`: the variables with which a test can start a function itself.

use std::process::{Command, Stdio};
use std::time::Duration;

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Response;
use devstack::lambda::{Request, RuntimeApi};
use serde_json::Value;

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;
use crate::operator::binaries;
use crate::payer::JSON;

cases![function_started_with_the_stacks_environment_responds_as_the_stacks];

/// Timeout of the function's response.
const LIMIT: Duration = Duration::from_secs(29);

/// Starts a function's program with these variables and no others, and returns its response to a request.
fn respond(function: &Function, environment: &Value, request: &Request<'_>) -> Response {
    let api = RuntimeApi::start().expect("a port");
    let variables = environment.as_object().expect("an object").iter();
    let variables = variables.map(|(name, value)| (name, value.as_str().expect("a string")));
    let mut command = Command::new(binaries().join(function.name));
    command.env_clear().envs(variables).env("AWS_LAMBDA_RUNTIME_API", api.address());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("`cargo build --workspace` builds the functions");
    api.invoke(&request.event(), LIMIT);
    let result = api.next_result(LIMIT);
    child.kill().expect("the function runs");
    child.wait().expect("its status");
    result.and_then(|result| result.response()).expect("a response")
}

fn function_started_with_the_stacks_environment_responds_as_the_stacks(harness: &Harness) {
    let stack = serde_json::to_value(harness.about()).expect("JSON");
    let key = &harness.account("metered").keys.admin;
    let bearer = format!("Bearer {key}");
    for function in FUNCTIONS {
        let environment = &stack["environment"][function.name];
        assert_eq!(environment["AWS_LAMBDA_RUNTIME_API"], Value::Null, "{}", function.name);
        // A malformed body is rejected after authentication, which reads the secrets and the table.
        let body = if function.method == "GET" { "" } else { "{" };
        let headers = [("authorization", bearer.as_str()), JSON];
        let expected = harness.send(function.method, &function.example_path(), key, &[JSON], body);
        let request = Request {
            function,
            path: &function.example_path(),
            query: "",
            headers: &headers,
            body,
            source: "192.0.2.1",
            id: "environment",
        };
        let mut expected_body = expected.json();
        if !expected_body["requestId"].is_null() {
            expected_body["requestId"] = "environment".into();
        }
        expect(&respond(function, environment, &request), expected.status, &expected_body);
    }
}
