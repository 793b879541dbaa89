//! Input of a secret: from a file, stdin or a prompt, never from an argument.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use crate::error::{CliError, Result};

/// Source of the secret. An argument would stay in the shell's history.
#[derive(Args)]
pub(crate) struct SourceArgs {
    /// Read the key from a file
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    from_file: Option<PathBuf>,
    /// Read the key from stdin; without this and --from-file you are asked for it
    #[arg(long)]
    stdin: bool,
}

/// Reads the secret. Error messages call it `name`.
pub(super) fn read(source: &SourceArgs, name: &str) -> Result<SecretString> {
    let unreadable =
        |error: std::io::Error| CliError::new(format!("{name} could not be read: {error}"));
    let text = if let Some(file) = &source.from_file {
        std::fs::read_to_string(file).map_err(unreadable)?
    } else if source.stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{name} (is not shown): ")).map_err(unreadable)?
    } else {
        return Err(CliError::new(format!(
            "there is no terminal to ask for {name} on; use --from-file or --stdin"
        )));
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(CliError::new(format!("{name} is empty")));
    }
    Ok(SecretString::from(text))
}
