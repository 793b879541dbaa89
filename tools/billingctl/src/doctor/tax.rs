//! Checks Stripe Tax if automatic tax is on: its settings and registrations.

use serde::{Deserialize, Serialize};
use shared::StripeError;
use shared::stripe::Stripe;
use shared::stripe::views::{Id, List};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::report::Report;
use super::settings::Settings;
use crate::stripe;

#[derive(Deserialize, Serialize)]
struct TaxSettings {
    status: String,
    status_details: Option<Details>,
    defaults: Option<Defaults>,
}

#[derive(Deserialize, Serialize)]
struct Details {
    pending: Option<Pending>,
}

#[derive(Deserialize, Serialize)]
struct Pending {
    missing_fields: Option<Vec<String>>,
}

#[derive(Deserialize, Serialize)]
struct Defaults {
    tax_behavior: Option<String>,
}

/// Checks Stripe Tax. It needs `STRIPE_SECRET_KEY`, because the functions' keys have no access to it.
pub(super) async fn check(settings: &Settings, report: &mut Report) {
    const CHECK: &str = "tax";
    match settings.automatic_tax {
        None => {
            let advice =
                "use --stack with the stack's description, or set AUTOMATIC_TAX as deployed";
            report.skip(CHECK, "it is unknown whether automatic tax is on", advice);
        }
        Some(false) => {
            report.skip(
                CHECK,
                "automatic tax is off",
                "nothing to do unless you have to charge tax",
            );
        }
        Some(true) if !stripe::has_key_in_env() => {
            let advice =
                "set STRIPE_SECRET_KEY to a key with read access to tax settings and registrations";
            report.skip(CHECK, "the functions' keys have no access to Stripe Tax", advice);
        }
        Some(true) => match stripe::client_from_env() {
            Ok(stripe) => {
                check_settings(&stripe, report).await;
                check_registrations(&stripe, report).await;
            }
            Err(error) => {
                report.fail(CHECK, error.to_string(), "fix STRIPE_SECRET_KEY, or unset it");
            }
        },
    }
}

fn get(path: &str, query: &str) -> RequestBuilder {
    let request = RequestBuilder::new(StripeMethod::Get, path);
    RequestBuilder { query: Some(query.to_owned()), ..request }
}

async fn check_settings(stripe: &Stripe, report: &mut Report) {
    const CHECK: &str = "tax.settings";
    let page = "complete the settings in Stripe's dashboard (Settings, Tax)";
    let settings: TaxSettings = match stripe.send_built(get("/tax/settings", ""), None).await {
        Ok(settings) => settings,
        Err(error) => return unreadable(CHECK, &error, report),
    };
    let behavior = settings.defaults.and_then(|defaults| defaults.tax_behavior);
    if settings.status != "active" {
        let pending = settings.status_details.and_then(|details| details.pending);
        let missing = pending.and_then(|pending| pending.missing_fields).unwrap_or_default();
        let found = format!("Stripe Tax is {} and lacks {}", settings.status, missing.join(", "));
        report.fail(CHECK, format!("{found}, so every checkout fails"), page);
    } else if behavior.is_none() {
        let found = "there is no default tax behavior, and the catalog's prices do not set one";
        report.fail(
            CHECK,
            found,
            "choose inclusive or exclusive in Stripe's dashboard (Settings, Tax)",
        );
    } else {
        report.pass(CHECK, format!("active, prices are {}", behavior.unwrap_or_default()));
    }
}

async fn check_registrations(stripe: &Stripe, report: &mut Report) {
    const CHECK: &str = "tax.registrations";
    let list = get("/tax/registrations", "status=active&limit=100");
    match stripe.send_built::<List<Id>>(list, None).await {
        Ok(list) if list.data.is_empty() => report.warn(
            CHECK,
            "automatic tax is on and there is no active registration, so no tax is charged",
            "add your registrations in Stripe's dashboard (Tax, Registrations), or deploy with AutomaticTax=false",
        ),
        Ok(list) => report.pass(CHECK, format!("{} active", list.data.len())),
        Err(error) => unreadable(CHECK, &error, report),
    }
}

fn unreadable(check: &'static str, error: &StripeError, report: &mut Report) {
    let advice = match error {
        StripeError::Refused { status: 403, .. } => {
            "give the key in STRIPE_SECRET_KEY read access to tax settings and registrations"
        }
        _ => "check the network and run doctor again",
    };
    report.skip(check, format!("it could not be checked: {error}"), advice);
}
