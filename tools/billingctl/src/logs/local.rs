//! Logs of the local stack: a file for each process.

use std::io::ErrorKind;
use std::path::Path;

use super::lines::Line;
use crate::error::{CliError, Result};

/// Finds the lines of a request in the files of a folder.
pub(super) fn find(folder: &Path, request: &str) -> Result<Vec<Line>> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        let path = path.display();
        CliError::new(if error.kind() == ErrorKind::NotFound {
            format!(
                "there is no folder {path}; run the command in the repository after `make run`, or name a deployed stack with --profile"
            )
        } else {
            format!("{path} could not be read: {error}")
        })
    };
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let text = String::from_utf8_lossy(&bytes);
        let function = path.file_stem().unwrap_or_default().to_string_lossy();
        let lines = text.lines().filter(|line| line.contains(request));
        found.extend(lines.filter_map(|line| Line::parse(&function, line, request)));
    }
    Ok(found)
}
