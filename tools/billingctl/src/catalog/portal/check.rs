//! What `[portal]` may say.

use toml::Spanned;

use super::super::check::text;
use super::super::file::Portal as Entry;
use super::super::reader::Faults;
use super::super::wanted::{Cancel, Portal};

/// Stripe's words for what a customer can give as a reason.
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

/// Stripe's words for what a customer can be let change.
const UPDATES: [&str; 6] = ["address", "email", "name", "phone", "shipping", "tax_id"];

/// `None` is always a fault.
pub(in super::super) fn check(entry: &Entry, faults: &mut Faults) -> Option<Portal> {
    if let Some(headline) = &entry.headline {
        text(headline, faults);
    }
    let urls = [&entry.privacy_policy_url, &entry.terms_of_service_url, &entry.default_return_url];
    for url in urls.into_iter().flatten() {
        if !url
            .get_ref()
            .parse()
            .is_ok_and(|uri: hyper::Uri| uri.scheme_str() == Some("https") && uri.host().is_some())
        {
            faults.add(url.span(), format!("\"{}\" is no https URL", url.get_ref()));
        }
    }
    let subscription_cancel =
        entry.subscription_cancel.as_ref().and_then(|mode| cancel(mode, faults));
    let cancellation_reasons = words(&entry.cancellation_reasons, &REASONS, faults);
    if let (Some(None), Some(first)) = (subscription_cancel, entry.cancellation_reasons.first()) {
        faults
            .add(first.span(), "nobody is asked for a reason while subscription_cancel is \"off\"");
    }
    let customer_update = words(&entry.customer_update, &UPDATES, faults);
    let said = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.get_ref().clone());
    Some(Portal {
        headline: said(&entry.headline),
        privacy_policy_url: said(&entry.privacy_policy_url),
        terms_of_service_url: said(&entry.terms_of_service_url),
        default_return_url: said(&entry.default_return_url),
        invoice_history: entry.invoice_history?,
        payment_method_update: entry.payment_method_update?,
        subscription_cancel: subscription_cancel?,
        cancellation_reasons,
        customer_update,
        subscription_update: false,
    })
}

#[expect(clippy::option_option, reason = "the outer one is whether it is a mode at all")]
fn cancel(mode: &Spanned<String>, faults: &mut Faults) -> Option<Option<Cancel>> {
    match mode.get_ref().as_str() {
        "off" => Some(None),
        "at_period_end" => Some(Some(Cancel::AtPeriodEnd)),
        "immediately" => Some(Some(Cancel::Immediately)),
        other => {
            let reason =
                format!("\"{other}\" is not one of \"at_period_end\", \"immediately\" and \"off\"");
            faults.add(mode.span(), reason);
            None
        }
    }
}

fn words(given: &[Spanned<String>], known: &[&str], faults: &mut Faults) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in given {
        let text = word.get_ref();
        if !known.contains(&text.as_str()) {
            faults.add(word.span(), format!("\"{text}\" is not one of {}", known.join(", ")));
        } else if words.contains(text) {
            faults.add(word.span(), format!("\"{text}\" is here twice"));
        }
        words.push(text.clone());
    }
    words.sort();
    words
}
