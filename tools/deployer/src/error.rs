//! What can go wrong, in words that say what to do.

use std::path::PathBuf;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// A file or a program's output is not what it should be.
    #[error("{what} cannot be read: {reason}")]
    Unreadable { what: String, reason: String },
    /// A program could not be run, or failed.
    #[error("{command} failed: {reason}")]
    Command { command: String, reason: String },
    /// Something in the template that nothing here knows how to judge.
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
