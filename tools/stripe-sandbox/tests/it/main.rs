//! Tests of the sandbox over HTTP. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it as well as the test itself")]

mod admin;
mod arrears;
mod browse;
mod case;
mod change;
mod checkout;
mod checkout_pages;
mod cli;
mod discounts;
mod dunning;
mod endings;
mod ends;
mod extras;
mod failure_pauses;
mod faults;
mod forms;
mod invoice_pages;
mod laws;
mod locks;
mod money;
mod objects;
mod pause;
mod pending;
mod pending_ends;
mod portal;
mod portal_pages;
mod pricing;
mod promotion;
mod property;
mod protocol;
mod random;
mod recorded;
mod renewal;
mod samples;
mod schedules;
mod snapshot;
mod support;
mod taxes;
mod trial;
mod trial_ends;
mod types;
mod usage;
mod wire;
mod worked;
