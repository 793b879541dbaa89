//! Configuration of the customer portal, which is a part of the catalog.

pub(super) mod requests;
pub(super) mod validate;
pub(super) mod view;
