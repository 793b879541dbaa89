//! Compares Stripe with the desired catalog.

use std::path::Path;

use shared::Stripe;

use super::desired::Catalog;
use super::parse::parse_file;
use super::planner::{Changeset, plan_changes};
use super::report::{Action, Entry, entries};
use super::{load, subscription_counts};
use crate::error::{CliError, Result};

/// Changes that make Stripe hold the desired catalog, and their report.
pub(super) struct PlannedChanges {
    pub(super) changeset: Changeset,
    pub(super) entries: Vec<Entry>,
}

/// Number of objects in Stripe that differ from a catalog file.
pub(crate) struct Differences {
    pub(crate) catalog: usize,
    /// `None` if the file does not configure the portal.
    pub(crate) portal: Option<usize>,
}

/// Plans the changes and counts the subscriptions on prices to archive. Changes nothing.
pub(super) async fn compare(stripe: &Stripe, catalog: &Catalog) -> Result<PlannedChanges> {
    let actual = load::load(stripe, catalog).await?;
    let changeset = plan_changes(catalog, &actual)
        .map_err(|conflict| CliError::new(format!("{conflict}; nothing was changed")))?;
    let mut entries = entries(&changeset, &actual);
    subscription_counts::add(stripe, &mut entries).await?;
    Ok(PlannedChanges { changeset, entries })
}

/// Compares Stripe with a catalog file. Changes nothing.
pub(crate) async fn compare_with_file(stripe: &Stripe, path: &Path) -> Result<Differences> {
    let entries = compare(stripe, &parse_file(path)?).await?.entries;
    let differs = |entry: &&Entry| entry.action != Action::Keep;
    let (portal, catalog): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.object == "portal");
    Ok(Differences {
        catalog: catalog.into_iter().filter(differs).count(),
        portal: (!portal.is_empty()).then(|| portal.into_iter().filter(differs).count()),
    })
}
