//! An endpoint and one call of it: parameters in, lists and objects out.

pub mod call;
pub mod form;
pub mod page;
pub mod params;
