//! `GET /v1/billing/dunning`: payment state of the account, and the way to recover.

mod debts;
mod handler;
mod response;
mod state;

pub use handler::dunning;

#[cfg(test)]
mod tests;
