//! What was, or would be, changed, for programs; `diff` is for people.

use serde::Serialize;

use super::differences::{Difference, differences};
use super::now::Now;
use super::plan::{Change, Todo};

/// One change, for programs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) action: Action,
    pub(super) object: &'static str,
    /// The meter's name, the tier, or the price's lookup key.
    pub(super) name: Option<String>,
    lookup_key: Option<String>,
    /// Null where a plan has not made it.
    pub(super) id: Option<String>,
    /// The price that it takes the place of.
    pub(super) replaces: Option<String>,
    pub(super) differences: Vec<Difference>,
    /// How many live subscriptions stay on what is archived; null where that is not known.
    pub(super) subscriptions: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Create,
    Update,
    Archive,
    Keep,
}

impl Action {
    fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Archive => "archived",
            Self::Keep => "kept",
        }
    }
}

/// Every change in its order, and what it is a change from.
pub(super) fn entries(todo: &Todo, now: &Now) -> Vec<Entry> {
    let entry = |change: &Change| Entry { differences: differences(change, now), ..entry(change) };
    todo.changes.iter().map(entry).collect()
}

fn entry(change: &Change) -> Entry {
    use Action::{Archive, Create, Keep, Update};
    let (action, object, name, id) = match change {
        Change::CreateMeter(meter) => (Create, "meter", Some(&meter.name), None),
        Change::UpdateMeter { id, meter, .. } => (Update, "meter", Some(&meter.name), Some(id)),
        Change::KeepMeter { id, meter } => (Keep, "meter", Some(&meter.name), Some(id)),
        Change::CreateProduct(plan) => (Create, "product", Some(&plan.tier), None),
        Change::UpdateProduct { id, plan } => (Update, "product", Some(&plan.tier), Some(id)),
        Change::KeepProduct { id, plan } => (Keep, "product", Some(&plan.tier), Some(id)),
        Change::ArchiveProduct { id, tier } => (Archive, "product", Some(tier), Some(id)),
        Change::CreatePrice(new) => (Create, "price", Some(&new.price.lookup_key), None),
        Change::UpdatePrice { id, price } => (Update, "price", Some(&price.lookup_key), Some(id)),
        Change::KeepPrice { id, price } => (Keep, "price", Some(&price.lookup_key), Some(id)),
        Change::ArchivePrice { id, lookup_key, .. } => {
            (Archive, "price", lookup_key.as_ref(), Some(id))
        }
        Change::CreatePortal(_) => (Create, "portal", None, None),
        Change::UpdatePortal { id, .. } => (Update, "portal", None, Some(id)),
        Change::KeepPortal { id } => (Keep, "portal", None, Some(id)),
    };
    let (name, id) = (name.cloned(), id.cloned());
    let replaces = match change {
        Change::CreatePrice(new) => new.replaces.clone(),
        _ => None,
    };
    let lookup_key = name.clone().filter(|_| object == "price");
    let differences = Vec::new();
    Entry { action, object, name, lookup_key, id, replaces, differences, subscriptions: None }
}

impl Entry {
    /// What it is called by people.
    pub(super) fn title(&self) -> String {
        let name = match (self.object, self.name.as_deref()) {
            ("portal", _) => "configuration",
            (_, name) => name.unwrap_or("without a lookup key"),
        };
        format!("{} {name}", self.object)
    }

    /// One line of progress.
    pub(super) fn line(&self) -> String {
        let id = self.id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
        format!("{} {}{id}", self.action.done(), self.title())
    }
}

/// Whether Stripe is not as the file says.
pub(super) fn differ(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.action != Action::Keep)
}

/// One line for all that was done.
pub(super) fn summary(entries: &[Entry]) -> String {
    if !differ(entries) {
        return format!(
            "nothing to change: Stripe holds this catalogue already ({} objects)",
            entries.len()
        );
    }
    let count = |action| entries.iter().filter(|entry| entry.action == action).count();
    let part = |action: Action| format!("{} {}", action.done(), count(action));
    [Action::Create, Action::Update, Action::Archive, Action::Keep].map(part).join(", ")
}
