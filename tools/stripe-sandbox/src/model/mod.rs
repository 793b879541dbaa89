//! The objects that the sandbox stores.
//!
//! They know neither JSON nor HTTP: `resources` turns them into Stripe's JSON objects, `engine`
//! computes with them and `world` stores them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod catalog;
pub mod checkout;
pub mod customer;
pub mod event;
pub mod invoice;
pub mod portal;
pub mod schedule;
pub mod subscription;
pub mod tax_id;
pub mod usage;

pub trait Entity: Clone {
    /// Name of the object type in Stripe's "No such …" message.
    const KIND: &'static str;

    fn id(&self) -> &str;

    /// Returns the index keys of this object in its current state.
    fn keys(&self) -> Vec<String>;
}

/// Metadata, ordered so that responses are deterministic.
pub type Metadata = BTreeMap<String, String>;

/// Change of an optional field: None leaves it, Some(None) clears it, Some(Some) sets it.
pub type Change<T> = Option<Option<T>>;

/// Metadata parameter of a request. Merging an empty value removes its key.
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

/// Defines an enum with Stripe's spelling of each value, and the list of values for parameters.
macro_rules! string_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name { $(#[serde(rename = $word)] $variant),+ }

        #[allow(dead_code, reason = "some values are only read and some only written")]
        impl $name {
            pub const NAMES: &'static [(&'static str, $name)] = &[$(($word, $name::$variant)),+];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}
pub(crate) use string_enum;
