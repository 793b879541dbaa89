//! One version of Rust everywhere: `rust-toolchain.toml` pins it, and no other file names another.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn toml(path: &str) -> toml::Table {
    read(path).parse().expect(path)
}

/// Returns the pinned release, for example `1.95.0`.
fn pinned() -> String {
    toml("rust-toolchain.toml")["toolchain"]["channel"].as_str().expect("a channel").to_owned()
}

#[test]
fn rust_version_equals_the_pinned_toolchain() {
    let pinned = pinned();
    let manifest = toml("Cargo.toml");
    let oldest = manifest["workspace"]["package"]["rust-version"].as_str().expect("a version");
    let (minor, patch) = pinned.rsplit_once('.').expect("a release with a patch version");
    assert_eq!(minor, oldest);
    assert!(patch.parse::<u32>().is_ok(), "{pinned} is not a release");
}

#[test]
fn ci_and_workflows_install_the_pinned_toolchain() {
    let workflows = fs::read_dir(root().join(".github/workflows")).expect("workflows");
    let workflows = workflows.map(|entry| entry.expect("an entry").path());
    let scripts = [".ci/run", ".ci/audit", "Makefile"].map(|path| root().join(path));
    for path in workflows.chain(scripts) {
        let text = fs::read_to_string(&path).expect("text");
        for line in text.lines().filter(|line| line.contains("rustup") || line.contains("cargo +"))
        {
            let is_pinned = !line.contains("default")
                && !line.contains('+')
                && line.split("toolchain install").skip(1).all(names_no_toolchain);
            assert!(is_pinned, "{}: {line}", path.display());
        }
    }
}

/// Returns whether nothing but another command follows `rustup toolchain install`.
fn names_no_toolchain(rest: &str) -> bool {
    rest.trim().is_empty() || rest.trim().starts_with("&&")
}

#[test]
fn readme_names_the_pinned_version() {
    let pinned = pinned();
    let readme = read("README.md");
    for named in readme.split("Rust 1.").skip(1) {
        let minor: String = named.chars().take_while(char::is_ascii_digit).collect();
        assert!(pinned.starts_with(&format!("1.{minor}.")), "README.md names Rust 1.{minor}");
    }
}
