//! `GET /v1/billing/dunning`: whether an account owes anything, since when, and the way out.

mod handler;
mod overdue;
mod response;
mod state;

pub use handler::dunning;

#[cfg(test)]
mod tests;
