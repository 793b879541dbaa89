//! The services around the functions: moto emulates DynamoDB and Secrets Manager, the sandbox replaces Stripe.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use billingctl::permissions::slugs;
use tokio::time::sleep;

use crate::Error;
use crate::http;
use crate::local::Local;
use crate::process::Processes;
use crate::stripe::StripeKeys;

/// Time that a service has to start; Python is slow on a cold disk.
const LIMIT: Duration = Duration::from_mins(1);

/// Starts moto, or the Python program `program` in its place. Records every request in `recording`.
pub(crate) fn start_aws(
    processes: &mut Processes,
    root: &Path,
    (host, port): (&str, u16),
    program: Option<&Path>,
    recording: Option<&Path>,
) -> Result<(), Error> {
    let mut command = match program {
        None => Command::new(root.join(".venv/bin/moto_server")),
        Some(program) => {
            let mut python = Command::new(root.join(".venv/bin/python"));
            python.arg(program);
            python
        }
    };
    command.args(["-H", host, "-p", &port.to_string()]);
    if let Some(path) = recording {
        command.env("MOTO_ENABLE_RECORDING", "1").env("MOTO_RECORDER_FILEPATH", path);
    }
    processes.spawn("aws", command, "`make setup` installs it.")
}

/// Waits until moto responds.
pub(crate) async fn await_aws(local: &Local, url: &str) -> Result<(), Error> {
    await_response(local, "aws", &format!("{url}/moto-api/")).await
}

/// Starts the Stripe sandbox with a secret key and the functions' two restricted keys.
pub(crate) fn start_sandbox(
    processes: &mut Processes,
    program: &Path,
    (host, port): (&str, u16),
    keys: &StripeKeys,
) -> Result<(), Error> {
    let mut command = Command::new(program);
    command.args(["--listen", &format!("{host}:{port}"), "--secret-key", &keys.secret]);
    let (read, write) = (slugs(|row| row.read_key), slugs(|row| row.write_key));
    for (key, permissions) in [(&keys.read, read), (&keys.write, write)] {
        command.args(["--restricted-key", &format!("{key}={}", permissions.join(","))]);
    }
    processes.spawn("stripe", command, "`make compile` builds it.")
}

/// Waits until the sandbox responds, and creates its default portal configuration. In a real account that takes the
/// dashboard: Stripe's API can only change the default configuration.
pub(crate) async fn await_sandbox(local: &Local, url: &str) -> Result<(), Error> {
    await_response(local, "stripe", &format!("{url}/v1/customers")).await?;
    let saved = format!("{url}/_sandbox/portal_configuration");
    let response = http::send("POST", &saved, &[], "", Duration::from_secs(5)).await;
    response.map(drop).map_err(|reason| local.silent("stripe", LIMIT, reason))
}

/// Waits until `url` responds with any status.
async fn await_response(local: &Local, name: &str, url: &str) -> Result<(), Error> {
    let end = Instant::now() + LIMIT;
    loop {
        match http::send("GET", url, &[], "", Duration::from_secs(5)).await {
            Ok(_) => return Ok(()),
            Err(reason) if Instant::now() > end => return Err(local.silent(name, LIMIT, reason)),
            Err(_) => sleep(Duration::from_millis(30)).await,
        }
    }
}
