//! Finds the functions that a change affects, and composes what a deployment sends to CloudFormation.

pub mod changes;
pub mod compose;
mod error;
pub mod iam;
pub mod input;
pub mod template;

pub use error::Error;
pub use template::Template;
