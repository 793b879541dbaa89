//! Values without I/O: money, time, scopes, hashes, tokens. Nothing here knows HTTP, AWS or Stripe.

mod attribution;
mod currency;
mod encode;
mod hash;
mod mode;
mod money;
mod scope;
mod time;
pub mod token;

pub use attribution::{
    ACCOUNT_METADATA, Attribution, KEY_METADATA, OPERATION_METADATA, REQUEST_METADATA,
};
pub use currency::{Currency, InvalidCurrency};
pub use encode::is_path_segment;
pub(crate) use encode::{hex, quoted};
pub use hash::{KeyHash, fingerprint, sha256_hex};
pub use mode::Mode;
pub use money::{Money, exact, unit_price};
pub use scope::{Scope, UnknownScope};
pub use time::{Date, DateTime, Timestamp, now_in_milliseconds};
