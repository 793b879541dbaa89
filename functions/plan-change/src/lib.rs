//! `POST /v1/billing/plan-change`: applies a plan change if it is paid or its payment is under way.
//!
//! | step | file |
//! |---|---|
//! | acquire the customer's journal, settle what the previous change left there, check this one | `handler.rs` |
//! | the caller's fields | `request.rs` |
//! | hold the price to the quote | `hold.rs` |
//! | send the update, and see whether it is paid | `pay.rs` |
//! | changes that wait for their payment, this one or another one that it replaces | `waiting.rs` |
//! | schedule the change for the end of the period | `schedule.rs` |
//! | swap the metered prices of a change in force | `in_force.rs` |
//! | the response | `reply.rs` |

mod handler;
mod hold;
mod in_force;
mod pay;
mod reply;
mod request;
mod schedule;
mod waiting;

pub use handler::plan_change;
