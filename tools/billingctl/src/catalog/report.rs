//! What was, or would be, changed, for people and for programs.

use serde::Serialize;

use super::plan::{Change, Why};

/// One change, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) action: Action,
    object: &'static str,
    /// The meter's name, the tier, or the price's lookup key.
    name: Option<String>,
    lookup_key: Option<String>,
    /// Null where a dry run has not made it.
    id: Option<String>,
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
    /// After the fact, and before it.
    fn words(self, dry_run: bool) -> &'static str {
        match (self, dry_run) {
            (Self::Create, false) => "created",
            (Self::Create, true) => "would create",
            (Self::Update, false) => "updated",
            (Self::Update, true) => "would update",
            (Self::Archive, false) => "archived",
            (Self::Archive, true) => "would archive",
            (Self::Keep, _) => "kept",
        }
    }
}

impl Change {
    pub(super) fn entry(&self, applied: Option<String>) -> Entry {
        use Action::{Archive, Create, Keep, Update};
        let (action, object, name, id) = match self {
            Self::CreateMeter(meter) => (Create, "meter", Some(&meter.name), None),
            Self::UpdateMeter { id, meter, .. } => (Update, "meter", Some(&meter.name), Some(id)),
            Self::KeepMeter { id, meter } => (Keep, "meter", Some(&meter.name), Some(id)),
            Self::CreateProduct(plan) => (Create, "product", Some(&plan.tier), None),
            Self::UpdateProduct { id, plan } => (Update, "product", Some(&plan.tier), Some(id)),
            Self::KeepProduct { id, plan } => (Keep, "product", Some(&plan.tier), Some(id)),
            Self::ArchiveProduct { id, tier } => (Archive, "product", Some(tier), Some(id)),
            Self::CreatePrice(new) => (Create, "price", Some(&new.price.lookup_key), None),
            Self::UpdatePrice { id, price } => (Update, "price", Some(&price.lookup_key), Some(id)),
            Self::KeepPrice { id, price } => (Keep, "price", Some(&price.lookup_key), Some(id)),
            Self::ArchivePrice { id, lookup_key, .. } => {
                (Archive, "price", lookup_key.as_ref(), Some(id))
            }
        };
        let name = name.cloned();
        let lookup_key = name.clone().filter(|_| object == "price");
        Entry { action, object, name, lookup_key, id: applied.or_else(|| id.cloned()) }
    }

    /// What people should know beside what was done.
    fn remark(&self) -> &'static str {
        match self {
            Self::ArchivePrice { why: Why::Replaced, .. } => {
                ": replaced; existing subscribers stay on it"
            }
            Self::ArchivePrice { why: Why::NotInFile, .. } | Self::ArchiveProduct { .. } => {
                ": not in the file; existing subscribers stay on it"
            }
            _ => "",
        }
    }

    /// One line of progress.
    pub(super) fn line(&self, entry: &Entry, dry_run: bool) -> String {
        let words = entry.action.words(dry_run);
        let id = entry.id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
        format!(
            "{words} {} {}{id}{}",
            entry.object,
            entry.name.as_deref().unwrap_or("without a lookup key"),
            self.remark()
        )
    }
}

/// One line for all.
pub(super) fn summary(entries: &[Entry], dry_run: bool) -> String {
    let count = |action| entries.iter().filter(|entry| entry.action == action).count();
    if count(Action::Keep) == entries.len() {
        return format!(
            "nothing to change: Stripe holds this catalogue already ({} objects)",
            entries.len()
        );
    }
    let part = |action: Action| format!("{} {}", action.words(dry_run), count(action));
    [Action::Create, Action::Update, Action::Archive, Action::Keep].map(part).join(", ")
}
