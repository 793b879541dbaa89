//! Layers of the workspace: imports inside a crate point down and form no circle.
//!
//! The test parses the sources and resolves `use` items and inline paths, through re-exports, to the file that
//! defines the item. Code under `#[cfg(test)]` is left out.

mod rules;
mod source;

use std::path::{Path, PathBuf};

use rules::Crate;
use source::Files;

/// A package, its root file, and its top-level modules from the lowest layer to the highest. The root file is
/// above them all.
const LAYERS: &[(&str, &str, &[&str])] = &[
    (
        "shared",
        "lib.rs",
        &["values", "aws", "stripe", "billing", "access", "api", "change", "runtime"],
    ),
    (
        "tools/billingctl",
        "main.rs",
        &[
            "error",
            "output",
            "confirm",
            "values",
            "stack_description",
            "profile",
            "options",
            "aws",
            "stripe",
            "profiles",
            "logs",
            "catalog",
            "keys",
            "secrets",
            "setup",
            "accounts",
            "doctor",
            "cli",
        ],
    ),
    (
        "tools/stripe-sandbox",
        "lib.rs",
        &[
            "values",
            "config",
            "model",
            "engine",
            "world",
            "lifecycle",
            "endpoint",
            "resources",
            "pages",
            "http",
            "sandbox",
        ],
    ),
    (
        "examples/console",
        "main.rs",
        &["http", "stack", "api", "clock", "views", "app", "guard", "handlers", "router"],
    ),
];

/// Crates of HTTP, AWS and Lambda, which `shared::billing` must not name.
const INFRASTRUCTURE: &[&str] =
    &["http", "http_body", "http_body_util", "hyper", "hyper_rustls", "hyper_util"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(package: &str, root: &str) -> Crate {
    let files = source::files(&workspace().join(package).join("src"));
    Crate::new(source::modules(&files, root))
}

fn is_infrastructure(name: &str) -> bool {
    INFRASTRUCTURE.contains(&name) || name.starts_with("aws_") || name.starts_with("lambda_")
}

#[track_caller]
fn assert_none(package: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{package}/src:\n    {}", faults.join("\n    "));
}

#[test]
fn imports_point_down() {
    for (package, root, layers) in LAYERS {
        assert_none(package, &read(package, root).upward_imports(layers));
    }
}

#[test]
fn imports_form_no_circle() {
    let functions = workspace().join("functions").read_dir().expect("functions");
    let names = functions.map(|entry| entry.expect("an entry").file_name());
    let functions = names.map(|name| format!("functions/{}", name.to_string_lossy()));
    for package in functions {
        assert_none(&package, &read(&package, "lib.rs").circles());
    }
    for (package, root, _) in LAYERS {
        assert_none(package, &read(package, root).circles());
    }
}

#[test]
fn billing_names_no_infrastructure() {
    assert_none("shared", &read("shared", "lib.rs").mentions("billing", is_infrastructure));
}

/// Parses a made-up crate, given as files with their texts.
fn sample(files: &[(&str, &str)]) -> Crate {
    let files: Files =
        files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    Crate::new(source::modules(&files, "lib.rs"))
}

/// Two layers whose lower one has this text.
fn layered(low: &str) -> Vec<String> {
    let files = [
        ("lib.rs", "mod low; mod high; pub use high::call::Call; pub struct App;"),
        ("low/mod.rs", low),
        ("high/mod.rs", "pub mod call; pub use call::Call;"),
        ("high/call.rs", "use crate::low; pub struct Call; pub const ONE: u8 = 1;"),
    ];
    sample(&files).upward_imports(&["low", "high"])
}

#[test]
fn upward_import_is_reported_however_it_is_written() {
    let rows = [
        "use crate::high::call::Call;",
        "use crate::{high::{call::{self, Call}}};",
        "use super::high::call::ONE as FIRST;",
        "pub use crate::high::call::*;",
        "use crate::Call;",
        "fn f() -> u8 { crate::high::call::ONE }",
        "fn f() { use crate::high::call::Call; }",
        "fn f(call: &super::high::call::Call) {}",
        "fn f() { println!(\"{}\", crate::high::call::ONE); }",
        "mod inner { use super::super::high::call::Call; }",
        "#[serde(with = \"crate::high::call::text\")] struct S;",
        "#[derive(crate::high::call::Derive)] struct S;",
        "#[cfg(not(test))] use crate::high::call::Call;",
    ];
    for row in rows {
        let faults = layered(row);
        let expected = "low/mod.rs -> high/call.rs (low -> high)";
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{row}: {faults:?}");
    }
    let faults = layered("use crate::high::Call;");
    assert_eq!(
        faults,
        [
            "upward import: low/mod.rs -> high/mod.rs (low -> high) by `crate::high::Call`",
            "upward import: low/mod.rs -> high/call.rs (low -> high) by `crate::high::Call`",
        ]
    );
    let faults = layered("use crate::App;");
    assert_eq!(faults, ["upward import: low/mod.rs -> lib.rs (low -> the root) by `crate::App`"]);
}

#[test]
fn other_paths_are_no_upward_import() {
    let rows = [
        "use std::high::Call;",
        "use ::high::Call;",
        "struct Call; fn f(call: Call) { Call::high() }",
        "#[cfg(test)] mod tests { use crate::high::call::Call; }",
        "#[cfg(test)] use crate::high::call::Call;",
        "#[cfg(all(test, unix))] fn f() { crate::high::call::ONE; }",
        "pub(in crate::low) struct S;",
        "// use crate::high::call::Call;",
        "const TEXT: &str = \"crate::high::call::Call\";",
    ];
    for row in rows {
        assert_eq!(layered(row), Vec::<String>::new(), "{row}");
    }
}

#[test]
fn module_outside_the_layers_is_reported() {
    let files = [("lib.rs", "mod low; mod utils;"), ("low.rs", ""), ("utils.rs", "")];
    assert_eq!(sample(&files).upward_imports(&["low"]), ["utils.rs is in no layer"]);
}

#[test]
fn circle_between_files_is_reported() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c; pub struct B(c::C);"),
        ("c/mod.rs", "mod inner; pub use inner::C;"),
        ("c/inner.rs", "pub struct C(crate::a::A);"),
        ("d.rs", "use crate::{a::A, b::B};"),
    ];
    assert_eq!(sample(&files).circles(), ["import circle: a.rs -> b.rs -> c/inner.rs -> a.rs"]);
}

