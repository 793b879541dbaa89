//! The programs of others that a test runs: where they are, and how they are run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// The folder of the Node packages, if there is a Node that they run on. Says why where there is none.
pub fn node(what: &str) -> Option<PathBuf> {
    let output = Command::new("node").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let version = version.unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_none_or(|major: u32| major < 20) {
        println!("SKIPPED: {what}: node 20 or later is needed, this is {version:?}");
        return None;
    }
    let folder = root().join("tools/contract/node");
    let packages = folder.join("node_modules/typescript");
    assert!(packages.exists(), "{} is missing: run `make setup`", packages.display());
    Some(folder)
}

/// Runs a program and gives what it said. It fails with that if the program fails.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}
