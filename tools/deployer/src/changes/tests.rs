//! Tests of the functions that changes affect.

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
fn check(files: &[&str], after: &State, stack: bool, functions: &[&str]) {
    let graph = graph(&metadata()).expect("complete");
    let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
    let found = affected(&graph, &files, &state(MANIFEST, ""), after).expect("readable");
    let functions = functions.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, Changes { stack, functions }, "{files:?}");
}

#[test]
fn source_file_affects_the_functions_that_compile_it() {
    let same = state(MANIFEST, "");
    check(&[], &same, false, &[]);
    check(&["functions/info/src/shape.rs"], &same, false, &["info"]);
    check(&["functions/info/Cargo.toml"], &same, false, &["info"]);
    check(&["shared/src/auth/mod.rs"], &same, false, &["info", "summary"]);
    check(&["tools/tool/src/main.rs", "README.md", "events/info.json"], &same, false, &[]);
    check(&["functions/information/src/main.rs"], &same, false, &[]);
    check(&["shared/README.md", "shared/tests/it/main.rs"], &same, false, &[]);
}

#[test]
fn dependency_affects_the_functions_that_build_it() {
    let files = ["Cargo.lock"];
    check(&files, &state(MANIFEST, "serde"), false, &["info", "summary"]);
    check(&files, &state(MANIFEST, "zip"), false, &["summary"]);
    check(&files, &state(MANIFEST, "mock"), false, &[]);
    let features = MANIFEST.replace("zip = '1'", "zip = { version = '1', features = ['x'] }");
    check(&["Cargo.toml"], &state(&features, ""), false, &["summary"]);
    let new = MANIFEST.replace("mock = '1'", "mock = '1'\nclap = '4'");
    check(&["Cargo.toml"], &state(&new, ""), false, &[]);
}

#[test]
fn build_settings_affect_all_functions() {
    let same = state(MANIFEST, "");
    for file in ["rust-toolchain.toml", "Makefile", "requirements.txt"] {
        check(&[file], &same, false, &["info", "summary"]);
    }
    for (from, to) in [("lto = 'thin'", "lto = 'fat'"), ("edition = '2024'", "edition = '2027'")] {
        let after = state(&MANIFEST.replace(from, to), "");
        check(&["Cargo.toml"], &after, false, &["info", "summary"]);
    }
    for (from, to) in [("debug = false", "debug = true"), ("a = 1", "a = 2"), ("forbid", "deny")] {
        check(&["Cargo.toml"], &state(&MANIFEST.replace(from, to), ""), false, &[]);
    }
}

#[test]
fn template_affects_the_stack() {
    let same = state(MANIFEST, "");
    check(&["template.yaml"], &same, true, &[]);
    check(&["samconfig.toml", "functions/info/src/main.rs"], &same, true, &["info"]);
}
