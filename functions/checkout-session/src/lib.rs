//! `POST /v1/billing/checkout-session`: starts a subscription in Stripe Checkout.

mod handler;
mod params;
mod promotion;
mod session;

pub use handler::checkout_session;
