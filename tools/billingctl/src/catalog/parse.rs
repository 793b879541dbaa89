//! Parser of the catalog file.

use std::path::Path;

use super::desired::Catalog;
use super::file::File;
use super::toml_reader::{Faults, Fields, document};
use super::validate::validate;
use crate::error::{CliError, Result};

/// Parses the text of a catalog file.
///
/// # Errors
/// All faults of the file, each as `line:column: reason`.
pub(super) fn parse(text: &str) -> std::result::Result<Catalog, Vec<String>> {
    let mut faults = Faults::default();
    let document = document(text, &mut faults);
    let file = File::read(Fields::new(document.get_ref(), 0..0), &mut faults);
    let catalog = validate(&file, &mut faults);
    if faults.is_empty() { Ok(catalog) } else { Err(faults.located(text)) }
}

/// Reads and parses a catalog file.
///
/// # Errors
/// If the file cannot be read, or has faults. The message lists all faults.
pub(super) fn parse_file(path: &Path) -> Result<Catalog> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::new(format!("{name} could not be read ({error}); name the catalog with --file"))
    })?;
    parse(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {name}:{fault}")).collect();
        let count = match lines.len() {
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        CliError::new(format!(
            "{name} has {count}; fix the file and run the command again. Nothing was sent to Stripe\n{}",
            lines.join("\n")
        ))
    })
}
