//! Billing arithmetic on objects. No state, no clock, no I/O.

pub mod invoice;
pub mod lines;
pub mod proration;
pub mod tax;
