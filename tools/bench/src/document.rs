//! The tables and plots of docs/bench.md.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::report::{self, thousands};
use crate::results::Results;
use crate::subject::{Kind, root};
use crate::svg;

const BEGIN: &str = "<!-- `make bench` writes what follows, up to the next comment. -->\n";
const END: &str = "<!-- Here it ends. -->\n";

const FOLDER: &str = "docs";
const DOCUMENT: &str = "bench.md";
/// Plots, which the document links to by name. The README shows the comparison too.
const COMPARISON: &str = "bench.svg";
const GROWTH: &str = "bench-growth.svg";

/// Writes the plots and the document's block.
pub fn write(results: &Results) -> Result<()> {
    put(COMPARISON, &svg::comparison(results))?;
    put(GROWTH, &svg::growth(&results.growth))?;
    replace(DOCUMENT, (BEGIN, END), &block(results))
}

/// Replaces a block in a page of docs.
pub fn replace(name: &str, marks: (&str, &str), block: &str) -> Result<()> {
    let document = std::fs::read_to_string(path(name)).map_err(Error::system(name))?;
    let Some(document) = with_block(&document, marks, block) else {
        return Error::wrong(format!("docs/{name} lacks the comments around the bench's block"));
    };
    put(name, &document)
}

fn path(name: &str) -> PathBuf {
    root().join(FOLDER).join(name)
}

/// Writes a file of docs.
pub fn put(name: &str, text: &str) -> Result<()> {
    std::fs::write(path(name), text).map_err(Error::system(name))
}

/// Replaces the block in the document.
fn with_block(document: &str, (begin, end): (&str, &str), block: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{block}{end}{after}"))
}

fn block(results: &Results) -> String {
    let machine = &results.machine;
    let floor = results.programs.iter().find(|one| one.kind == Kind::Floor);
    let floor = floor.map_or(f64::NAN, |one| one.measured.start_ms);
    format!(
        "\
![The functions beside the same endpoints in Node.js]({COMPARISON})

{}
{}
Start: from the start of the process to its first poll (an empty function takes {floor:.1} ms). Cold: start and first
request. Calls: their number, and in brackets how many run in sequence; of AWS before, in and after the first request.
Medians of {} processes with {} warm requests each, on {} cores of {}, Node.js {}, everything on one machine.

{}
![Response time by size]({GROWTH})

",
        report::programs(results).markdown(),
        report::ratios(results).markdown(),
        results.extent.rounds,
        thousands(results.extent.warm as u64),
        machine.cpus,
        machine.arch,
        machine.node.trim_start_matches('v'),
        report::budgets(&results.budgets).markdown(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::results;

    #[test]
    fn with_block_replaces_only_the_block() {
        let old = format!("# Title\n\n{BEGIN}old\n{END}\n## After\n");
        let new = with_block(&old, (BEGIN, END), &block(&results())).expect("a place");
        assert!(new.starts_with("# Title\n\n") && new.ends_with(&format!("{END}\n## After\n")));
        assert!(!new.contains("old\n"));
        assert_eq!(with_block(&new, (BEGIN, END), "old\n").as_deref(), Some(&*old));
        assert_eq!(with_block("no place", (BEGIN, END), "new"), None);
    }

    #[test]
    fn committed_document_has_a_complete_block() {
        let document = std::fs::read_to_string(path(DOCUMENT)).expect("a document");
        let block = document.split_once(BEGIN).and_then(|(_, rest)| Some(rest.split_once(END)?.0));
        let block = block.expect("a block");
        for function in devstack::functions::FUNCTIONS {
            assert!(block.contains(&format!("| `{}` |", function.name)), "{}", function.name);
        }
        for plot in [COMPARISON, GROWTH] {
            assert!(block.contains(plot) && path(plot).is_file(), "{plot}");
        }
        // Every row of a table has as many cells as its header.
        let mut cells = None;
        for line in block.lines() {
            let count = line.matches('|').count();
            assert!(!line.starts_with('|') || cells.is_none_or(|cells| cells == count), "{line}");
            cells = line.starts_with('|').then_some(count);
        }
    }
}
