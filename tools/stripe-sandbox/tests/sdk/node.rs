//! Finds Node.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest version that Stripe's SDK and `node --test` work with.
const OLDEST: u32 = 20;

/// Returns the path of Node, or prints why the suite is skipped.
pub fn installed() -> Option<PathBuf> {
    let node = PathBuf::from("node");
    if let Err(reason) = check(&node) {
        println!("SKIPPED: the suite of Stripe's Node SDK: {reason}");
        return None;
    }
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/node/node_modules/stripe");
    assert!(packages.exists(), "{} is missing: run `make setup`", packages.display());
    Some(node)
}

fn check(node: &Path) -> Result<(), String> {
    let output = Command::new(node).arg("--version").output();
    let output = output.map_err(|error| format!("node does not start: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major: Option<u32> =
        version.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(()),
        _ => Err(format!("node {OLDEST} or later is needed, this one is {version}")),
    }
}
