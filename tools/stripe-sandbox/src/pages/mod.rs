//! Stripe's hosted pages: checkout, invoice and customer portal.
//!
//! Plain HTML forms with HTML or redirect responses. They call the same functions as the API.

mod address;
mod authenticate;
mod card;
pub mod checkout;
mod checkout_form;
mod checkout_view;
pub mod invoice;
mod invoice_view;
pub mod layout;
mod method;
pub mod portal;
mod portal_details;
mod portal_view;
pub mod request;
