//! Checks that every response matches `openapi.yaml`, and that the responses cover all of it.

use std::cell::RefCell;

use contract::{Cases, Checker, Document};
use devstack::http::Response;

use crate::cases;
use crate::harness::Harness;
use crate::unseen::UNSEEN;

cases![responses_cover_the_document];

/// The document, and the parts of it that the run's responses have covered.
pub(crate) struct Coverage {
    checker: Checker,
    seen: RefCell<contract::Coverage>,
}

impl Coverage {
    pub(crate) fn new() -> Self {
        Self { checker: Checker::new(Document::load()), seen: RefCell::default() }
    }

    /// Panics if a response to a documented route does not match the document.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, response: &Response) {
        let path = path.split('?').next().unwrap_or_default();
        let document = self.checker.document();
        if document.operation(method, path).is_none() {
            return;
        }
        let headers: Vec<(&str, &str)> = response
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
            .collect();
        let answer = contract::Response {
            method,
            path,
            status: response.status,
            headers: &headers,
            body: &response.body,
        };
        let faults = self.checker.violations(&answer);
        assert!(faults.is_empty(), "does not match openapi.yaml:\n    {}", faults.join("\n    "));
        self.seen.borrow_mut().add(document, &answer);
    }
}

/// A part of the document that no response covers is wrong or not tested, unless [`UNSEEN`] has a reason.
fn responses_cover_the_document(harness: &Harness) {
    let coverage = harness.document();
    let seen = coverage.seen.borrow();
    println!("{} responses were checked against openapi.yaml", seen.responses());
    if !harness.is_whole_run() {
        println!("not all cases ran, so coverage is not checked");
        return;
    }
    let all = contract::all_cases(coverage.checker.document());
    let is_excused = |mark: &&String| UNSEEN.iter().any(|(known, _)| *known == mark.as_str());
    for (mark, _) in UNSEEN {
        assert!(all.contains(*mark), "openapi.yaml has no {mark:?}");
        if seen.cases().contains(*mark) {
            println!("note: {mark:?} is covered; if it always is, remove it from unseen.rs");
        }
    }
    let missing: Cases =
        all.difference(seen.cases()).filter(|mark| !is_excused(mark)).cloned().collect();
    assert!(missing.is_empty(), "in openapi.yaml and in no response: {missing:#?}");
}
