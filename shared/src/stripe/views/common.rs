//! Types that several views share.

use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct List<T> {
    /// Objects newest first; parts of an object in their own order.
    pub data: Vec<T>,
    /// Whether more pages follow.
    pub has_more: bool,
}

/// An object with an ID, which the next page of a list continues after.
pub trait HasId {
    /// Returns Stripe's ID.
    fn id(&self) -> &str;
}

/// Implements [`HasId`] for views with the field `id`.
macro_rules! has_id {
    ($($view:ty),+) => {
        $(impl $crate::stripe::views::HasId for $view {
            fn id(&self) -> &str {
                &self.id
            }
        })+
    };
}
pub(super) use has_id;

/// The way in which invoices are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionMethod {
    ChargeAutomatically,
    SendInvoice,
}

/// An object of which only the ID is read.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Id {
    pub id: String,
}

/// An object, or its ID if it was not expanded.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl<T: HasId> Expandable<T> {
    /// Returns the ID.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => object.id(),
        }
    }
}

impl<T> Expandable<T> {
    /// Returns the object if it was expanded.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

has_id!(Id);
