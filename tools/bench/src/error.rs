//! Errors of this crate.

use std::io;

/// Error whose `Display` is shown to the developer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stack did not start.
    #[error(transparent)]
    Stack(#[from] devstack::Error),
    /// A system call failed.
    #[error("{what}: {source}")]
    System { what: String, source: io::Error },
    /// A precondition of the measurements does not hold.
    #[error("{0}")]
    Wrong(String),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns a function for `map_err` of a system call.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// Returns an error with this message.
    pub fn wrong<T>(message: impl Into<String>) -> Result<T> {
        Err(Self::Wrong(message.into()))
    }
}
