//! Checks the catalog and the portal in Stripe, and compares them with the catalog file.

use shared::Stripe;
use shared::billing::catalog::{Catalog, FREE_TIER};
use shared::values::Currency;

use super::report::Report;
use super::secrets::StackKeys;
use super::settings::Settings;
use crate::catalog::{Differences, PortalConfiguration, compare_with_file, portal_configurations};
use crate::error::Result;
use crate::stripe;

pub(super) async fn check(
    keys: &StackKeys,
    settings: &Settings,
    report: &mut Report,
) -> Result<()> {
    if let Some(read) = &keys.read {
        let stripe = stripe::client(read, "the read key")?;
        check_offers(&stripe, settings, report).await;
        check_portal(&stripe, settings, report).await;
    } else {
        report.skip("catalog.offers", "not checked", keys.advice);
        report.skip("portal.configuration", "not checked", keys.advice);
    }
    check_file(settings, report).await;
    Ok(())
}

/// Reads the catalog with the code that the API uses.
async fn check_offers(stripe: &Stripe, settings: &Settings, report: &mut Report) {
    const CHECK: &str = "catalog.offers";
    let currency = settings.currency.as_deref().unwrap_or("usd").parse::<Currency>();
    let Ok(currency) = currency else {
        return report.fail(
            CHECK,
            "the default currency is not a currency",
            "deploy with DefaultCurrency=usd",
        );
    };
    let catalog = match Catalog::load(stripe, Some(currency)).await {
        Ok(catalog) => catalog,
        Err(error) => {
            let advice = "see the checks of the read key above";
            return report.fail(CHECK, format!("it cannot be read: {error}"), advice);
        }
    };
    let offers = catalog.offers(currency, None);
    let mut tiers: Vec<&str> = offers.iter().map(|offer| offer.tier.as_str()).collect();
    tiers.dedup();
    let apply = "billingctl catalog plan, then billingctl catalog apply";
    if offers.is_empty() {
        report.fail(CHECK, format!("there is no plan in {currency}"), apply);
    } else if !tiers.contains(&FREE_TIER) {
        let found = format!(
            "there is no plan \"{FREE_TIER}\", the plan of accounts without a subscription"
        );
        report.warn(CHECK, found, "add a plan with this tier to the catalog");
    } else {
        let found = format!("{} offers in {currency}: {}", offers.len(), tiers.join(", "));
        report.pass(CHECK, found);
    }
}

async fn check_portal(stripe: &Stripe, settings: &Settings, report: &mut Report) {
    const CHECK: &str = "portal.configuration";
    let all = match portal_configurations(stripe).await {
        Ok(all) => all,
        Err(error) => {
            let advice = "see the checks of the read key above";
            return report.fail(CHECK, format!("it cannot be read: {error}"), advice);
        }
    };
    let named = settings.portal_configuration.as_deref();
    let used = |one: &&PortalConfiguration| named.map_or(one.is_default, |id| one.id == id);
    match (all.iter().find(used), named) {
        (Some(one), _) if one.active && !one.portal.subscription_update => {
            report.pass(CHECK, format!("sessions use {}", one.id));
        }
        (Some(one), _) if one.active => report.fail(
            CHECK,
            format!(
                "{} lets customers change plans without the quotes and checks of the API",
                one.id
            ),
            "add [portal] to catalog.toml and run `billingctl catalog apply`",
        ),
        (Some(one), _) => report.fail(
            CHECK,
            format!("{} is not active, so portal sessions fail", one.id),
            "run `billingctl catalog apply`",
        ),
        (None, Some(id)) => report.fail(
            CHECK,
            format!("the stack names {id}, which Stripe does not know in this mode"),
            "deploy with the PortalConfiguration that `billingctl catalog apply` prints",
        ),
        (None, None) => report.fail(
            CHECK,
            "there is no default configuration and the stack names none, so portal sessions fail",
            "run `billingctl catalog apply` and deploy with the PortalConfiguration that it prints",
        ),
    }
}

async fn check_file(settings: &Settings, report: &mut Report) {
    const CHECK: &str = "catalog.file";
    let name = settings.file.display();
    if !settings.file.exists() {
        let advice = "name the catalog with --file to compare Stripe with it";
        return report.skip(CHECK, format!("there is no {name} here"), advice);
    }
    if !stripe::has_key_in_env() {
        let advice = "set STRIPE_SECRET_KEY, as for `billingctl catalog plan`";
        return report.skip(CHECK, format!("Stripe is not compared with {name}"), advice);
    }
    let stripe = match stripe::client_from_env() {
        Ok(stripe) => stripe,
        Err(error) => {
            return report.fail(CHECK, error.to_string(), "fix STRIPE_SECRET_KEY, or unset it");
        }
    };
    match compare_with_file(&stripe, &settings.file).await {
        Ok(Differences { catalog: 0, portal: None | Some(0) }) => {
            report.pass(CHECK, format!("Stripe matches {name}, including the portal"));
        }
        Ok(Differences { catalog, portal }) => {
            let portal =
                portal.filter(|count| *count > 0).map(|_| " and the portal's configuration");
            let found = format!(
                "{catalog} plans, prices or meters{} differ from {name}",
                portal.unwrap_or_default()
            );
            report.warn(
                CHECK,
                found,
                "`billingctl catalog plan` shows the differences, `billingctl catalog apply` updates Stripe",
            );
        }
        Err(error) => {
            report.fail(CHECK, error.to_string(), "`billingctl catalog plan` shows the same error");
        }
    }
}
