//! Random and malformed input from callers and Stripe: the functions never panic, never run without end, and always
//! return a response of the contract.
//!
//! `FUZZ_CASES` sets the number of inputs of each kind. `corpus/` has events that run first.

mod callers;
mod fixture;
mod mutation;
mod stripe;
