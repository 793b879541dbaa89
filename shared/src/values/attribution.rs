//! Attribution metadata: which request created or changed an object in Stripe.

/// The metadata key for our account's ID.
pub const ACCOUNT_METADATA: &str = "cantila_account";

/// The metadata key for the ID of the request that made or last changed the object.
pub const REQUEST_METADATA: &str = "cantila_request_id";

/// The metadata key for the ID of that request's API key.
pub const KEY_METADATA: &str = "cantila_key_id";

/// The metadata key of a subscription or a schedule for the ID of the operation that changed it last.
pub const OPERATION_METADATA: &str = "cantila_operation";

/// The request that a write is made for.
///
/// A resumed operation keeps the attribution of the request that began it, because Stripe requires
/// identical bytes for the same idempotency key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// ID of the account that the request is about.
    pub account: String,
    /// The request's ID.
    pub request_id: String,
    /// ID of the API key.
    pub key_id: String,
}

impl Attribution {
    /// Returns the metadata as key and value, always in the same order.
    pub fn metadata(&self) -> [(&'static str, &str); 3] {
        [
            (ACCOUNT_METADATA, &self.account),
            (REQUEST_METADATA, &self.request_id),
            (KEY_METADATA, &self.key_id),
        ]
    }
}
