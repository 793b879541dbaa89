//! Changes of subscriptions and invoices, by request or by time.
//!
//! Each function takes the world from one consistent state to another, at a given time. `engine`
//! computes the amounts.

pub mod add_invoice_items;
pub mod authenticate;
pub mod automatic_tax;
pub mod balance;
pub mod cancel;
pub mod cancellation;
pub mod change;
pub mod checkout;
pub mod cost;
pub mod discounts;
pub mod draft;
pub mod end;
pub mod errors;
pub mod finalize;
pub mod first;
pub mod hold_update;
pub mod invoicing;
pub mod item_diff;
pub mod items;
pub mod latest_invoice;
pub mod one_off_price;
pub mod pause;
pub mod pause_requests;
pub mod payments;
pub mod pending_update;
pub mod periods;
pub mod phase;
pub mod plan;
pub mod preview;
pub mod processing;
pub mod prorate;
pub mod renew;
pub mod resume;
pub mod retries;
pub mod schedule;
pub mod schedule_start;
pub mod self_service;
pub mod subscribe;
pub mod tick;
pub mod trial;
pub mod update;
pub mod usage;
pub mod void;
