//! `POST /v1/billing/portal-session`: opens Stripe's Billing Portal.

mod handler;

pub use handler::portal_session;
