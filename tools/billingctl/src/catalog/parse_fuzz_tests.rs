//! Fuzz tests of the parser: any text gives a catalog or faults, and never a panic.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::parse::parse;

const SHIPPED: &str = include_str!("../../../../catalog.toml");

/// Small malformed files.
const CORPUS: [&str; 12] = [
    "",
    "currency",
    "currency = 1",
    "currency = \"usd\"\ncurrency = \"eur\"",
    "currency = \"usd\"\n[[meters]]\n[[meters]]",
    "currency = \"usd\"\nplans = [{}]",
    "currency = \"usd\"\n[overage]\ncpu = { usd = \"1e999999999\" }",
    "currency = \"usd\"\n[[plans]]\ntier = \"a\"\nmonth = { usd = \"99999999999999999999999999999\" }",
    "currency = \"jpy\"\n[[plans]]\ntier = \"a\"\nmonth = { jpy = \"0.5\" }",
    "currency = \"usd\"\n[[plans]]\ntier = \"\\u0000\"\nname = \"\\ud7ff\"",
    "a.b.c.d.e.f = [[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "\u{feff}currency = \"usd\"\r\n\r",
];

/// Limit for one file, far above the usual time so that a busy machine passes.
const MAX_TIME: Duration = Duration::from_secs(5);

fn check(text: &str) {
    let started = Instant::now();
    if let Err(faults) = parse(text) {
        assert!(!faults.is_empty(), "refused without a reason: {text}");
        // An empty file has a few faults.
        let most = 10 + text.len();
        assert!(faults.len() <= most, "{} faults in {} bytes", faults.len(), text.len());
    }
    assert!(started.elapsed() < MAX_TIME, "{:?} for {} bytes", started.elapsed(), text.len());
}

#[test]
fn malformed_files_are_refused_with_a_reason() {
    for text in CORPUS {
        check(text);
    }
    for depth in [100, 1_000, 100_000] {
        check(&format!("a = {}{}", "[".repeat(depth), "]".repeat(depth)));
        check(&format!("{} = 1", vec!["a"; depth].join(".")));
        check(&"[[plans]]\ntier = \"a\"\n".repeat(depth / 100));
    }
}

/// Generates a position in the shipped file.
fn position() -> impl Strategy<Value = usize> {
    (0..SHIPPED.len())
        .prop_map(|at| (0..=at).rev().find(|at| SHIPPED.is_char_boundary(*at)).unwrap_or(0))
}

/// Generates a text to insert.
fn insertion() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9.eE+-]{0,40}",
        prop::sample::select(vec![
            "\"",
            "]",
            "[[plans]]",
            "{",
            "}",
            "=",
            "\n",
            "nan",
            "inf",
            "9999999999999999999",
            "-1",
            "usd",
            "zzz"
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(text: String) {
        check(&text);
    }

    #[test]
    fn edited_file_is_parsed_or_refused(from in position(), to in position(), text in insertion()) {
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 60));
        let to = (to..=SHIPPED.len()).find(|at| SHIPPED.is_char_boundary(*at)).unwrap_or(SHIPPED.len());
        check(&format!("{}{text}{}", &SHIPPED[..from], &SHIPPED[to..]));
    }
}
