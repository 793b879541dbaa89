//! Pages: functions from the API's responses to markup.

pub mod account;
pub mod accounts;
pub mod change;
pub mod clock;
mod dunning;
mod failure;
mod inspector;
pub mod invoice;
pub mod layout;
mod lines;
pub mod parts;
mod plans;
pub mod problem;
pub mod returns;
pub mod session;
mod text;
mod usage;

#[cfg(test)]
mod tests;
