//! Finds the functions that a change affects: those into which cargo compiles a changed package.

mod lock;
mod repository;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Error;
use lock::{Lock, Manifest};

pub use repository::since;

/// Cargo package that is compiled into functions.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Folder in the repository; `None` for packages from a registry.
    pub folder: Option<String>,
    pub name: String,
    pub version: String,
}

/// Functions by name, each with every package that is compiled into it, itself included.
pub type Graph = BTreeMap<String, Vec<Package>>;

/// Contents of the dependency files at one commit.
#[derive(Clone, Debug)]
pub struct State {
    pub lock: String,
    pub manifest: String,
}

/// Files that affect every package: compiler, build tools and their options.
const BUILD: [&str; 5] = [
    "Makefile",
    "requirements.txt",
    "rust-toolchain.toml",
    ".cargo/config.toml",
    "tools/deployer/package.py",
];

/// Returns the functions that must be built after these files have changed.
///
/// # Errors
/// [`Error::Unreadable`] for a malformed lock file or manifest.
pub fn affected(
    graph: &Graph,
    files: &[String],
    before: &State,
    after: &State,
) -> Result<BTreeSet<String>, Error> {
    let locks = (Lock::parse(&before.lock)?, Lock::parse(&after.lock)?);
    let manifests = (Manifest::parse(&before.manifest)?, Manifest::parse(&after.manifest)?);
    let changed = |name: &str| files.iter().any(|file| file == name);
    let all = BUILD.iter().any(|name| changed(name)) || manifests.0.build != manifests.1.build;
    let has_changed = |package: &Package| {
        let has_changed_source = package.folder.as_ref().is_some_and(|folder| {
            files.iter().any(|file| is_source(file) && file.starts_with(&format!("{folder}/")))
        });
        has_changed_source
            || manifests.0.dependencies.get(&package.name)
                != manifests.1.dependencies.get(&package.name)
            || locks.0.entry(package) != locks.1.entry(package)
    };
    let functions = graph
        .iter()
        .filter(|(_, packages)| all || packages.iter().any(has_changed))
        .map(|(function, _)| function.clone());
    Ok(functions.collect())
}

/// Returns whether a file can affect the compiled program; documentation and integration tests cannot.
fn is_source(file: &str) -> bool {
    let is_prose = std::path::Path::new(file).extension().is_some_and(|kind| kind == "md");
    !is_prose && !file.contains("/tests/")
}

/// Returns the graph of the packages under `functions/` from the output of `cargo metadata`.
///
/// # Errors
/// [`Error::Unreadable`].
pub fn graph(metadata: &Value) -> Result<Graph, Error> {
    let bad = || Error::unreadable("the output of `cargo metadata`", "a field is missing");
    let root = metadata["workspace_root"].as_str().ok_or_else(bad)?;
    let mut packages: BTreeMap<&str, Package> = BTreeMap::new();
    for package in metadata["packages"].as_array().ok_or_else(bad)? {
        let text = |key: &str| package[key].as_str().ok_or_else(bad);
        let folder = text("manifest_path")?
            .strip_prefix(root)
            .and_then(|path| path.trim_start_matches('/').strip_suffix("/Cargo.toml"))
            .filter(|_| package["source"].is_null());
        let (name, version) = (text("name")?.to_owned(), text("version")?.to_owned());
        packages.insert(text("id")?, Package { folder: folder.map(str::to_owned), name, version });
    }
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().ok_or_else(bad)? {
        let dependencies = node["deps"].as_array().ok_or_else(bad)?.iter();
        let built = dependencies.filter(|dependency| is_built(dependency));
        let ids = built.filter_map(|dependency| dependency["pkg"].as_str()).collect();
        edges.insert(node["id"].as_str().ok_or_else(bad)?, ids);
    }
    let is_function = |package: &&Package| {
        package.folder.as_deref().is_some_and(|folder| folder.starts_with("functions/"))
    };
    let functions = packages.iter().filter(|(_, package)| is_function(package));
    let closure = |id: &str| {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![id]);
        while let Some(id) = waiting.pop() {
            if let Some((known, _)) = packages.get_key_value(id)
                && seen.insert(*known)
            {
                waiting.extend(edges.get(id).into_iter().flatten());
            }
        }
        seen.into_iter().filter_map(|id| packages.get(id).cloned()).collect()
    };
    Ok(functions.map(|(id, package)| (package.name.clone(), closure(id))).collect())
}

/// Returns whether a dependency is more than a dev-dependency.
fn is_built(dependency: &Value) -> bool {
    let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
    kinds.into_iter().any(|kind| kind["kind"] != "dev")
}

#[cfg(test)]
mod tests;
