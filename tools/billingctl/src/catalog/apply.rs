//! `catalog apply`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use shared::Stripe;
use stripe_billing::billing_portal_configuration::RetrieveBillingPortalConfiguration;

use super::actual::PortalConfiguration;
use super::applier::Applier;
use super::comparison::{PlannedChanges, compare};
use super::parse::parse_file;
use super::portal::view::PortalView;
use super::report::{Action, Entry};
use super::{plan_text, report};
use crate::confirm::ConfirmArgs;
use crate::error::Result;
use crate::output::{Output, diff, note};
use crate::stripe;

/// Make the catalog in Stripe match the file
///
///   STRIPE_SECRET_KEY=sk_test_… billingctl catalog apply
///
/// The command prints the plan and asks before it changes anything. Running it again changes nothing, and
/// a run that was interrupted is completed by the next one. All products of plans and their recurring
/// prices belong to the catalog: those that the file does not have are archived. Stripe cannot change the
/// amount or allowance of a price, so a new price is created, takes the lookup key, and the old price is
/// archived. Existing subscriptions stay on the old price.
///
/// Next: billingctl catalog show
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ApplyArgs {
    /// Catalog file
    #[arg(long, default_value = "catalog.toml")]
    file: PathBuf,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs `catalog apply`.
pub(super) async fn run(output: Output, args: &ApplyArgs) -> Result<()> {
    let catalog = parse_file(&args.file)?;
    let stripe = stripe::client_from_env()?;
    let PlannedChanges { changeset, mut entries } = compare(&stripe, &catalog).await?;
    if report::has_differences(&entries) {
        note(diff(&plan_text::format(&changeset, &entries)));
        args.confirm.ask("Apply these changes in Stripe?")?;
    }
    let mut applier = Applier::new(&stripe, &changeset);
    for (change, entry) in changeset.changes.iter().zip(&mut entries) {
        entry.id = Some(applier.apply(change).await?);
        if entry.action != Action::Keep {
            note(entry.progress());
        }
    }
    if report::has_differences(&entries) {
        note_portal_setting(&stripe, &entries).await?;
    }
    output.result(&json!({ "changes": entries }), report::summary(&entries))
}

/// Prints the setting for the portal configuration unless it is the Stripe account's default one.
/// Stripe opens the default configuration if a session names none, and only the dashboard creates it.
async fn note_portal_setting(stripe: &Stripe, entries: &[Entry]) -> Result<()> {
    let portal = entries.iter().find(|entry| entry.object == "portal");
    let Some(id) = portal.and_then(|portal| portal.id.as_deref()) else { return Ok(()) };
    let view: PortalView = stripe.send(&RetrieveBillingPortalConfiguration::new(id)).await?;
    if !PortalConfiguration::from(view).is_default {
        note(format_args!(
            "the portal configuration is not the Stripe account's default; deploy the stack with \
             PortalConfiguration={id} (variable PORTAL_CONFIGURATION)"
        ));
    }
    Ok(())
}
