//! A secret as the operator hands it over.

use std::io::{IsTerminal as _, Read as _};

use secrecy::SecretString;

use crate::cli::Source;
use crate::error::{Failure, Result};

/// Whether it was said where the secret is.
pub(super) fn is_given(source: &Source) -> bool {
    source.stdin || source.from_file.is_some()
}

/// From a file, from stdin, or from a person who is asked for it and does not see it.
pub(super) fn read(source: &Source, what: &str) -> Result<SecretString> {
    let unreadable =
        |error: std::io::Error| Failure::new(format!("{what} could not be read: {error}"));
    let text = if let Some(file) = &source.from_file {
        std::fs::read_to_string(file).map_err(unreadable)?
    } else if source.stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{what} (is not shown): ")).map_err(unreadable)?
    } else {
        return Err(Failure::new(format!(
            "there is nobody to ask for {what}; give it with --from-file or --stdin"
        )));
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::new(format!("{what} is empty")));
    }
    Ok(SecretString::from(text))
}
