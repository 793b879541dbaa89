//! Every answer of the eight routes against `openapi.yaml`, and all of `openapi.yaml` against the answers.

use std::cell::RefCell;

use contract::{Cases, Checker, Coverage, Document};
use devstack::http::Answer;

use crate::cases;
use crate::harness::Harness;
use crate::unseen::UNSEEN;

cases![all_that_the_document_has_was_seen];

/// The document, and what of it was seen in this run.
pub(crate) struct Kept {
    checker: Checker,
    seen: RefCell<Coverage>,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self { checker: Checker::new(Document::load()), seen: RefCell::default() }
    }

    /// Panics if an answer to a route of the document is not one that the document has.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        let document = self.checker.document();
        if document.operation(method, path).is_none() {
            return;
        }
        let headers: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
            .collect();
        let answer = contract::Response {
            method,
            path,
            status: answer.status,
            headers: &headers,
            body: &answer.body,
        };
        let faults = self.checker.violations(&answer);
        assert!(faults.is_empty(), "not as openapi.yaml has it:\n    {}", faults.join("\n    "));
        self.seen.borrow_mut().add(document, &answer);
    }
}

/// What the document promises and no answer of the whole run was is either wrong or not tested, or it is
/// among [`UNSEEN`] with the reason.
fn all_that_the_document_has_was_seen(harness: &Harness) {
    let kept = harness.document();
    let seen = kept.seen.borrow();
    println!("{} answers were checked against openapi.yaml", seen.responses());
    if !harness.is_whole_run() {
        println!("not all cases run, so what was not seen says nothing");
        return;
    }
    let all = contract::all_cases(kept.checker.document());
    let is_excused = |mark: &&String| UNSEEN.iter().any(|(known, _)| *known == mark.as_str());
    for (mark, _) in UNSEEN {
        assert!(all.contains(*mark), "there is no {mark:?} in openapi.yaml");
        if seen.cases().contains(*mark) {
            println!("note: {mark:?} was seen this time; if it always is, it can leave unseen.rs");
        }
    }
    let missing: Cases =
        all.difference(seen.cases()).filter(|mark| !is_excused(mark)).cloned().collect();
    assert!(missing.is_empty(), "in openapi.yaml and never in an answer: {missing:#?}");
}
