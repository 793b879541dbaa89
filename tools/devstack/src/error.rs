//! Why the stack did not start, in words that say what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// `Display` is what the developer reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something else listens there.
    #[error("port {port} is taken by another program. End that one, or set {variable} to a free port, as in `make run {variable}={}`.", port.wrapping_add(1))]
    PortTaken { port: u16, variable: &'static str },
    /// There is a stack already.
    #[error(
        "the stack is already running (process {pid}). `make stop` ends it; `.local/stack.json` says where it is."
    )]
    Running { pid: String },
    /// A program is not there, or cannot be started.
    #[error("{program} could not be started: {source}. {advice}")]
    NotStarted { program: String, source: io::Error, advice: &'static str },
    /// A part of the stack has ended by itself.
    #[error("{name} has ended ({status}). The last lines of {}:\n{tail}", log.display())]
    Died { name: String, status: ExitStatus, log: PathBuf, tail: String },
    /// The process in the background has ended; it has said why itself.
    #[error("the stack has not come up ({status})")]
    Background { status: ExitStatus },
    /// A stack cannot be ended.
    #[error("process {pid} does not end. The last lines of its log:\n{tail}")]
    Stuck { pid: String, tail: String },
    /// A part of the stack runs and does not answer.
    #[error("{name} did not answer within {seconds} s: {reason}. The last lines of {}:\n{tail}", log.display())]
    Silent { name: String, seconds: u64, reason: String, log: PathBuf, tail: String },
    /// `billingctl` refused.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command { command: String, status: ExitStatus, output: String },
    /// `billingctl` answered something else than its interface says.
    #[error("`{command}` did not answer as expected: {reason}")]
    Unexpected { command: String, reason: String },
    /// Stripe refused a step of an account's story, or the sandbox does not know it.
    #[error("the account \"{account}\" could not be made: {step}: {reason}")]
    Seed { account: &'static str, step: String, reason: String },
    /// Stripe's keys in the environment are not for this.
    #[error("{0}")]
    Keys(String),
    /// `sam local` cannot run here, or its answers are not those of `make run`.
    #[error("{0}")]
    Sam(String),
    /// A file under `.local` could not be read or written.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// The operating system refused.
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
}

impl Error {
    /// For `map_err` on a file operation.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