#[test]
fn circle_between_folders_is_reported() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod low; mod high;"),
        ("a/low.rs", "pub struct Low;"),
        ("a/high.rs", "use crate::b::Middle;"),
        ("b.rs", "use crate::a::low::Low; pub struct Middle;"),
    ];
    assert_eq!(sample(&files).circles(), ["import circle: a/ -> b/ -> a/"]);
}

#[test]
fn parent_and_child_can_form_a_circle() {
    let parent = |text: &str| {
        sample(&[("lib.rs", "mod a;"), ("a/mod.rs", text), ("a/child.rs", "use super::Helper;")])
            .circles()
    };
    let expected = ["import circle: a/child.rs -> a/mod.rs -> a/child.rs"];
    assert_eq!(parent("mod child; pub use child::Child; pub struct Helper;"), expected);
    assert_eq!(parent("mod child; pub struct Helper; fn f() { child::run() }"), expected);
    assert_eq!(parent("mod child; pub struct Helper;"), Vec::<String>::new());
}

#[test]
fn re_export_leads_to_the_definition() {
    let files = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod x; mod y; pub use x::X; pub use y::*;"),
        ("a/x.rs", "pub struct X;"),
        ("a/y.rs", "use super::X; pub struct Y;"),
    ];
    assert_eq!(sample(&files).circles(), Vec::<String>::new());
}

#[test]
fn infrastructure_crate_is_reported() {
    let named = |text: &str| {
        let files = [
            ("lib.rs", "mod billing; mod api;"),
            ("billing/mod.rs", text),
            ("api.rs", "use http::Uri;"),
        ];
        sample(&files).mentions("billing", is_infrastructure)
    };
    let rows = [
        ("use http::StatusCode;", "http"),
        ("fn f() -> ::hyper::Result<()> { todo!() }", "hyper"),
        ("use lambda_http::{Body, Request};", "lambda_http"),
        ("fn f() { vec![aws_sdk_dynamodb::Client::new()] }", "aws_sdk_dynamodb"),
    ];
    for (text, name) in rows {
        assert_eq!(named(text), [format!("billing/mod.rs names the crate {name}")], "{text}");
    }
    assert_eq!(named("mod http { pub struct Uri; } use http::Uri;"), Vec::<String>::new());
}
