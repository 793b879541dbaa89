//! `devstack sam-local`: compares the responses of the built packages in Lambda's containers with those of the local
//! stack.
//!
//! Each comparison uses a freshly seeded stack, because some of the events change the account.

mod command;
mod normalize;

use std::time::Duration;

use serde_json::Value;

use crate::functions::{FUNCTIONS, Function};
use crate::http;
use crate::process::Processes;
use crate::stack::root;
use crate::{About, Error, Local, Options, Reach, Stack};
use command::Sam;
use normalize::normalized;

/// Timeout of one response.
const LIMIT: Duration = Duration::from_secs(30);

/// The compared parts of a response.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    status: u64,
    body: Value,
}

/// Calls each function in the local stack, with `sam local invoke` and with `sam local start-api`, and compares.
///
/// # Errors
/// [`Error::Sam`] if SAM or Docker is missing or a response differs, [`Error`] if a stack does not start.
pub async fn sam_local() -> Result<(), Error> {
    let sam = Sam::find()?;
    println!("local stack");
    let (stack, _) = start("direct").await?;
    let mut expected = Vec::new();
    for function in FUNCTIONS {
        expected.push(over_http(function, &stack.about().api_url).await?);
    }
    drop(stack);

    println!("sam local invoke");
    let (stack, _) = start("invoke").await?;
    Sam::prepare(stack.about())?;
    let mut invoked = Vec::new();
    for function in FUNCTIONS {
        invoked.push(sam.invoke(function.name)?);
    }
    drop(stack);
    compare("sam local invoke", &expected, &invoked)?;

    println!("sam local start-api");
    let (stack, local) = start("start-api").await?;
    Sam::prepare(stack.about())?;
    let mut processes = Processes::new(local)?;
    let url = sam.start_api(&mut processes).await?;
    let mut served = Vec::new();
    for function in FUNCTIONS {
        served.push(over_http(function, &url).await?);
    }
    processes.stop();
    drop(stack);
    compare("sam local start-api", &expected, &served)
}

/// Writes the template that connects `sam local` to the stack of `make run REACH=network`.
///
/// # Errors
/// [`Error::File`] if no stack runs, [`Error::Sam`] if nothing is built.
pub fn sam_template() -> Result<(), Error> {
    let about = About::read(&Local::create(root().join(crate::command::LOCAL))?)?;
    let path = Sam::prepare(&about)?;
    println!("{}", path.display());
    Ok(())
}

/// Starts a stack on free ports that containers can reach. Returns a second folder for SAM's processes.
async fn start(name: &str) -> Result<(Stack, Local), Error> {
    let folder = root().join(".local/sam-local");
    let options =
        Options { reach: Reach::Network, ..Options::prebuilt(Local::create(folder.join(name))?) };
    Ok((Stack::start(options).await?, Local::create(folder.join(format!("{name}-sam")))?))
}

fn event(function: &str) -> Result<Value, Error> {
    let path = root().join(format!("events/{function}.json"));
    let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
    serde_json::from_str(&text).map_err(|error| Error::file(&path)(error.into()))
}

/// Sends the request of a function's event over HTTP.
async fn over_http(function: &Function, base: &str) -> Result<Outcome, Error> {
    let event = event(function.name)?;
    let url = format!("{base}{}", event["rawPath"].as_str().unwrap_or(function.path));
    let headers = event["headers"].as_object().into_iter().flatten();
    let headers: Vec<(&str, &str)> = headers
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .filter(|(name, _)| !matches!(*name, "host" | "content-length"))
        .collect();
    let body = event["body"].as_str().unwrap_or_default();
    let response =
        http::send(function.method, &url, &headers, body, LIMIT).await.map_err(Error::Sam)?;
    Ok(Outcome { status: response.status.into(), body: response.json() })
}

fn compare(command: &str, expected: &[Outcome], found: &[Outcome]) -> Result<(), Error> {
    let mut different = Vec::new();
    for ((function, expected), found) in FUNCTIONS.iter().zip(expected).zip(found) {
        let (name, status) = (function.name, found.status);
        let (expected_body, body) = (normalized(&expected.body), normalized(&found.body));
        if status < 500 && expected.status == status && expected_body == body {
            println!("  {name:<20} {status}  equal");
        } else {
            println!("  {name:<20} {status}  DIFFERENT");
            different.push(format!(
                "{name}: expected {} {expected_body}\n{command}: {status} {body}",
                expected.status
            ));
        }
    }
    if different.is_empty() { Ok(()) } else { Err(Error::Sam(different.join("\n"))) }
}
