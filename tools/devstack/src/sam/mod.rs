//! `devstack sam-local`: the packages that `sam build` made, in Lambda's own containers, give the
//! answers that the functions give under `make run`.
//!
//! Each way of asking gets a stack of its own, freshly seeded: some of the events change something.

mod alike;
mod command;

use std::time::Duration;

use serde_json::Value;

use crate::functions::FUNCTIONS;
use crate::http;
use crate::process::Processes;
use crate::stack::{StandIns, root};
use crate::{About, Error, Functions, Local, Options, Ports, Reach, Stack, StripeChoice};
use alike::alike;
use command::Sam;

/// Longest wait for one answer of a function that runs on this machine.
const LIMIT: Duration = Duration::from_secs(30);

/// An answer as far as it has to be the same everywhere.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    status: u64,
    body: Value,
}

/// Asks each function in three ways, and compares.
///
/// # Errors
/// [`Error::Sam`] for what is missing or differs; [`Error`] if a stack does not start.
pub async fn sam_local() -> Result<(), Error> {
    let sam = Sam::find()?;
    println!("the functions as `make run` starts them");
    let (stack, _) = start("direct").await?;
    let mut expected = Vec::new();
    for function in FUNCTIONS {
        let url = format!("{}{}", stack.about().api_url, function.path);
        expected.push(over_http(function.method, &url, &event(function.name)?).await?);
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
        let url = format!("{url}{}", function.path);
        served.push(over_http(function.method, &url, &event(function.name)?).await?);
    }
    processes.stop();
    drop(stack);
    compare("sam local start-api", &expected, &served)
}

/// Writes the template that leads `sam local` to the stack of `make run REACH=network`.
///
/// # Errors
/// [`Error::File`] if none runs; [`Error::Sam`] if nothing is built.
pub fn sam_template() -> Result<(), Error> {
    let about = About::read(&Local::create(root().join(crate::command::LOCAL))?)?;
    let path = Sam::prepare(&about)?;
    println!("{}", path.display());
    Ok(())
}

/// A stack that containers can reach, on free ports.
async fn start(name: &str) -> Result<(Stack, Local), Error> {
    let folder = root().join(".local/sam-local");
    let options = Options {
        local: Local::create(folder.join(name))?,
        ports: Ports::default(),
        stripe: StripeChoice::Sandbox,
        functions: Functions::Prebuilt,
        reach: Reach::Network,
        stand_ins: StandIns::default(),
        progress: |_| (),
    };
    Ok((Stack::start(options).await?, Local::create(folder.join(format!("{name}-sam")))?))
}

fn event(function: &str) -> Result<Value, Error> {
    let path = root().join(format!("events/{function}.json"));
    let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
    serde_json::from_str(&text).map_err(|error| Error::file(&path)(error.into()))
}

/// The request that an event stands for.
async fn over_http(method: &str, url: &str, event: &Value) -> Result<Told, Error> {
    let headers = event["headers"].as_object().into_iter().flatten();
    let headers: Vec<(&str, &str)> = headers
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .filter(|(name, _)| !matches!(*name, "host" | "content-length"))
        .collect();
    let body = event["body"].as_str().unwrap_or_default();
    let answer = http::send(method, url, &headers, body, LIMIT).await.map_err(Error::Sam)?;
    Ok(Told { status: answer.status.into(), body: answer.json() })
}

fn compare(way: &str, expected: &[Told], found: &[Told]) -> Result<(), Error> {
    let mut different = Vec::new();
    for ((function, expected), found) in FUNCTIONS.iter().zip(expected).zip(found) {
        let (name, status) = (function.name, found.status);
        if status < 500 && expected.status == status && alike(&expected.body) == alike(&found.body)
        {
            println!("  {name:<20} {status}  the same");
        } else {
            println!("  {name:<20} {status}  DIFFERENT");
            let (expected_body, body) = (alike(&expected.body), alike(&found.body));
            different.push(format!(
                "{name}: {} {expected_body}\nbut {way}: {status} {body}",
                expected.status
            ));
        }
    }
    if different.is_empty() { Ok(()) } else { Err(Error::Sam(different.join("\n"))) }
}
