//! Third-party programs that the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Returns the folder of the Node packages. Without a sufficient Node it prints that `test` is skipped.
pub fn node(test: &str) -> Option<PathBuf> {
    let output = Command::new("node").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let version = version.unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_none_or(|major: u32| major < 20) {
        println!("SKIPPED: {test}: needs Node 20 or later, found {version:?}");
        return None;
    }
    let folder = root().join("tools/contract/node");
    let packages = folder.join("node_modules/typescript");
    assert!(packages.exists(), "{} is missing: run `make setup`", packages.display());
    Some(folder)
}

/// Returns Hurl. Without it, it prints that `test` is skipped.
pub fn hurl(test: &str) -> Option<Command> {
    let own = root().join("target/tools/bin/hurl");
    let program = if own.exists() { own } else { "hurl".into() };
    if Command::new(&program).arg("--version").output().is_err() {
        println!("SKIPPED: {test}: needs Hurl 8 (make hurl)");
        return None;
    }
    Some(Command::new(program))
}

/// Returns a program of the virtual environment. It finds the other programs of the environment in its PATH.
pub fn python(program: &str) -> Command {
    let folder = root().join(".venv/bin");
    let file = folder.join(program);
    assert!(file.exists(), "{} is missing: run `make setup`", file.display());
    let mut command = Command::new(file);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command
}

/// Runs a program and returns its output. Panics with the output if the program fails.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}\n{text}");
    text
}
