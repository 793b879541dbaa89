//! The processes around the functions: moto, which the AWS emulator uses, the sandbox, which replaces Stripe, and the
//! example console.

use std::net::SocketAddr;
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

/// Name of moto's process.
const MOTO: &str = "moto";

/// Starts moto for Secrets Manager and STS. Only the AWS emulator connects to it.
pub(crate) fn start_moto(processes: &mut Processes, root: &Path, port: u16) -> Result<(), Error> {
    let mut command = Command::new(root.join(".venv/bin/moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    processes.spawn(MOTO, command, "`make setup` installs it.")
}

/// Waits until moto responds.
pub(crate) async fn await_moto(local: &Local, url: &str) -> Result<(), Error> {
    await_response(local, MOTO, &format!("{url}/moto-api/")).await
}

/// Starts the Stripe sandbox with a secret key and the functions' two restricted keys. It reads its state from
/// `snapshot` and writes it there when it stops.
pub(crate) fn start_sandbox(
    processes: &mut Processes,
    program: &Path,
    listen: SocketAddr,
    keys: &StripeKeys,
    snapshot: Option<&Path>,
) -> Result<(), Error> {
    let mut command = Command::new(program);
    if let Some(file) = snapshot {
        command.arg("--snapshot").arg(file);
    }
    command.args(["--listen", &listen.to_string(), "--secret-key", &keys.secret]);
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
    post(local, &format!("{url}/_sandbox/portal_configuration")).await
}

/// Starts the example console. It reads the stack's description whenever a page is requested.
pub(crate) fn start_console(
    processes: &mut Processes,
    program: &Path,
    port: u16,
    stack: &Path,
) -> Result<(), Error> {
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string(), "--stack"]).arg(stack);
    processes.spawn("console", command, "`make compile` builds it.")
}

/// Makes the sandbox write its snapshot.
pub(crate) async fn save_sandbox(local: &Local, url: &str) -> Result<(), Error> {
    post(local, &format!("{url}/_sandbox/snapshot")).await
}

/// Sends a POST to the sandbox's admin API.
async fn post(local: &Local, url: &str) -> Result<(), Error> {
    let response = http::send("POST", url, &[], "", Duration::from_secs(5)).await;
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
