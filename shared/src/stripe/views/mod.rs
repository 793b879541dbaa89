//! The slices of Stripe's objects that we read.
//!
//! A field that is not optional here is one without which no right answer can be given; a Stripe
//! answer that lacks it is refused. Amounts are minor units, moments are Unix seconds, both as
//! Stripe sends them. Field documentation: <https://docs.stripe.com/api>.

mod checked;
mod customer;
mod invoice;
mod payment;
mod price;
mod subscription;

use serde::Deserialize;

pub use checked::is_id;
pub use customer::*;
pub use invoice::*;
pub use payment::*;
pub use price::*;
pub use subscription::*;

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    /// Newest first, for objects; in their order, for parts of one.
    pub data: Vec<T>,
    /// Whether more follow.
    pub has_more: bool,
}

/// What a list can be continued after.
pub trait Listed {
    /// Stripe's id.
    fn id(&self) -> &str;
}

macro_rules! listed {
    ($($view:ty),+) => { $(impl Listed for $view { fn id(&self) -> &str { &self.id } })+ };
}
listed!(CheckoutSession, Invoice, Line, Price, Product, Subscription, SubscriptionItem);

/// Anything of which the id is enough.
#[derive(Clone, Debug, Deserialize)]
pub struct Id {
    pub id: String,
}

/// An object, or its id where it was not expanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl Expandable<Id> {
    /// The id, expanded or not.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => &object.id,
        }
    }
}

impl<T> Expandable<T> {
    /// The object, if it was expanded.
    #[must_use]
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}
