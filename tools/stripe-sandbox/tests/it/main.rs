//! The sandbox over HTTP, as its callers see it. One binary, so that it is linked once.

mod admin;
mod change;
mod cli;
mod dunning;
mod endings;
mod money;
mod objects;
mod protocol;
mod renewal;
mod support;
mod trial;
mod types;
