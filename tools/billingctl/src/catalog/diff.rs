//! A plan for people: like a diff, `+` for what is made, `~` for what changes, `-` for what goes.

use super::differences::Difference;
use super::plan::{Change, Todo, Why};
use super::report::{Action, Entry, differ};

/// The whole of it, and a last line that counts.
pub(super) fn text(todo: &Todo, entries: &[Entry]) -> String {
    if !differ(entries) {
        return format!("no differences: Stripe holds this catalogue ({} objects)", entries.len());
    }
    let mut blocks = Vec::new();
    let mut pairs = todo.changes.iter().zip(entries).peekable();
    while let Some((change, entry)) = pairs.next() {
        let replaced =
            pairs.next_if(|(_, next)| entry.replaces.is_some() && entry.replaces == next.id);
        blocks.extend(block(change, entry, replaced.map(|(_, archived)| archived)));
    }
    format!("{}\n\n{}", blocks.join("\n"), count(entries))
}

/// `None` for what is kept.
fn block(change: &Change, entry: &Entry, replaced: Option<&Entry>) -> Option<String> {
    let (title, id) = (entry.title(), entry.id.as_deref().unwrap_or_default());
    let mut lines = match (entry.action, &entry.replaces) {
        (Action::Keep, _) => return None,
        (Action::Create, Some(old)) => vec![format!("~ {title}: replaces {old}")],
        (Action::Create, None) => vec![format!("+ {title}")],
        (Action::Update, _) => vec![format!("~ {title} ({id})")],
        (Action::Archive, _) => vec![format!("- {title} ({id})")],
    };
    lines.extend(entry.differences.iter().map(|difference| line(difference, entry)));
    if let Some(old) = &entry.replaces {
        lines.push("    + a new price is made, and takes the lookup key with it".to_owned());
        let stays = replaced.map(|archived| format!("archived; {}", stay(archived)));
        let stays = stays.unwrap_or_else(|| "archived already".to_owned());
        lines.push(format!("    - {old} is {stays}"));
    }
    match change {
        Change::ArchivePrice { why, .. } => {
            let why = if *why == Why::Replaced { "replaced" } else { "not in the file" };
            lines.push(format!("    {why}: archived; {}", stay(entry)));
        }
        Change::ArchiveProduct { .. } => {
            lines.push("    not in the file: archived; who has it keeps it".to_owned());
        }
        _ => {}
    }
    Some(lines.join("\n"))
}

/// Who goes on paying the old price.
fn stay(archived: &Entry) -> String {
    match archived.subscriptions {
        Some(0) => "no subscription is on it".to_owned(),
        Some(1) => "1 subscription stays on it".to_owned(),
        Some(count) => format!("{count} subscriptions stay on it"),
        None => {
            "existing subscriptions stay on it (not counted: the key may not read them)".to_owned()
        }
    }
}

fn line(difference: &Difference, entry: &Entry) -> String {
    let Difference { field, from, to } = difference;
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
    let gone = |entry: &&Entry| {
        entry.action == Action::Archive
            && !entries.iter().any(|other| other.replaces.is_some() && other.replaces == entry.id)
    };
    let count = |action| entries.iter().filter(|entry| entry.action == action).count();
    format!(
        "{} to make, {replaced} to replace, {} to update, {} to archive, {} as they should be",
        count(Action::Create) - replaced,
        count(Action::Update),
        entries.iter().filter(gone).count(),
        count(Action::Keep)
    )
}
