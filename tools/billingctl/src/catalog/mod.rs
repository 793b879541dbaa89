//! `catalog`: the plans, and the portal beside them, which Stripe holds, as the file says they are to be.

mod amount;
mod apply;
mod check;
mod diff;
mod differences;
mod file;
#[cfg(test)]
mod fuzz_tests;
mod load;
#[cfg(test)]
mod model;
mod now;
mod plan;
mod portal;
mod pull;
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
use shared::{Stripe, StripeError};
use stripe_billing::billing_portal_configuration::RetrieveBillingPortalConfiguration;

use crate::cli::{ApplyCatalog, PlanCatalog, PullCatalog};
use crate::error::{Failure, Result};
use crate::output::{Output, note};
use crate::stripe;

pub(crate) use now::PortalConfiguration as PortalNow;
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

/// `catalog pull`
pub(crate) async fn pull(output: Output, wanted: &PullCatalog) -> Result<()> {
    let now = pull::load(&stripe::from_env()?).await?;
    let text = pull::text(&now)?;
    let name = wanted.file.display();
    if wanted.file.exists() {
        if read(&wanted.file).is_ok_and(|there| is_held(&there, &now)) {
            let found = format!("{name} says already what Stripe holds; it stays as it is");
            return output.result(&json!({ "file": wanted.file, "written": false }), found);
        }
        if !wanted.force {
            return Err(Failure::new(format!(
                "{name} does not say what Stripe holds, and would be lost; --force overwrites it, \
                 `billingctl catalog plan` shows the difference"
            )));
        }
    }
    std::fs::write(&wanted.file, text)
        .map_err(|error| Failure::new(format!("{name} could not be written ({error})")))?;
    note("Stripe keeps no comments, so the file has none of those that there were");
    output.result(&json!({ "file": wanted.file, "written": true }), format!("wrote {name}"))
}

/// Whether Stripe is as the catalogue says.
fn is_held(catalogue: &Catalogue, now: &now::Now) -> bool {
    plan::plan(catalogue, now).is_ok_and(|todo| !report::differ(&report::entries(&todo, now)))
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

/// How many objects are not as the file says.
pub(crate) struct Comparison {
    pub(crate) catalogue: usize,
    /// `None`: the file says nothing about the portal.
    pub(crate) portal: Option<usize>,
}

/// Compares Stripe with a file, and changes nothing.
pub(crate) async fn compare_with(stripe: &Stripe, path: &Path) -> Result<Comparison> {
    let Planned { entries, .. } = compare(stripe, &read(path)?).await?;
    let differ = |entry: &&Entry| entry.action != Action::Keep;
    let (portal, rest): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.object == "portal");
    Ok(Comparison {
        catalogue: rest.into_iter().filter(differ).count(),
        portal: (!portal.is_empty()).then(|| portal.into_iter().filter(differ).count()),
    })
}

/// Every configuration of the Billing Portal.
pub(crate) async fn portals(
    stripe: &Stripe,
) -> std::result::Result<Vec<PortalConfiguration>, StripeError> {
    load::portals(stripe).await
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
