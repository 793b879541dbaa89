//! Parts of `billingctl` that other tools use.

pub mod permissions;
pub mod quote_keys;
