//! The API contract, `openapi.yaml`: the parsed document, a check of responses against it, and the coverage of
//! the document by responses.
//!
//! It serves tests and tools, so an error in the document panics.

mod check;
mod coverage;
mod document;

pub use check::{Checker, Response};
pub use coverage::{Cases, Coverage, all_cases};
pub use document::{Document, Operation};
