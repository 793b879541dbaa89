//! Report of planned or applied changes, for `--json` and progress. `plan_text` formats plans as diffs.

use serde::Serialize;

use super::actual::StripeState;
use super::desired::{Owner, Product};
use super::field_changes::{FieldChange, field_changes};
use super::planner::{Change, Changeset};

/// One change.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) action: Action,
    pub(super) object: &'static str,
    /// Name of the meter, name of the product's plan or meter, or lookup key of the price.
    pub(super) name: Option<String>,
    lookup_key: Option<String>,
    /// Null if the object does not exist yet.
    pub(super) id: Option<String>,
    /// ID of the price that it replaces.
    pub(super) replaces: Option<String>,
    pub(super) differences: Vec<FieldChange>,
    /// Number of live subscriptions on an archived price; null if unknown.
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
    fn past_tense(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Archive => "archived",
            Self::Keep => "kept",
        }
    }
}

/// Returns one entry per change, in order, with the changed fields.
pub(super) fn entries(changeset: &Changeset, actual: &StripeState) -> Vec<Entry> {
    let entry = |change: &Change| {
        let differences = field_changes(change, actual);
        Entry { differences, ..entry(change) }
    };
    changeset.changes.iter().map(entry).collect()
}

fn entry(change: &Change) -> Entry {
    use Action::{Archive, Create, Keep, Update};
    let (action, object, name, id) = match change {
        Change::CreateMeter(meter) => (Create, "meter", Some(&meter.name), None),
        Change::UpdateMeter { id, meter, .. } => (Update, "meter", Some(&meter.name), Some(id)),
        Change::KeepMeter { id, meter } => (Keep, "meter", Some(&meter.name), Some(id)),
        Change::CreateProduct(Product { owner, .. }) => {
            (Create, product(owner), Some(owner.name()), None)
        }
        Change::UpdateProduct { id, product: Product { owner, .. } } => {
            (Update, product(owner), Some(owner.name()), Some(id))
        }
        Change::KeepProduct { id, owner } => (Keep, product(owner), Some(owner.name()), Some(id)),
        Change::ArchiveProduct { id, owner } => {
            (Archive, product(owner), Some(owner.name()), Some(id))
        }
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

/// Returns the type of a product. A meter may have the name of a plan.
fn product(owner: &Owner) -> &'static str {
    match owner {
        Owner::Plan(_) => "product",
        Owner::Meter(_) => "meter product",
    }
}

impl Entry {
    /// Returns the object's type and name.
    pub(super) fn title(&self) -> String {
        let name = match (self.object, self.name.as_deref()) {
            ("portal", _) => "configuration",
            (_, name) => name.unwrap_or("without a lookup key"),
        };
        format!("{} {name}", self.object)
    }

    /// Returns a line of progress.
    pub(super) fn progress(&self) -> String {
        let id = self.id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
        format!("{} {}{id}", self.action.past_tense(), self.title())
    }
}

/// Returns whether Stripe differs from the catalog.
pub(super) fn has_differences(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.action != Action::Keep)
}

/// Returns a line with the number of changes by action.
pub(super) fn summary(entries: &[Entry]) -> String {
    if !has_differences(entries) {
        return format!(
            "nothing to change: Stripe already holds this catalog ({} objects)",
            entries.len()
        );
    }
    let count = |action| entries.iter().filter(|entry| entry.action == action).count();
    let part = |action: Action| format!("{} {}", action.past_tense(), count(action));
    [Action::Create, Action::Update, Action::Archive, Action::Keep].map(part).join(", ")
}
