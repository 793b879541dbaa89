//! `GET /v1/billing/dunning`: whether an account owes anything, since when, and the way out.

mod handler;
mod overdue;
mod shape;
mod state;

pub use handler::dunning;

#[cfg(test)]
mod tests;
