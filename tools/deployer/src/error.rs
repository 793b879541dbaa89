//! Errors of this crate.

use std::path::PathBuf;

/// Error whose `Display` is shown to the operator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// A file or a program's output has an unexpected form.
    #[error("{what} is malformed: {reason}")]
    Unreadable { what: String, reason: String },
    /// A program could not be run, or failed.
    #[error("{command} failed: {reason}")]
    Command { command: String, reason: String },
    /// The template lacks an entry, or has one that this crate does not support.
    #[error("{place}: {reason}")]
    Unknown { place: String, reason: String },
}

impl Error {
    pub(crate) fn unreadable(what: &str, reason: impl Into<String>) -> Self {
        Self::Unreadable { what: what.to_owned(), reason: reason.into() }
    }

    pub(crate) fn unknown(place: &str, reason: impl Into<String>) -> Self {
        Self::Unknown { place: place.to_owned(), reason: reason.into() }
    }
}
