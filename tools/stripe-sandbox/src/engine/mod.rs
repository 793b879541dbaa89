//! The arithmetic of billing: values in, values out, no state, no clock and no I/O.

pub mod invoice;
pub mod lines;
pub mod money;
pub mod payment;
pub mod period;
pub mod pricing;
pub mod proration;
pub mod tax;
pub mod usage;
