//! Values without I/O: timestamps, durations, IDs, kinds of keys and the parsers of command-line arguments.

pub(crate) mod arguments;
pub(crate) mod duration;
pub(crate) mod id;
pub(crate) mod key_kind;
pub(crate) mod timestamp;
