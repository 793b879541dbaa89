//! Tables of the results, for the terminal and docs/bench.md.

use std::fmt::Write as _;

use crate::budgets::Verdict;
use crate::growth::Growth;
use crate::results::{Program, Results};
use crate::subject::Kind;

/// Table of text.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|&cell| cell.to_owned()).collect()])
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }

    /// Formats the table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (index, cells) in self.0.iter().enumerate() {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
            if index == 0 {
                let _ = writeln!(text, "|---{}|", "|---:".repeat(cells.len() - 1));
            }
        }
        text
    }

    /// Formats the table with aligned columns for a terminal.
    pub fn plain(&self) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.0 {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = match index {
                    0 => write!(line, "{cell:width$}"),
                    _ => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }
}

fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[expect(clippy::cast_precision_loss)]
fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!("{:.2}", bytes as f64 / 1e6))
}

fn calls(program: &Program) -> [String; 2] {
    let Some(calls) = &program.calls else { return [String::new(), String::new()] };
    let stripe = calls.stripe;
    let (start, first) = (calls.aws_at_start, calls.aws_at_first);
    [
        format!("{} ({})", stripe.count, stripe.in_sequence),
        format!(
            "{} ({}), {} ({}), {}",
            start.count, start.in_sequence, first.count, first.in_sequence, calls.aws_warm
        ),
    ]
}

/// Returns the table of the programs' costs.
pub fn programs(results: &Results) -> Table {
    let mut table = Table::new(&[
        "",
        "start, ms",
        "cold, ms",
        "warm, ms",
        "p99, ms",
        "CPU, ms",
        "peak, MiB",
        "zip, MB",
        "Stripe calls",
        "AWS calls",
    ]);
    for program in results.programs.iter().filter(|program| program.kind != Kind::Twin) {
        let measured = &program.measured;
        let [stripe, aws] = calls(program);
        let label = match program.kind {
            Kind::Floor => "*an empty function*".to_owned(),
            Kind::Peer => format!("*{}*", program.label),
            _ => format!("`{}`", program.label),
        };
        table.row(vec![
            label,
            ms(measured.start_ms),
            ms(measured.cold_ms),
            ms(measured.warm_ms),
            ms(measured.warm_p99_ms),
            format!("{:.2}", measured.cpu_us / 1e3),
            format!("{:.1}", measured.peak_mib),
            megabytes(program.package_bytes),
            stripe,
            aws,
        ]);
    }
    table
}

/// Returns the table of the peers' costs relative to ours.
pub fn ratios(results: &Results) -> Table {
    let mut table =
        Table::new(&["the Node.js peer takes", "cold start", "warm request", "CPU", "memory"]);
    for name in crate::subject::PEERS {
        let times = |what| {
            let ratio = results.ratio(name, what);
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.1} ×"))
        };
        table.row(vec![
            format!("`{name}`"),
            times("cold"),
            times("warm"),
            times("cpu"),
            times("peak"),
        ]);
    }
    table
}

/// Returns the table of the budgets.
pub fn budgets(verdicts: &[Verdict]) -> Table {
    let mut table = Table::new(&["budget", "at most", "worst", "whose", "met"]);
    for Verdict { cost, budget, worst, program, met } in verdicts {
        let met = if *met { "yes" } else { "**no**" }.to_owned();
        table.row(vec![cost.clone(), budget.clone(), worst.clone(), program.clone(), met]);
    }
    table
}

/// Returns the table of the growths.
pub fn growth(growth: &[Growth]) -> Table {
    let mut table = Table::new(&["", "of", "ms", "CPU, ms", "Stripe calls"]);
    for one in growth {
        for point in &one.points {
            let cpu = point.cpu_us.map_or_else(String::new, |cpu| format!("{:.2}", cpu / 1e3));
            table.row(vec![
                one.what.to_owned(),
                format!("{} {}", thousands(point.size), one.of),
                ms(point.ms),
                cpu,
                if point.stripe_calls == 0 {
                    String::new()
                } else {
                    point.stripe_calls.to_string()
                },
            ]);
        }
    }
    table
}

/// Formats 1000000 as 1,000,000.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Describes the comparison of a program with itself.
pub fn twice(results: &Results) -> String {
    let parts = results.twice.iter().map(|ratio| {
        format!("{} {:.3} ({:.3} to {:.3})", ratio.what, ratio.median, ratio.low, ratio.high)
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::results;

    #[test]
    fn table_is_aligned_and_has_a_row_for_every_function() {
        let table = programs(&results());
        let text = table.plain();
        let ends = text.lines().map(|line| line.chars().count()).max();
        assert!(text.lines().all(|line| Some(line.chars().count()) <= ends));
        for function in devstack::functions::FUNCTIONS {
            assert!(text.contains(&format!("`{}`", function.name)), "{text}");
        }
        let ours = devstack::functions::FUNCTIONS.len();
        assert_eq!(text.lines().count(), 1 + ours + 1 + 3, "the twin has no row");
        let head = table.markdown();
        assert!(head.lines().nth(1).is_some_and(|line| line.starts_with("|---|---:|")), "{head}");
    }

    #[test]
    fn thousands_groups_digits() {
        for (number, text) in [(1, "1"), (999, "999"), (1_000, "1,000"), (1_000_000, "1,000,000")] {
            assert_eq!(thousands(number), text);
        }
    }
}
