//! What `devstack run` and `devstack stop` do.

use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::daemon::{self, Claim, Stopped};
use crate::gateway::Functions;
use crate::local::Local;
use crate::stack::{Options, Ports, Reach, Stack, StandIns, root};
use crate::stripe::StripeChoice;
use crate::{About, Error, summary::summary};

/// Where the stack of `make run` keeps its files.
pub(crate) const LOCAL: &str = ".local";

/// Start everything, seed it, and print where it is
///
/// Stripe is the sandbox, or Stripe's real test mode if `STRIPE_SECRET_KEY=sk_test_…` is set
/// (`STRIPE_READ_KEY` and `STRIPE_PUBLISHABLE_KEY` may be set beside it).
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct RunArguments {
    /// Return once it is up; `devstack stop` ends it
    #[arg(long)]
    detach: bool,
    /// We are what a detached run leaves behind
    #[arg(long, hide = true, conflicts_with = "detach")]
    background: bool,
    /// Where the API listens
    #[arg(long, env = "API_PORT", default_value_t = 9100, value_parser = clap::value_parser!(u16).range(1..))]
    api_port: u16,
    /// Where the Stripe sandbox listens
    #[arg(long, env = "STRIPE_PORT", default_value_t = 12111, value_parser = clap::value_parser!(u16).range(1..))]
    stripe_port: u16,
    /// Where DynamoDB and Secrets Manager listen
    #[arg(long, env = "AWS_PORT", default_value_t = 5055, value_parser = clap::value_parser!(u16).range(1..))]
    aws_port: u16,
    /// Who can reach the stand-ins for Stripe and AWS: `network` lets containers in
    #[arg(long, env = "REACH", value_enum, default_value_t)]
    reach: Reach,
}

/// Runs the stack until a signal comes, or in the background.
///
/// # Errors
/// [`Error`]; nothing is left running by then.
pub async fn run(arguments: RunArguments) -> Result<(), Error> {
    let local = Local::create(root().join(LOCAL))?;
    // Asked for before anything is started.
    let stripe = StripeChoice::from_env()?;
    if arguments.detach {
        daemon::detach(&local, &arguments.in_background())?;
        println!(
            "{}",
            summary(&About::read(&local)?, "It runs in the background; `make stop` ends it.")
        );
        return Ok(());
    }
    if arguments.background {
        // A session of our own: closing the terminal is none of our business.
        let _ = rustix::process::setsid();
    }
    let claim = Claim::take(&local)?;
    let options = arguments.options(local, stripe);
    let outcome = tokio::select! {
        outcome = Box::pin(attend(options, arguments.background)) => outcome,
        outcome = told_to_stop() => outcome.inspect(|()| println!("\nstopping")),
    };
    drop(claim);
    outcome
}

/// Starts the stack and looks after it. Dropping this ends it.
async fn attend(options: Options, background: bool) -> Result<(), Error> {
    let local = options.local.clone();
    let mut stack = Stack::start(options).await?;
    for line in stack.failing() {
        println!("warning: {line}");
    }
    if !background {
        println!("{}", summary(stack.about(), "Ctrl-C stops it."));
    }
    stack.about().write(&local)?;
    loop {
        stack.check()?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn told_to_stop() -> Result<(), Error> {
    let what = "signals cannot be waited for";
    let on = |kind| signal(kind).map_err(|source| Error::System { what, source });
    let (mut interrupt, mut terminate, mut hangup) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

impl RunArguments {
    fn options(&self, local: Local, stripe: StripeChoice) -> Options {
        Options {
            local,
            ports: Ports { api: self.api_port, stripe: self.stripe_port, aws: self.aws_port },
            stripe,
            functions: Functions::Watched,
            reach: self.reach,
            stand_ins: StandIns::default(),
            progress: |line| println!("{line}"),
        }
    }

    fn in_background(&self) -> Vec<String> {
        let Self { api_port, stripe_port, aws_port, .. } = self;
        let ports =
            [("--api-port", api_port), ("--stripe-port", stripe_port), ("--aws-port", aws_port)];
        let ports = ports.into_iter().flat_map(|(name, port)| [name.to_owned(), port.to_string()]);
        let reach = match self.reach {
            Reach::Machine => "machine",
            Reach::Network => "network",
        };
        let first = ["run", "--background", "--reach", reach].map(str::to_owned);
        first.into_iter().chain(ports).collect()
    }
}

/// Ends the stack, and says what there was to end.
///
/// # Errors
/// [`Error`] if it does not end.
pub fn stop() -> Result<(), Error> {
    let local = Local::create(root().join(LOCAL))?;
    match daemon::stop(&local)? {
        Stopped::Nothing => println!("Nothing was running."),
        Stopped::Stack => println!("The stack has ended."),
        Stopped::Left(count) => println!(
            "The stack had been killed; {count} of its processes were left and have ended."
        ),
    }
    Ok(())
}
