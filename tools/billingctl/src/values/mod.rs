//! Values without I/O: timestamps, durations, IDs and the parsers of command-line arguments.

pub(crate) mod arguments;
pub(crate) mod duration;
pub(crate) mod id;
pub(crate) mod timestamp;
