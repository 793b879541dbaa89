//! Command line of the sandbox.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Exhausted, Rules, Sandbox};
use tokio::signal::unix::{SignalKind, signal};

/// Local sandbox of Stripe Billing (API 2026-09-30.endive). State is kept in memory.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Address to listen on; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// Secret key with all permissions. Repeatable.
    #[arg(long, default_value = DEFAULT_SECRET_KEY)]
    secret_key: Vec<String>,
    /// Restricted key and its permissions: `rk_test_…=rak_subscription_read,rak_invoice_read`.
    /// Repeatable.
    #[arg(long, value_parser = restricted_key)]
    restricted_key: Vec<(String, Vec<String>)>,
    /// Days from each failed automatic attempt to the next one.
    #[arg(long, value_delimiter = ',', default_value = "3,5,7")]
    retry_days: Vec<u16>,
    /// Action after the last failed attempt.
    #[arg(long, value_enum, default_value = "unpaid")]
    retries_exhausted: Exhausted,
    /// Pause a subscription when a renewal's payment fails for the first time.
    #[arg(long)]
    pause_on_first_failure: bool,
    /// Resume a subscription that a failed payment paused, once its invoice is paid or
    /// uncollectible.
    #[arg(long)]
    resume_when_paid: bool,
    /// File that the state is read from at the start, if it exists, and written to at the end.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// How long a request waits for an object that another request has locked, in milliseconds.
    #[arg(long, default_value_t = 2000)]
    lock_timeout_ms: u64,
}

fn restricted_key(text: &str) -> Result<(String, Vec<String>), String> {
    let (key, permissions) = text.split_once('=').ok_or("expected KEY=permission,permission")?;
    Ok((
        key.to_owned(),
        permissions.split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect(),
    ))
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stripe-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> io::Result<()> {
    let running = Sandbox::start(Config {
        listen: cli.listen,
        secret_keys: cli.secret_key,
        restricted_keys: cli.restricted_key,
        rules: Rules {
            retry_days: cli.retry_days,
            retries_exhausted: cli.retries_exhausted,
            pause_on_first_failure: cli.pause_on_first_failure,
            resume_when_paid: cli.resume_when_paid,
            ..Rules::default()
        },
        snapshot: cli.snapshot,
        lock_timeout: Duration::from_millis(cli.lock_timeout_ms),
    })?;
    // Registered before the address is printed, so that a signal sent right after it is not lost.
    let signals = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _entered = signals.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    println!("stripe-sandbox listening on {}", running.url);
    io::stdout().flush()?;
    signals.block_on(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    });
    running.stop()
}
