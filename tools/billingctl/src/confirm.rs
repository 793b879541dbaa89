//! Questions before a change that cannot be undone.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use clap::Args;

use crate::error::{CliError, Result};

/// Option of the commands that ask.
#[derive(Args)]
pub(crate) struct ConfirmArgs {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl ConfirmArgs {
    /// Asks on the terminal, unless `--yes` is given.
    ///
    /// # Errors
    /// If the answer is not "yes", or if there is no terminal to ask on.
    pub(crate) fn ask(&self, question: impl Display) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(CliError::new(
                "nothing was changed, because there is no terminal to ask on; add --yes to run the command without a question",
            ));
        }
        let _ = write!(std::io::stderr(), "{question} Type \"yes\" to continue: ");
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(_) if answer.trim() == "yes" => Ok(()),
            _ => Err(CliError::new(
                "nothing was changed; run the command again and type \"yes\" to continue",
            )),
        }
    }
}
