//! Reads the changes from git and the packages from cargo.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{State, affected, graph};
use crate::Error;

/// Returns the functions that changed between a commit and `HEAD`.
///
/// # Errors
/// [`Error::Command`] if the commit does not exist or cargo cannot read the workspace.
pub fn since(root: &Path, commit: &str) -> Result<BTreeSet<String>, Error> {
    let manifest = root.join("Cargo.toml");
    let metadata = run(
        root,
        "cargo",
        &[
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--manifest-path",
            &manifest.to_string_lossy(),
        ],
    )?;
    let metadata = serde_json::from_str(&metadata)
        .map_err(|error| Error::unreadable("the output of `cargo metadata`", error.to_string()))?;
    // `--end-of-options`, so that a commit that begins with `-` is not taken for an option.
    let commit = run(
        root,
        "git",
        &["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{commit}}")],
    )?;
    let commit = commit.trim();
    let files = run(root, "git", &["diff", "--name-only", "--no-renames", "-z", commit, "HEAD"])?;
    let files: Vec<String> =
        files.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect();
    let state = |at: &str| {
        let show = |file: &str| run(root, "git", &["show", &format!("{at}:{file}")]);
        Ok::<_, Error>(State { lock: show("Cargo.lock")?, manifest: show("Cargo.toml")? })
    };
    affected(&graph(&metadata)?, &files, &state(commit)?, &state("HEAD")?)
}

fn run(root: &Path, program: &str, args: &[&str]) -> Result<String, Error> {
    let command = || format!("{program} {}", args.join(" "));
    let failed = |reason: String| Error::Command { command: command(), reason };
    let output = Command::new(program).args(args).current_dir(root).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
