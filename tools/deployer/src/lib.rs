//! Finds the functions that a change affects, and reads and edits the CloudFormation template.

pub mod changes;
mod error;
pub mod iam;
mod swap;
pub mod template;

pub use error::Error;
pub use swap::{Shift, swap};
pub use template::Template;
