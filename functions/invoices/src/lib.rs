//! `GET /v1/billing/invoices`: an account's invoices, newest first, page by page.

mod handler;
mod page;
mod params;
mod shape;

pub use handler::invoices;
