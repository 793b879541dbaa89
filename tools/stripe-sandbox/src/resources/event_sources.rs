//! Events of object types: those of their lives, and those of their transitions.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::World;

/// Failed payment attempts of a unit, and the world for lookups.
pub struct Context<'a> {
    pub world: &'a World,
    /// Failed payment attempts by invoice.
    pub failures: &'a BTreeMap<String, AttemptFailure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AttemptFailure {
    Declined,
    RequiresAction,
}

impl AttemptFailure {
    pub fn events(self) -> &'static [&'static str] {
        match self {
            AttemptFailure::Declined => &["payment_failed"],
            AttemptFailure::RequiresAction => &["payment_failed", "payment_action_required"],
        }
    }
}

/// Object type with events. Event names are the noun, a dot and a verb.
pub trait Source {
    const NOUN: &'static str;
    /// Those of `created`, `updated` and `deleted` that Stripe documents.
    const LIFE: &'static [&'static str];
    /// Fields whose change alone is no update.
    const QUIET: &'static [&'static str] = &[];

    fn json(&self, world: &World) -> Value;

    /// Returns whether Stripe regards the object as deleted. The table can still contain it.
    fn is_gone(&self) -> bool {
        false
    }

    /// Returns the verbs of the transition from `before`; None if the object is new.
    fn transitions(&self, _before: Option<&Self>, _context: &Context<'_>) -> Vec<&'static str> {
        Vec::new()
    }
}

pub const CREATED: &str = "created";
pub const UPDATED: &str = "updated";
pub const DELETED: &str = "deleted";
