//! What comes from outside, made up at random and made up badly: no panic, no work without an end, and
//! always an answer of the contract.
//!
//! `FUZZ_CASES` is how many inputs of each kind there are. What once was interesting stands in
//! `corpus/` and is tried first.

mod callers;
mod fixture;
mod mutation;
mod stripe;
