//! The arithmetic of billing on objects: values in, values out, no state, no clock and no I/O.

pub mod invoice;
pub mod lines;
pub mod proration;
pub mod tax;
