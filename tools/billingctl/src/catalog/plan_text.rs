//! A plan formatted as a diff: `+` is created, `~` changes, `-` is archived.

use super::field_changes::FieldChange;
use super::planner::{ArchiveReason, Change, Changeset};
use super::report::{Action, Entry, has_differences};

/// Formats all changes, and a last line with their number.
pub(super) fn format(changeset: &Changeset, entries: &[Entry]) -> String {
    if !has_differences(entries) {
        return format!("no differences: Stripe holds this catalog ({} objects)", entries.len());
    }
    let mut blocks = Vec::new();
    let mut pairs = changeset.changes.iter().zip(entries).peekable();
    while let Some((change, entry)) = pairs.next() {
        let replaced =
            pairs.next_if(|(_, next)| entry.replaces.is_some() && entry.replaces == next.id);
        blocks.extend(block(change, entry, replaced.map(|(_, archived)| archived)));
    }
    format!("{}\n\n{}", blocks.join("\n"), count(entries))
}

/// Formats one change; `None` if the object is kept.
fn block(change: &Change, entry: &Entry, replaced: Option<&Entry>) -> Option<String> {
    let (title, id) = (entry.title(), entry.id.as_deref().unwrap_or_default());
    let mut lines = match (entry.action, &entry.replaces) {
        (Action::Keep, _) => return None,
        (Action::Create, Some(old)) => vec![format!("~ {title}: replaces {old}")],
        (Action::Create, None) => vec![format!("+ {title}")],
        (Action::Update, _) => vec![format!("~ {title} ({id})")],
        (Action::Archive, _) => vec![format!("- {title} ({id})")],
    };
    lines.extend(entry.differences.iter().map(|change| line(change, entry)));
    if let Some(old) = &entry.replaces {
        lines.push("    + a new price is created and takes the lookup key".to_owned());
        let state = replaced.map(|archived| format!("archived; {}", subscriptions(archived)));
        let state = state.unwrap_or_else(|| "already archived".to_owned());
        lines.push(format!("    - {old} is {state}"));
    }
    match change {
        Change::ArchivePrice { reason, .. } => {
            let reason = match reason {
                ArchiveReason::Replaced => "replaced",
                ArchiveReason::NotInFile => "not in the file",
            };
            lines.push(format!("    {reason}: archived; {}", subscriptions(entry)));
        }
        Change::ArchiveProduct { .. } => {
            lines.push("    not in the file: archived; existing subscriptions keep it".to_owned());
        }
        _ => {}
    }
    Some(lines.join("\n"))
}

/// Returns how many subscriptions stay on an archived price.
fn subscriptions(archived: &Entry) -> String {
    match archived.subscriptions {
        Some(0) => "no subscription is on it".to_owned(),
        Some(1) => "1 subscription stays on it".to_owned(),
        Some(count) => format!("{count} subscriptions stay on it"),
        None => {
            "existing subscriptions stay on it (unknown number: the key cannot read subscriptions)"
                .to_owned()
        }
    }
}

fn line(change: &FieldChange, entry: &Entry) -> String {
    let FieldChange { field, from, to } = change;
    let is_new = entry.action == Action::Create && entry.replaces.is_none();
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    if is_new {
        format!("    {field:21} {}", value(to))
    } else {
        format!("    {field:21} {} → {}", value(from), value(to))
    }
}

fn count(entries: &[Entry]) -> String {
    let replaced = entries.iter().filter(|entry| entry.replaces.is_some()).count();
    let archived = |entry: &&Entry| {
        entry.action == Action::Archive
            && !entries.iter().any(|other| other.replaces.is_some() && other.replaces == entry.id)
    };
    let count = |action| entries.iter().filter(|entry| entry.action == action).count();
    format!(
        "{} to create, {replaced} to replace, {} to update, {} to archive, {} unchanged",
        count(Action::Create) - replaced,
        count(Action::Update),
        entries.iter().filter(archived).count(),
        count(Action::Keep)
    )
}
