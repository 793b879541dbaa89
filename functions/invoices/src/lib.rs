//! `GET /v1/billing/invoices`: invoices, newest first, in pages.

mod cursor;
mod handler;
mod page;
mod params;
mod response;

pub use handler::invoices;
