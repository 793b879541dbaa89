//! Tests of the functions that changes affect.

use serde_json::json;

use super::*;

/// Two functions that use `shared`. Only `summary` uses `zip`; `shared` uses `mock` in its tests.
fn metadata() -> Value {
    let own = |name: &str, folder: &str| json!({ "id": name, "name": name, "version": "0.1.0", "source": null, "manifest_path": format!("/r/{folder}/Cargo.toml") });
    let other = |name: &str| json!({ "id": name, "name": name, "version": "1.0.0", "source": "registry", "manifest_path": format!("/c/{name}/Cargo.toml") });
    let node = |id: &str, built: &[&str], tests: &[&str]| {
        let dep =
            |kind: Value| move |id: &&str| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let deps: Vec<Value> =
            built.iter().map(dep(Value::Null)).chain(tests.iter().map(dep("dev".into()))).collect();
        json!({ "id": id, "deps": deps })
    };
    json!({
        "workspace_root": "/r",
        "packages": [
            own("summary", "functions/summary"), own("info", "functions/info"),
            own("shared", "shared"), own("tool", "tools/tool"),
            other("serde"), other("zip"), other("mock"),
        ],
        "resolve": { "nodes": [
            node("summary", &["shared", "zip"], &[]), node("info", &["shared"], &["tool"]),
            node("shared", &["serde"], &["mock"]), node("tool", &["zip"], &[]),
            node("serde", &[], &[]), node("zip", &[], &[]), node("mock", &[], &[]),
        ] },
    })
}

const MANIFEST: &str = "
[workspace]
members = ['functions/*']
[workspace.package]
edition = '2024'
[workspace.dependencies]
serde = '1'
zip = '1'
mock = '1'
[workspace.lints.rust]
unsafe_code = 'forbid'
[workspace.metadata.x]
a = 1
[profile.release]
lto = 'thin'
[profile.dev]
debug = false
";

fn lock(changed: &str) -> String {
    let entry = |name: &str| {
        let checksum = if name == changed { "new" } else { "old" };
        format!("[[package]]\nname = '{name}'\nversion = '1.0.0'\nchecksum = '{checksum}'\n")
    };
    ["serde", "zip", "mock"].map(entry).concat()
}

fn state(manifest: &str, changed: &str) -> State {
    State { lock: lock(changed), manifest: manifest.to_owned() }
}

#[track_caller]
fn check(files: &[&str], after: &State, functions: &[&str]) {
    let graph = graph(&metadata()).expect("complete");
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let found = affected(&graph, &files, &state(MANIFEST, ""), after).expect("readable");
    assert_eq!(found, functions.iter().map(|name| (*name).to_owned()).collect(), "{files:?}");
}

#[test]
fn source_file_affects_the_functions_that_compile_it() {
    let same = state(MANIFEST, "");
    check(&[], &same, &[]);
    check(&["functions/info/src/shape.rs"], &same, &["info"]);
    check(&["functions/info/Cargo.toml"], &same, &["info"]);
    check(&["shared/src/auth/mod.rs"], &same, &["info", "summary"]);
    check(&["tools/tool/src/main.rs", "README.md", "events/info.json"], &same, &[]);
    check(&["functions/information/src/main.rs"], &same, &[]);
    check(&["shared/README.md", "shared/tests/it/main.rs"], &same, &[]);
}

#[test]
fn dependency_affects_the_functions_that_build_it() {
    let files = ["Cargo.lock"];
    check(&files, &state(MANIFEST, "serde"), &["info", "summary"]);
    check(&files, &state(MANIFEST, "zip"), &["summary"]);
    check(&files, &state(MANIFEST, "mock"), &[]);
    let features = MANIFEST.replace("zip = '1'", "zip = { version = '1', features = ['x'] }");
    check(&["Cargo.toml"], &state(&features, ""), &["summary"]);
    let new = MANIFEST.replace("mock = '1'", "mock = '1'\nclap = '4'");
    check(&["Cargo.toml"], &state(&new, ""), &[]);
}

#[test]
fn build_settings_affect_all_functions() {
    let same = state(MANIFEST, "");
    for file in ["rust-toolchain.toml", "Makefile", "requirements.txt", "tools/deployer/package.py"]
    {
        check(&[file], &same, &["info", "summary"]);
    }
    for (from, to) in [("lto = 'thin'", "lto = 'fat'"), ("edition = '2024'", "edition = '2027'")] {
        let after = state(&MANIFEST.replace(from, to), "");
        check(&["Cargo.toml"], &after, &["info", "summary"]);
    }
    for (from, to) in [("debug = false", "debug = true"), ("a = 1", "a = 2"), ("forbid", "deny")] {
        check(&["Cargo.toml"], &state(&MANIFEST.replace(from, to), ""), &[]);
    }
}

#[test]
fn template_and_parameters_affect_no_function() {
    let same = state(MANIFEST, "");
    check(&["template.yaml", "samconfig.toml", "bootstrap.yaml"], &same, &[]);
}
