//! `Cargo.lock` and the root manifest, as far as they say what functions are made from.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Package;
use crate::Error;

/// Every package's entry, by name and version.
pub(super) struct Lock(BTreeMap<(String, String), Table>);

impl Lock {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let lock: Table = toml::from_str(text)
            .map_err(|error| Error::unreadable("Cargo.lock", error.to_string()))?;
        let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
        let text = |entry: &Table, key: &str| {
            entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let entries = packages.filter_map(Value::as_table).map(|entry| {
            let key = (text(entry, "name"), text(entry, "version"));
            let mut entry = entry.clone();
            // Those for tests are among them, and every other has an entry of its own.
            entry.remove("dependencies");
            (key, entry)
        });
        Ok(Self(entries.collect()))
    }

    /// Nothing for a package that is not in it: then it is new, or it was another version.
    pub(super) fn entry(&self, package: &Package) -> Option<&Table> {
        self.0.get(&(package.name.clone(), package.version.clone()))
    }
}

/// The root manifest.
pub(super) struct Manifest {
    /// What is asked of each dependency: version and features.
    pub(super) dependencies: BTreeMap<String, Value>,
    /// All else that changes what the compiler makes.
    pub(super) build: Table,
}

impl Manifest {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut build: Table = toml::from_str(text)
            .map_err(|error| Error::unreadable("Cargo.toml", error.to_string()))?;
        let mut dependencies = BTreeMap::new();
        if let Some(workspace) = build.get_mut("workspace").and_then(Value::as_table_mut) {
            if let Some(Value::Table(table)) = workspace.remove("dependencies") {
                dependencies.extend(table);
            }
            for nothing in ["members", "metadata", "lints"] {
                workspace.remove(nothing);
            }
        }
        if let Some(profiles) = build.get_mut("profile").and_then(Value::as_table_mut) {
            let others: BTreeSet<String> =
                profiles.keys().filter(|name| *name != "release").cloned().collect();
            for name in others {
                profiles.remove(&name);
            }
        }
        Ok(Self { dependencies, build })
    }
}
