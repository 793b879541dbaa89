//! `POST /v1/billing/portal-session`: Stripe's Billing Portal, where a customer sees to cards, invoices and cancellation.

mod handler;

pub use handler::portal_session;
