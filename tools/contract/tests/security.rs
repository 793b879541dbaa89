//! Holds SECURITY.md to the tests and the template.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Appends all Rust sources below a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// Returns the names of tests in a text: words in backticks with three underscores or more.
fn tests(text: &str) -> Vec<&str> {
    let is_test = |word: &&str| {
        word.matches('_').count() >= 3
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('`').skip(1).step_by(2).filter(is_test).collect()
}

/// The risks of OWASP's list of 2023.
const RISKS: [&str; 10] =
    ["API1", "API2", "API3", "API4", "API5", "API6", "API7", "API8", "API9", "API10"];

#[test]
fn security_page_names_existing_tests_for_every_risk() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut code = String::new();
    for folder in ["functions", "shared", "tools"] {
        sources(&root().join(folder), &mut code);
    }
    let named = tests(&page);
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| **API")).collect();
    assert_eq!(rows.len(), RISKS.len());
    for (risk, row) in RISKS.iter().zip(rows) {
        assert!(row.starts_with(&format!("| **{risk} ")), "{risk} in {row}");
        assert!(!tests(row).is_empty(), "{risk} names no test");
    }
}

#[test]
fn cors_is_configured_in_api_gateway_for_the_operators_origins() {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let cors = template.split("CorsConfiguration: !If").collect::<Vec<_>>();
    assert_eq!(cors.len(), 2, "one, in one place");
    let block = cors[1].lines().skip(1).take_while(|line| line.starts_with("        "));
    let block: Vec<&str> = block.map(str::trim).collect();
    // CORS is off without origins.
    assert_eq!(block[0], "- HasOrigins");
    assert_eq!(block[1], "- allowOrigins: !Split [\",\", !Ref AllowedOrigins]");
    assert_eq!(block.last(), Some(&"- !Ref AWS::NoValue"));
    for line in &block {
        assert!(!line.contains('*') && !line.to_lowercase().contains("allowcredentials"), "{line}");
    }
    let mut code = String::new();
    for folder in ["functions", "shared/src"] {
        sources(&root().join(folder), &mut code);
    }
    assert!(!code.to_lowercase().contains("access-control-"), "a function sends none");
}
