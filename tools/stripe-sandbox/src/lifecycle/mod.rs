//! What happens to subscriptions and invoices, by request or by time.
//!
//! Each function takes the world from one consistent state to the next at a given moment. Amounts
//! come from `engine`; nothing here knows HTTP beyond the errors that it can end in.

pub mod authenticate;
pub mod change;
pub mod checkout;
pub mod collect;
mod cost;
pub mod discounts;
pub mod draft;
pub mod end;
pub mod finalize;
mod first;
pub mod items;
pub mod one_off;
pub mod pause;
pub mod pending;
pub mod phase;
pub mod plan;
pub mod preview;
pub mod prorate;
pub mod refusals;
pub mod renew;
pub mod resume;
pub mod schedule;
pub mod self_service;
pub mod subscribe;
pub mod swap;
pub mod tick;
pub mod trial;
