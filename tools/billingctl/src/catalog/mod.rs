//! `catalog`: the plans, and the portal beside them, which Stripe holds, as the file says they are to be.

mod amount;
mod apply;
mod check;
mod diff;
mod differences;
mod file;
mod load;
#[cfg(test)]
mod model;
mod now;
mod plan;
mod portal;
mod reader;
mod report;
mod requests;
mod show;
mod subscribers;
mod views;
mod wanted;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use shared::Stripe;
use stripe_billing::billing_portal_configuration::RetrieveBillingPortalConfiguration;

use crate::cli::{ApplyCatalog, PlanCatalog};
use crate::error::{Failure, Result};
use crate::output::{Output, note};
use crate::stripe;

pub(crate) use show::show;

use now::PortalConfiguration;
use plan::Todo;
use portal::PortalView;
use report::{Action, Entry};
use wanted::Catalogue;

/// `catalog plan --exit-code` where there are differences; 2 is what a wrong command line ends with.
const DIFFERENCES: u8 = 3;

/// `catalog plan`
pub(crate) async fn plan(output: Output, wanted: &PlanCatalog) -> Result<ExitCode> {
    let catalogue = read(&wanted.file)?;
    let Planned { todo, entries } = compare(&stripe::from_env()?, &catalogue).await?;
    let differ = report::differ(&entries);
    let value = json!({ "differs": differ, "changes": entries });
    output.result(&value, diff::text(&todo, &entries))?;
    Ok(if differ && wanted.exit_code { ExitCode::from(DIFFERENCES) } else { ExitCode::SUCCESS })
}

/// `catalog apply`
pub(crate) async fn apply(output: Output, wanted: &ApplyCatalog) -> Result<()> {
    let catalogue = read(&wanted.file)?;
    let stripe = stripe::from_env()?;
    let Planned { todo, mut entries } = compare(&stripe, &catalogue).await?;
    if report::differ(&entries) {
        note(diff::text(&todo, &entries));
        if !wanted.yes {
            confirm()?;
        }
    }
    let mut applier = apply::Applier::new(&stripe, &todo);
    for (change, entry) in todo.changes.iter().zip(&mut entries) {
        entry.id = Some(applier.apply(change).await?);
        if entry.action != Action::Keep {
            note(entry.line());
        }
    }
    if report::differ(&entries) {
        name_portal(&stripe, &entries).await?;
    }
    output.result(&json!({ "changes": entries }), report::summary(&entries))
}

/// Stripe opens the default configuration unless it is told another, and only its dashboard makes
/// the default one.
async fn name_portal(stripe: &Stripe, entries: &[Entry]) -> Result<()> {
    let portal = entries.iter().find(|entry| entry.object == "portal");
    let Some(id) = portal.and_then(|portal| portal.id.as_deref()) else { return Ok(()) };
    let view: PortalView = stripe.send(&RetrieveBillingPortalConfiguration::new(id)).await?;
    if !PortalConfiguration::from(view).is_default {
        note(format_args!(
            "the portal configuration is not the Stripe account's default one: deploy the stack with \
             PortalConfiguration={id} (the variable PORTAL_CONFIGURATION)"
        ));
    }
    Ok(())
}

/// What is to be done, and the same for programs.
struct Planned {
    todo: Todo,
    entries: Vec<Entry>,
}

async fn compare(stripe: &Stripe, catalogue: &Catalogue) -> Result<Planned> {
    let now = load::load(stripe, catalogue).await?;
    let todo = plan::plan(catalogue, &now)
        .map_err(|conflict| Failure::new(format!("{conflict}; nothing was changed")))?;
    let mut entries = report::entries(&todo, &now);
    subscribers::count(stripe, &mut entries).await?;
    Ok(Planned { todo, entries })
}

/// The catalogue of a file, or all that is wrong with it.
fn read(path: &Path) -> Result<Catalogue> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(format!("{name} could not be read ({error}); name the catalogue with --file"))
    })?;
    file::parse(&text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("  {name}:{fault}")).collect();
        let count = match lines.len() {
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        Failure::new(format!(
            "{name} has {count}; nothing was sent to Stripe\n{}",
            lines.join("\n")
        ))
    })
}

/// Asks on the terminal. Where there is none nobody can have read the plan.
fn confirm() -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("nothing was changed: without a terminal to ask on, say --yes"));
    }
    let _ = write!(std::io::stderr(), "Make Stripe hold this? Only \"yes\" does it: ");
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(Failure::new("nothing was changed")),
    }
}
