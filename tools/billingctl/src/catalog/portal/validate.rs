//! Validates the table `[portal]` of the catalog file.

use toml::Spanned;

use crate::catalog::desired::{CancelMode, Portal};
use crate::catalog::file::Portal as PortalEntry;
use crate::catalog::toml_reader::{Faults, check_length};

/// Stripe's names of cancellation reasons.
const REASONS: [&str; 8] = [
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
];

/// Stripe's names of customer details that customers can change.
const UPDATES: [&str; 6] = ["address", "email", "name", "phone", "shipping", "tax_id"];

/// Converts the table. `None` means that there is a fault.
pub(in crate::catalog) fn validate(entry: &PortalEntry, faults: &mut Faults) -> Option<Portal> {
    if let Some(headline) = &entry.headline {
        check_length(headline, faults);
    }
    let urls = [&entry.privacy_policy_url, &entry.terms_of_service_url, &entry.default_return_url];
    for url in urls.into_iter().flatten() {
        if !url
            .get_ref()
            .parse()
            .is_ok_and(|uri: hyper::Uri| uri.scheme_str() == Some("https") && uri.host().is_some())
        {
            faults.add(url.span(), format!("\"{}\" is not an https URL", url.get_ref()));
        }
    }
    let subscription_cancel =
        entry.subscription_cancel.as_ref().and_then(|mode| cancel_mode(mode, faults));
    let cancellation_reasons = names(&entry.cancellation_reasons, &REASONS, faults);
    if let (Some(None), Some(first)) = (subscription_cancel, entry.cancellation_reasons.first()) {
        faults.add(
            first.span(),
            "subscription_cancel is \"off\", so customers are not asked for reasons; remove them",
        );
    }
    let customer_update = names(&entry.customer_update, &UPDATES, faults);
    let value = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.get_ref().clone());
    Some(Portal {
        headline: value(&entry.headline),
        privacy_policy_url: value(&entry.privacy_policy_url),
        terms_of_service_url: value(&entry.terms_of_service_url),
        default_return_url: value(&entry.default_return_url),
        invoice_history: entry.invoice_history?,
        payment_method_update: entry.payment_method_update?,
        subscription_cancel: subscription_cancel?,
        cancellation_reasons,
        customer_update,
        subscription_update: false,
    })
}

#[expect(
    clippy::option_option,
    reason = "the outer option is None for an invalid mode, the inner one for \"off\""
)]
fn cancel_mode(mode: &Spanned<String>, faults: &mut Faults) -> Option<Option<CancelMode>> {
    match mode.get_ref().as_str() {
        "off" => Some(None),
        "at_period_end" => Some(Some(CancelMode::AtPeriodEnd)),
        "immediately" => Some(Some(CancelMode::Immediately)),
        other => {
            let reason =
                format!("\"{other}\" is not one of \"at_period_end\", \"immediately\" and \"off\"");
            faults.add(mode.span(), reason);
            None
        }
    }
}

fn names(given: &[Spanned<String>], known: &[&str], faults: &mut Faults) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in given {
        let text = name.get_ref();
        if !known.contains(&text.as_str()) {
            faults.add(name.span(), format!("\"{text}\" is not one of {}", known.join(", ")));
        } else if names.contains(text) {
            faults.add(name.span(), format!("\"{text}\" is listed twice"));
        }
        names.push(text.clone());
    }
    names.sort();
    names
}
