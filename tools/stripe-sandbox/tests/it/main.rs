//! The sandbox over HTTP, as its callers see it. One binary, so that it is linked once.

mod admin;
mod browse;
mod change;
mod checkout;
mod checkout_pages;
mod dunning;
mod endings;
mod invoice_pages;
mod money;
mod objects;
mod portal;
mod portal_pages;
mod protocol;
mod renewal;
mod support;
mod trial;
mod types;
