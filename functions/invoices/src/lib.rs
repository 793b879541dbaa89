//! `GET /v1/billing/invoices`: an account's invoices, newest first, page by page.

mod cursor;
mod handler;
mod page;
mod params;
mod response;

pub use handler::invoices;
