//! `Cargo.lock` and the root manifest: the parts that affect the functions' programs.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::Package;
use crate::Error;

/// Entries of `Cargo.lock` by name and version.
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
            // Includes dev-dependencies. The dependencies that are built have entries of their own.
            entry.remove("dependencies");
            (key, entry)
        });
        Ok(Self(entries.collect()))
    }

    /// Returns a package's entry; `None` if the package is new or had another version.
    pub(super) fn entry(&self, package: &Package) -> Option<&Table> {
        self.0.get(&(package.name.clone(), package.version.clone()))
    }
}

/// Root manifest.
pub(super) struct Manifest {
    /// `[workspace.dependencies]`: version and features of each dependency.
    pub(super) dependencies: BTreeMap<String, Value>,
    /// The other settings that affect compiled programs.
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
            for irrelevant in ["members", "metadata", "lints"] {
                workspace.remove(irrelevant);
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
