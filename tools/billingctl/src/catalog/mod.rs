//! `catalog`: the plans, which Stripe holds, as the file says they are to be.

mod apply;
mod check;
mod file;
mod load;
#[cfg(test)]
mod model;
mod now;
mod plan;
mod report;
mod requests;
mod show;
mod views;
mod wanted;

use serde_json::json;

use crate::cli::ApplyCatalog;
use crate::error::{Failure, Result};
use crate::output::{Output, note};
use crate::stripe;

pub(crate) use show::show;

/// `catalog apply`
pub(crate) async fn apply(output: Output, wanted: &ApplyCatalog) -> Result<()> {
    let name = wanted.file.display();
    let text = std::fs::read_to_string(&wanted.file).map_err(|error| {
        Failure::new(format!("{name} could not be read ({error}); name the catalogue with --file"))
    })?;
    let catalogue = file::parse(&text)
        .map_err(|wrong| Failure::new(format!("{name}, {wrong}; nothing was sent to Stripe")))?;
    let stripe = stripe::from_env()?;
    let now = load::load(&stripe, &catalogue).await?;
    let todo = plan::plan(&catalogue, &now)
        .map_err(|conflict| Failure::new(format!("{conflict}; nothing was changed")))?;
    let mut applier = apply::Applier::new(&stripe, &todo);
    let mut entries = Vec::new();
    for change in &todo.changes {
        let id = if wanted.dry_run { None } else { Some(applier.apply(change).await?) };
        let entry = change.entry(id);
        if entry.action != report::Action::Keep {
            note(change.line(&entry, wanted.dry_run));
        }
        entries.push(entry);
    }
    let value = json!({ "changes": entries, "dryRun": wanted.dry_run });
    output.result(&value, report::summary(&entries, wanted.dry_run))
}
