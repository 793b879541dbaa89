//! The README's tables and plots.

use crate::error::{Error, Result};
use crate::report::{self, thousands};
use crate::results::Results;
use crate::subject::{Kind, root};
use crate::svg;

const BEGIN: &str = "<!-- `make bench` writes what follows, up to the next comment. -->\n";
const END: &str = "<!-- Here it ends. -->\n";

/// Paths of the plots.
const COMPARISON: &str = "docs/bench.svg";
const GROWTH: &str = "docs/bench-growth.svg";

/// Writes the plots and the README's block.
pub fn write(results: &Results) -> Result<()> {
    put(COMPARISON, &svg::comparison(results))?;
    put(GROWTH, &svg::growth(&results.growth))?;
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(path).map_err(Error::system("README.md"))?;
    let Some(readme) = with_block(&readme, &block(results)) else {
        return Error::wrong("README.md lacks the comments around the bench's block");
    };
    put("README.md", &readme)
}

fn put(place: &str, text: &str) -> Result<()> {
    std::fs::write(root().join(place), text).map_err(Error::system(place))
}

/// Replaces the block in the README.
fn with_block(readme: &str, block: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{block}{END}{after}"))
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
[Method](docs/bench.md).

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
        let new = with_block(&old, &block(&results())).expect("a place");
        assert!(new.starts_with("# Title\n\n") && new.ends_with(&format!("{END}\n## After\n")));
        assert!(!new.contains("old\n"));
        assert_eq!(with_block(&new, "old\n").as_deref(), Some(&*old));
        assert_eq!(with_block("no place", "new"), None);
    }

    #[test]
    fn committed_readme_has_a_complete_block() {
        let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
        let block = readme.split_once(BEGIN).and_then(|(_, rest)| Some(rest.split_once(END)?.0));
        let block = block.expect("a block");
        for function in devstack::functions::FUNCTIONS {
            assert!(block.contains(&format!("| `{}` |", function.name)), "{}", function.name);
        }
        for place in [COMPARISON, GROWTH] {
            assert!(block.contains(place) && root().join(place).is_file(), "{place}");
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
