//! Output: results on stdout, progress, hints and errors on stderr.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use crate::error::{CliError, Result};

/// Exit code of an error. A usage error exits with 2.
const ERROR: u8 = 1;

/// Format of results. With `--json`, stdout holds one JSON object and nothing else, also for an error.
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

/// Prints the error and returns exit code 1. With `--json`, stdout gets it as an object.
pub(crate) fn fail(error: &CliError, output: Output) -> ExitCode {
    note(format_args!("error: {error}"));
    if output.json {
        error_object("failed", &error.to_string());
    }
    ExitCode::from(ERROR)
}

/// Prints clap's message, which can be the help, and returns its exit code: 2 for a usage error. With `--json`, stdout gets
/// the error as an object.
pub(crate) fn usage(error: &clap::Error, output: Output) -> ExitCode {
    let _ = error.print();
    if output.json && error.use_stderr() {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        error_object("usage", first.strip_prefix("error: ").unwrap_or(first));
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn error_object(kind: &str, message: &str) {
    // The exit code says the same to a caller who has closed stdout.
    let object = json!({ "error": { "kind": kind, "message": message } });
    let _ = writeln!(std::io::stdout(), "{object}");
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
