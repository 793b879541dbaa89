//! The objects that the sandbox keeps, in the shape that is good to compute with.
//!
//! Nothing here knows JSON or HTTP: `resources` turns these into Stripe's wire objects, `engine`
//! computes with them and `world` keeps them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod catalog;
pub mod checkout;
pub mod customer;
pub mod invoice;
pub mod portal;
pub mod schedule;
pub mod subscription;
pub mod usage;

pub trait Entity: Clone {
    /// What Stripe calls it in "No such …".
    const KIND: &'static str;

    fn id(&self) -> &str;

    /// The index entries of this object in its present state.
    fn keys(&self) -> Vec<String>;
}

/// Ordered, so that what is sent is the same each time.
pub type Metadata = BTreeMap<String, String>;

/// What a request wants done to a field: leave it, clear it, or set it.
pub type Change<T> = Option<Option<T>>;

/// Metadata of a request, merged into what is there: an empty value removes its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetadataChange {
    Clear,
    Merge(Vec<(String, String)>),
}

impl MetadataChange {
    pub fn apply(self, metadata: &mut Metadata) {
        match self {
            MetadataChange::Clear => metadata.clear(),
            MetadataChange::Merge(pairs) => {
                for (key, value) in pairs {
                    if value.is_empty() {
                        metadata.remove(&key);
                    } else {
                        metadata.insert(key, value);
                    }
                }
            }
        }
    }
}

/// A word of Stripe's with a fixed set of values: the type, its spelling, and the choices of a parameter.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name { $(#[serde(rename = $word)] $variant),+ }

        #[allow(dead_code, reason = "some words are only read and some only written")]
        impl $name {
            pub const NAMES: &'static [(&'static str, $name)] = &[$(($word, $name::$variant)),+];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}
pub(crate) use words;
