//! Views: the parts of Stripe's objects that we read.
//!
//! A field is `Option` only if a correct response is possible without it. A Stripe response that lacks
//! another field is malformed. Amounts are minor units, times are Unix seconds, as Stripe sends them.
//! Field documentation: <https://docs.stripe.com/api>.

mod common;
mod customer;
mod invoice;
mod meter;
mod payment;
mod price;
mod subscription;
mod validated;

pub use common::*;
pub use customer::*;
pub use invoice::*;
pub use meter::*;
pub use payment::*;
pub use price::*;
pub use subscription::*;
