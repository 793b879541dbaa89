//! `GET /v1/billing/invoices/{id}`: one invoice with its lines and payments, as JSON or its lines as CSV.

mod attribution;
mod csv;
mod handler;
mod lines;
mod payments;
mod response;

pub use handler::invoice;
