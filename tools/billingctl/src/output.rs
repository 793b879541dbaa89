//! Output: results on stdout, progress, hints and errors on stderr.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
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
        let written = if self.json {
            let line = serde_json::to_string(value).map_err(|error| {
                CliError::new(format!("the result could not be written as JSON: {error}"))
            })?;
            writeln!(std::io::stdout(), "{line}")
        } else {
            writeln!(anstream::stdout(), "{}", text.to_string().trim_end())
        };
        printed(written)
    }
}

/// Prints the bytes as they are.
pub(crate) fn raw(bytes: &[u8]) -> Result<()> {
    printed(std::io::stdout().write_all(bytes))
}

fn printed(written: std::io::Result<()>) -> Result<()> {
    match written {
        // The reader has closed the pipe, for example `head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::new(format!("the result could not be printed: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints progress or a hint.
pub(crate) fn note(text: impl Display) {
    // The command's work does not depend on a reader of stderr.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Largest width of a table. `--json` has the cells that a table cuts.
const WIDTH: usize = 100;

/// Width that a cut column keeps.
const MIN_CUT: usize = 8;

const BOLD: Style = Style::new().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();

/// Formats the text in a style, which reaches terminals only, and none with `NO_COLOR`.
pub(crate) fn styled(text: impl Display, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints the error and returns exit code 1. With `--json`, stdout gets it as an object.
pub(crate) fn fail(error: &CliError, output: Output) -> ExitCode {
    note(format_args!("{} {error}", styled("error:", RED)));
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

/// Formats rows under a header, each column as wide as its widest cell. If the table is wider than 100 columns, the column
/// `cut` gets narrower.
pub(crate) fn columns<const N: usize>(
    header: [&str; N],
    rows: &[[String; N]],
    cut: usize,
) -> String {
    let header = header.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&header).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let excess = (widths.iter().sum::<usize>() + 2 * N.saturating_sub(1)).saturating_sub(WIDTH);
    if let Some(width) = widths.get_mut(cut).filter(|_| excess > 0) {
        *width = width.saturating_sub(excess).max(MIN_CUT);
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let cell = fitted(cell, width);
            format!("{cell:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = styled(line(&header), BOLD);
    for row in rows {
        text.push('\n');
        text.push_str(&line(row));
    }
    text.push('\n');
    text
}

/// Returns the text, cut to this number of characters.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Colors the lines of a diff by their mark: `+`, `~` or `-`.
pub(crate) fn diff(text: &str) -> String {
    let line = |line: &str| match line.trim_start().get(..2) {
        Some("+ ") => styled(line, GREEN),
        Some("~ ") => styled(line, YELLOW),
        Some("- ") => styled(line, RED),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
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
        let text = columns(["HANDLE", "P"], &rows, 0);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, "HANDLE  P\nacme    -\né       x\n");
    }

    #[test]
    fn wide_table_is_cut_to_100_columns_at_one_column() {
        let rows = [["a".repeat(60), "é".repeat(90), "end".to_owned()]];
        let text = columns(["A", "B", "C"], &rows, 1);
        let row = text.lines().last().expect("a row");
        assert_eq!(row, format!("{}  {}…  end", "a".repeat(60), "é".repeat(32)));
        let narrow = columns(["A", "B"], &[["a".repeat(120), "b".repeat(20)]], 1);
        assert!(narrow.ends_with("bbbbbbb…\n"), "{narrow}");
    }

    #[test]
    fn line_of_a_diff_has_the_color_of_its_mark() {
        let text = diff("+ a\n    ~ b\n- c\nd");
        assert_eq!(
            text,
            format!(
                "{}\n{}\n{}\nd",
                styled("+ a", GREEN),
                styled("    ~ b", YELLOW),
                styled("- c", RED)
            )
        );
    }
}
