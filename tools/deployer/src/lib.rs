//! What a deployment has to know: which functions a change concerns, and what the template says.

pub mod changes;
mod error;
pub mod iam;
mod swap;
pub mod template;

pub use error::Error;
pub use swap::{Shift, swap};
pub use template::Template;
