//! `openapi.yaml` at the top of the repository: the document itself, whether an answer keeps to it, how much
//! of it was seen, and the reference page that is made from it.
//!
//! It is for tests and tools. A fault of the document ends the program: nothing sensible is left to do.

mod check;
mod document;
pub mod page;
mod seen;

pub use check::{Answer, Checker};
pub use document::{Document, Operation};
pub use seen::{Marks, Seen, all};
