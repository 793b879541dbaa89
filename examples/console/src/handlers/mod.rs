//! Pages and forms: each fetches, decides and responds.

pub mod account;
pub mod accounts;
pub mod change;
pub mod clock;
pub mod invoices;
pub mod returns;
pub mod sessions;
