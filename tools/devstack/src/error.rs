//! Errors of this crate.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Error whose `Display` is shown to the developer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another program listens on the port.
    #[error("port {port} is in use by another program. Stop that program, or set {variable} to a free port: `make run {variable}={}`.", port.wrapping_add(1))]
    PortTaken { port: u16, variable: &'static str },
    /// A stack is already running in this folder.
    #[error(
        "the stack is already running (process {pid}). Stop it with `make stop`. Its addresses are in `.local/stack.json`."
    )]
    Running { pid: String },
    /// Another version of this program has seeded the kept state.
    #[error(
        "the kept state in `.local/state` was seeded by another version. Delete it with `make clean-local`, or run without KEEP=1."
    )]
    OutdatedState,
    /// A program is missing or cannot be started.
    #[error("{program} could not be started: {source}. {advice}")]
    NotStarted { program: String, source: io::Error, advice: &'static str },
    /// A process of the stack has ended.
    #[error("{name} has ended ({status}). The last lines of {}:\n{tail}", log.display())]
    Died { name: String, status: ExitStatus, log: PathBuf, tail: String },
    /// The background process has ended; its log, which has been printed, has the reason.
    #[error("the stack did not start ({status})")]
    Background { status: ExitStatus },
    /// The stack does not stop.
    #[error("process {pid} does not end. The last lines of its log:\n{tail}")]
    Stuck { pid: String, tail: String },
    /// A process of the stack does not respond.
    #[error("{name} did not respond within {seconds} s: {reason}. The last lines of {}:\n{tail}", log.display())]
    Silent { name: String, seconds: u64, reason: String, log: PathBuf, tail: String },
    /// `billingctl` failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command { command: String, status: ExitStatus, output: String },
    /// The output of `billingctl` has an unexpected form.
    #[error("the output of `{command}` is malformed: {reason}")]
    Unexpected { command: String, reason: String },
    /// A step of an account's history failed at Stripe.
    #[error("the account \"{account}\" could not be seeded: {step}: {reason}")]
    Seed { account: &'static str, step: String, reason: String },
    /// A Stripe key in the environment cannot be used.
    #[error("{0}")]
    Keys(String),
    /// `sam local` cannot run, or its responses differ from those of `make run`.
    #[error("{0}")]
    Sam(String),
    /// A file under `.local` could not be read or written.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// A system call failed.
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
}

impl Error {
    /// Returns a function for `map_err` of a file operation.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
