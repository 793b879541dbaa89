//! Why there are no numbers.

use std::io;

/// `Display` is what the developer reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stand-ins did not start.
    #[error(transparent)]
    Stack(#[from] devstack::Error),
    /// The operating system refused.
    #[error("{what}: {source}")]
    System { what: String, source: io::Error },
    /// Something was not as it has to be for its numbers to mean anything.
    #[error("{0}")]
    Wrong(String),
}

/// The crate's own.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err` on a call of the operating system's.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// An error of these words.
    pub fn wrong<T>(words: impl Into<String>) -> Result<T> {
        Err(Self::Wrong(words.into()))
    }
}
