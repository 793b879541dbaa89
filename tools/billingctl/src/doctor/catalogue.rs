//! What is sold: as the functions read it, and as the file says it.

use shared::Stripe;
use shared::catalog::{Catalog, FREE_TIER};
use shared::respond::Currency;

use super::keys::{self, Keys};
use super::report::Report;
use super::settings::Settings;
use crate::catalog::{Comparison, PortalNow, compare_with, portals};
use crate::error::Result;
use crate::stripe;

pub(super) async fn check(keys: &Keys, settings: &Settings, report: &mut Report) -> Result<()> {
    if let Some(read) = &keys.read {
        let stripe = keys::client(read, "the read key")?;
        sold(&stripe, settings, report).await;
        portal(&stripe, settings, report).await;
    } else {
        let advice = "first get the read key right";
        report.skip("catalogue.sold", "not looked at", advice);
        report.skip("portal.saved", "not looked at", advice);
    }
    file(settings, report).await
}

/// In the way that the API reads it.
async fn sold(stripe: &Stripe, settings: &Settings, report: &mut Report) {
    const CHECK: &str = "catalogue.sold";
    let currency = settings.currency.as_deref().unwrap_or("usd").parse::<Currency>();
    let Ok(currency) = currency else {
        return report.fail(
            CHECK,
            "the default currency is none",
            "deploy with DefaultCurrency=usd",
        );
    };
    let catalog = match Catalog::load(stripe, Some(currency)).await {
        Ok(catalog) => catalog,
        Err(error) => {
            let advice = "see the lines about the read key above";
            return report.fail(CHECK, format!("it cannot be read: {error}"), advice);
        }
    };
    let offers = catalog.offers(currency);
    let mut tiers: Vec<&str> = offers.iter().map(|offer| offer.tier.as_str()).collect();
    tiers.dedup();
    let apply = "billingctl catalog plan, then billingctl catalog apply";
    if offers.is_empty() {
        report.fail(CHECK, format!("no plan is sold in {currency}"), apply);
    } else if !tiers.contains(&FREE_TIER) {
        let found = format!(
            "there is no plan \"{FREE_TIER}\", which accounts without a subscription are on"
        );
        report.warn(CHECK, found, "give the catalogue a plan with that tier");
    } else {
        let found = format!("{} offers in {currency}: {}", offers.len(), tiers.join(", "));
        report.pass(CHECK, found);
    }
}

async fn portal(stripe: &Stripe, settings: &Settings, report: &mut Report) {
    const CHECK: &str = "portal.saved";
    let all = match portals(stripe).await {
        Ok(all) => all,
        Err(error) => {
            let advice = "see the lines about the read key above";
            return report.fail(CHECK, format!("it cannot be read: {error}"), advice);
        }
    };
    let named = settings.portal_configuration.as_deref();
    let used = |one: &&PortalNow| named.map_or(one.is_default, |id| one.id == id);
    match (all.iter().find(used), named) {
        (Some(one), _) if one.active && !one.portal.subscription_update => {
            report.pass(CHECK, format!("sessions use {}", one.id));
        }
        (Some(one), _) if one.active => report.fail(
            CHECK,
            format!("{} lets customers change plans past the API's quotes and checks", one.id),
            "give catalog.toml a [portal] and run `billingctl catalog apply`",
        ),
        (Some(one), _) => report.fail(
            CHECK,
            format!("{} is not active, so Stripe opens no portal", one.id),
            "run `billingctl catalog apply`",
        ),
        (None, Some(id)) => report.fail(
            CHECK,
            format!("the stack names {id}, which Stripe does not know in this mode"),
            "deploy with the PortalConfiguration that `billingctl catalog apply` names",
        ),
        (None, None) => report.fail(
            CHECK,
            "there is no default configuration and the stack names none, so Stripe opens no portal",
            "run `billingctl catalog apply`, and deploy with the PortalConfiguration that it names",
        ),
    }
}

async fn file(settings: &Settings, report: &mut Report) -> Result<()> {
    const CHECK: &str = "catalogue.file";
    let name = settings.file.display();
    if !settings.file.exists() {
        let advice = "name the catalogue with --file to have Stripe compared with it";
        report.skip(CHECK, format!("there is no {name} here"), advice);
        return Ok(());
    }
    if !stripe::is_given() {
        let advice = "set STRIPE_SECRET_KEY, as for `billingctl catalog plan`";
        report.skip(CHECK, format!("Stripe is not compared with {name}"), advice);
        return Ok(());
    }
    match compare_with(&stripe::from_env()?, &settings.file).await {
        Ok(Comparison { catalogue: 0, portal: None | Some(0) }) => {
            report.pass(CHECK, format!("Stripe holds what {name} says, the portal too"));
        }
        Ok(Comparison { catalogue, portal }) => {
            let portal =
                portal.filter(|count| *count > 0).map(|_| " and the portal's configuration");
            let found = format!(
                "{catalogue} plans, prices or meters{} differ from {name}",
                portal.unwrap_or_default()
            );
            report.warn(
                CHECK,
                found,
                "billingctl catalog plan shows how, billingctl catalog apply changes it",
            );
        }
        Err(failure) => {
            report.fail(CHECK, failure.to_string(), "billingctl catalog plan says the same");
        }
    }
    Ok(())
}
