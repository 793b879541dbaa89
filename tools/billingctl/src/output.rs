//! What is printed where: results on stdout, everything else on stderr.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use serde::Serialize;

use crate::error::{Failure, Result};

/// With `--json`, stdout holds one JSON object and nothing else.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// The command's result: `value` for programs, `text` for people.
    pub(crate) fn result(self, value: &impl Serialize, text: impl Display) -> Result<()> {
        let line = if self.json {
            serde_json::to_string(value).map_err(|error| {
                Failure::new(format!("the result is not writable as JSON: {error}"))
            })?
        } else {
            text.to_string()
        };
        match writeln!(std::io::stdout(), "{}", line.trim_end()) {
            // The reader has seen enough, as `head` does.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(format!("the result could not be printed: {error}"))),
            Ok(()) => Ok(()),
        }
    }
}

/// Progress and hints.
pub(crate) fn note(text: impl Display) {
    // Nobody may be reading; the command's work does not depend on it.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Ends the program with exit code 1.
pub(crate) fn fail(failure: &Failure) -> ExitCode {
    note(format_args!("error: {failure}"));
    ExitCode::FAILURE
}

/// Rows under a header, each column as wide as its widest cell.
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

/// A value that may be absent, in a column.
pub(crate) fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_trailing_blanks() {
        let rows = [["acme".to_owned(), "-".to_owned()], ["é".to_owned(), "x".to_owned()]];
        assert_eq!(columns(["HANDLE", "P"], &rows), "HANDLE  P\nacme    -\né       x\n");
    }
}
