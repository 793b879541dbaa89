//! The sandbox over HTTP, as its callers see it. One binary, so that it is linked once.

mod admin;
mod change;
mod checkout;
mod dunning;
mod endings;
mod money;
mod objects;
mod portal;
mod protocol;
mod renewal;
mod support;
mod trial;
mod types;
