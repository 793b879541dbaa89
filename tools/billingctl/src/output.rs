//! Output: results on stdout, progress, hints and errors on stderr.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::error::{CliError, Result};

/// Format of results. With `--json`, stdout holds one JSON object and nothing else.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints the command's result: `value` with `--json`, `text` without.
    pub(crate) fn result(self, value: &impl Serialize, text: impl Display) -> Result<()> {
        let line = if self.json {
            serde_json::to_string(value).map_err(|error| {
                CliError::new(format!("the result could not be written as JSON: {error}"))
            })?
        } else {
            text.to_string()
        };
        match writeln!(std::io::stdout(), "{}", line.trim_end()) {
            // The reader has closed the pipe, for example `head`.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(CliError::new(format!("the result could not be printed: {error}"))),
            Ok(()) => Ok(()),
        }
    }
}

/// Prints progress or a hint.
pub(crate) fn note(text: impl Display) {
    // The command's work does not depend on a reader of stderr.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints the error and returns exit code 1.
pub(crate) fn fail(error: &CliError) -> ExitCode {
    note(format_args!("error: {error}"));
    ExitCode::FAILURE
}

/// Formats rows under a header, each column as wide as its widest cell.
pub(crate) fn columns<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let header = header.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&header).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Returns the value for a column, `-` if there is none.
pub(crate) fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_without_trailing_spaces() {
        let rows = [["acme".to_owned(), "-".to_owned()], ["é".to_owned(), "x".to_owned()]];
        assert_eq!(columns(["HANDLE", "P"], &rows), "HANDLE  P\nacme    -\né       x\n");
    }
}
