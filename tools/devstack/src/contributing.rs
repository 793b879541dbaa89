//! Compares the steps of CONTRIBUTING.md for a new endpoint with what the endpoints have.

use std::fs;
use std::process::Command;

use crate::functions::{FUNCTIONS, Function};
use crate::stack::root;

/// Written by the build or for readers, not by the author of an endpoint.
const OTHERS: [&str; 2] = ["Cargo.lock", "CHANGELOG.md"];

/// Returns the texts in backticks in the steps.
fn named() -> Vec<String> {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let (_, steps) = text.split_once("## Add an endpoint").expect("the section");
    steps.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns whether a file names the endpoint as a package, a module, a resource of the template or a route.
fn names(text: &str, function: &Function) -> bool {
    let Function { name, method, path, .. } = function;
    let resource: String =
        name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let module = name.replace('-', "_");
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let is_name = |word: &str| word == *name || word == module || word == resource;
    text.split(|c| !is_word(c)).any(is_name) || text.contains(&format!("{method} {path}`"))
}

#[test]
fn every_file_that_lists_the_endpoints_is_in_a_step() {
    let named = named();
    let listed = Command::new("git").current_dir(root()).args(["ls-files"]).output().expect("git");
    let files = String::from_utf8(listed.stdout).expect("UTF-8");
    assert!(files.lines().count() > 500, "not a checkout: {files}");
    let lists_all = |file: &&str| {
        let text = fs::read_to_string(root().join(file));
        text.is_ok_and(|text| FUNCTIONS.iter().all(|function| names(&text, function)))
    };
    let is_named = |file: &&str| {
        named.iter().any(|name| file == name || name.ends_with('/') && file.starts_with(&**name))
    };
    let missing: Vec<&str> = files
        .lines()
        .filter(|file| !OTHERS.contains(file) && !is_named(file))
        .filter(lists_all)
        .collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md does not name {missing:?}");
}

#[test]
fn every_endpoint_has_the_files_of_the_steps() {
    for path in named().iter().filter(|name| name.contains('/')) {
        for function in FUNCTIONS {
            let path = root().join(path.replace("NAME", function.name));
            assert!(path.exists(), "{}", path.display());
        }
    }
}
