//! The commands `devstack run` and `devstack stop`.

use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::daemon::{self, StackLock, Stopped};
use crate::gateway::Functions;
use crate::local::Local;
use crate::stack::{MAX_PROCESSES, Options, Ports, Reach, Stack, root};
use crate::stripe::StripeChoice;
use crate::{About, Error, summary::summary};

/// Folder of the stack that `make run` starts.
pub(crate) const LOCAL: &str = ".local";

/// Start and seed the stack, then print its addresses and keys
///
/// The stack uses the Stripe sandbox, or Stripe's test mode if `STRIPE_SECRET_KEY=sk_test_…` is set
/// (optionally with `STRIPE_READ_KEY`, `STRIPE_WRITE_KEY` and `STRIPE_PUBLISHABLE_KEY`).
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct RunArguments {
    /// Run in the background and return when the stack is up; `devstack stop` stops it
    #[arg(long)]
    detach: bool,
    /// Set by `--detach` for the background process
    #[arg(long, hide = true, conflicts_with = "detach")]
    background: bool,
    /// Keep the state of DynamoDB and of the Stripe sandbox in .local/state for the next start with --keep
    #[arg(long)]
    keep: bool,
    /// Port of the API
    #[arg(long, env = "API_PORT", default_value_t = 9100, value_parser = clap::value_parser!(u16).range(1..))]
    api_port: u16,
    /// Port of the Stripe sandbox
    #[arg(long, env = "STRIPE_PORT", default_value_t = 12111, value_parser = clap::value_parser!(u16).range(1..))]
    stripe_port: u16,
    /// Port of the emulator of DynamoDB and Secrets Manager
    #[arg(long, env = "AWS_PORT", default_value_t = 5055, value_parser = clap::value_parser!(u16).range(1..))]
    aws_port: u16,
    /// Port of the example console; 0 starts none
    #[arg(long, env = "CONSOLE_PORT", default_value_t = 3000)]
    console_port: u16,
    /// Processes of each function, which handle requests concurrently as on Lambda: 1 to 4
    #[arg(long, env = "PROCESSES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_PROCESSES)))]
    processes: u8,
    /// 1 to follow Stripe's events, so that GETs show every change within seconds; 0 not to
    #[arg(long, env = "FOLLOW", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    follow: u8,
    /// Address that the Stripe sandbox and the AWS emulator listen on
    #[arg(long, env = "REACH", value_enum, default_value_t)]
    reach: Reach,
}

/// Runs the stack until a signal arrives, or starts it in the background.
///
/// # Errors
/// [`Error`]. All started processes have ended by then.
pub async fn run(arguments: RunArguments) -> Result<(), Error> {
    let local = Local::create(root().join(LOCAL))?;
    let stripe = StripeChoice::from_env()?;
    if arguments.detach {
        daemon::detach(&local, &arguments.in_background())?;
        println!(
            "{}",
            summary(
                &About::read(&local)?,
                "The stack runs in the background; `make stop` stops it."
            )
        );
        return Ok(());
    }
    if arguments.background {
        // In a session of its own the process survives the terminal.
        let _ = rustix::process::setsid();
    }
    let lock = StackLock::acquire(&local)?;
    let options = arguments.options(local, stripe);
    let outcome = tokio::select! {
        outcome = Box::pin(supervise(options, arguments.background)) => outcome,
        outcome = stop_signal() => outcome.inspect(|()| println!("\nstopping")),
    };
    drop(lock);
    outcome
}

/// Starts the stack and returns when one of its processes has ended. Dropping the future stops the stack.
async fn supervise(options: Options, background: bool) -> Result<(), Error> {
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

async fn stop_signal() -> Result<(), Error> {
    let what = "the signal handlers could not be installed";
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
            ports: Ports { api: self.api_port, stripe: self.stripe_port, aws: self.aws_port },
            console: Some(self.console_port).filter(|port| *port > 0),
            stripe,
            functions: Functions::Watched,
            processes: self.processes,
            follow: self.follow == 1,
            reach: self.reach,
            keep: self.keep,
            progress: |line| println!("{line}"),
            ..Options::prebuilt(local)
        }
    }

    /// Returns the arguments of the background process.
    fn in_background(&self) -> Vec<String> {
        let numbers = [
            ("--api-port", self.api_port),
            ("--stripe-port", self.stripe_port),
            ("--aws-port", self.aws_port),
            ("--console-port", self.console_port),
            ("--processes", self.processes.into()),
            ("--follow", self.follow.into()),
        ];
        let numbers =
            numbers.into_iter().flat_map(|(name, number)| [name.to_owned(), number.to_string()]);
        let reach = match self.reach {
            Reach::Machine => "machine",
            Reach::Network => "network",
        };
        let keep = self.keep.then(|| "--keep".to_owned());
        let first = ["run", "--background", "--reach", reach].map(str::to_owned);
        first.into_iter().chain(keep).chain(numbers).collect()
    }
}

/// Stops the stack and prints what was running.
///
/// # Errors
/// [`Error`] if the stack does not stop.
pub fn stop() -> Result<(), Error> {
    let local = Local::create(root().join(LOCAL))?;
    match daemon::stop(&local)? {
        Stopped::Nothing => println!("Nothing was running."),
        Stopped::Stack => println!("The stack has stopped."),
        Stopped::Orphans(count) => {
            println!(
                "The stack had been killed; its {count} remaining processes have been stopped."
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArguments,
    }

    #[test]
    fn only_one_to_four_processes_are_accepted() {
        let parse =
            |number: &str| Line::try_parse_from(["devstack", &*format!("--processes={number}")]);
        for number in ["1", "4"] {
            let run = parse(number).unwrap_or_else(|error| panic!("{number}: {error}")).run;
            let repeated = run.in_background();
            assert!(
                repeated.windows(2).any(|pair| pair == ["--processes", number]),
                "{repeated:?}"
            );
        }
        for number in ["0", "5", "-1", "x", ""] {
            let error = parse(number).err().unwrap_or_else(|| panic!("{number} is accepted"));
            assert!(error.to_string().contains("--processes"), "{error}");
        }
    }
}
