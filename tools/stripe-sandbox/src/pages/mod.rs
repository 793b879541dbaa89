//! The pages that people see at Stripe: checkout, the invoice, the customer portal.
//!
//! Plain HTML forms, answered by HTML or by a redirect. Everything that they do is done by the
//! same functions as the API's requests.

mod authenticate;
mod card;
pub mod checkout;
mod checkout_form;
mod checkout_view;
pub mod invoice;
mod invoice_view;
pub mod layout;
pub mod portal;
mod portal_view;
pub mod visit;
