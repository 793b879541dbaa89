//! `GET /v1/billing/usage`: what was used and what it costs, by meter and day.
//!
//! | step | file |
//! |---|---|
//! | the days of the query | `days.rs` |
//! | which summaries of a meter are read, and the quantities of days in them | `quantities.rs` |
//! | the amount of each day, reconciled with the next invoice | `amounts.rs` |
//! | the meters that the response lists | `meters.rs` |
//! | the calls to Stripe in their order | `handler.rs` |
//! | the response | `response.rs` |

mod amounts;
mod days;
mod handler;
mod meters;
mod quantities;
mod response;

pub use handler::usage;
