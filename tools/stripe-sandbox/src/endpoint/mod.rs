//! Endpoints: their description, parameters, lists and calls.

pub mod call;
pub mod form;
pub mod page;
pub mod params;
