//! `GET /v1/billing/info`: what is sold, what the account has, and what it may do now.

mod handler;
mod portal;
mod response;

pub use handler::info;
