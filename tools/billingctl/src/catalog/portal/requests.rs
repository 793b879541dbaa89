//! The requests for a portal configuration. Creating and updating take the same fields, for which
//! async-stripe has two families of types; here the fields are written out once.

use serde_json::{Value, json};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::super::wanted::{Cancel, Portal};
use super::MARK;

const PATH: &str = "/billing_portal/configurations";

pub(in super::super) fn create(portal: &Portal) -> RequestBuilder {
    RequestBuilder::new(StripeMethod::Post, PATH).form(&fields(portal, false))
}

/// Also makes it ours, and active.
pub(in super::super) fn update(id: &str, portal: &Portal) -> RequestBuilder {
    let mut fields = fields(portal, true);
    fields["active"] = json!(true);
    RequestBuilder::new(StripeMethod::Post, format!("{PATH}/{id}")).form(&fields)
}

/// All that the file decides on. `unset` empties what the file does not have, which only an update may.
fn fields(portal: &Portal, unset: bool) -> Value {
    let put = |object: &mut Value, name: &str, text: &Option<String>| match text {
        Some(text) => object[name] = json!(text),
        None if unset => object[name] = json!(""),
        None => {}
    };
    let mut profile = json!({});
    put(&mut profile, "headline", &portal.headline);
    put(&mut profile, "privacy_policy_url", &portal.privacy_policy_url);
    put(&mut profile, "terms_of_service_url", &portal.terms_of_service_url);
    let mut fields = json!({
        "features": {
            "customer_update": list("allowed_updates", &portal.customer_update),
            "invoice_history": { "enabled": portal.invoice_history },
            "payment_method_update": { "enabled": portal.payment_method_update },
            "subscription_cancel": cancel(portal),
            "subscription_update": { "enabled": portal.subscription_update },
        },
        "metadata": { (MARK): "catalog" },
    });
    put(&mut fields, "default_return_url", &portal.default_return_url);
    // Without an entry it would be written as empty text.
    if profile.as_object().is_some_and(|profile| !profile.is_empty()) {
        fields["business_profile"] = profile;
    }
    fields
}

fn cancel(portal: &Portal) -> Value {
    let mut cancel = json!({ "enabled": portal.subscription_cancel.is_some() });
    if let Some(mode) = portal.subscription_cancel {
        cancel["mode"] = json!(mode.as_str());
        if mode == Cancel::Immediately {
            // What was paid for is not paid back by a click.
            cancel["proration_behavior"] = json!("none");
        }
        cancel["cancellation_reason"] = list("options", &portal.cancellation_reasons);
        // It cannot be left away here.
        if portal.cancellation_reasons.is_empty() {
            cancel["cancellation_reason"]["options"] = json!("");
        }
    }
    cancel
}

/// On with these, or off.
fn list(name: &str, words: &[String]) -> Value {
    if words.is_empty() {
        json!({ "enabled": false })
    } else {
        json!({ "enabled": true, (name): words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_update_empties_what_the_file_does_not_have() {
        let portal = Portal { headline: Some("H".to_owned()), ..Portal::default() };
        let body = |request: RequestBuilder| request.body.unwrap_or_default();
        let (create, update) = (body(create(&portal)), body(update("bpc_1", &portal)));
        for body in [&create, &update] {
            assert!(body.contains("business_profile[headline]=H"), "{body}");
            assert!(body.contains("metadata[cantila_portal]=catalog"), "{body}");
            assert!(body.contains("features[subscription_update][enabled]=false"), "{body}");
        }
        assert!(!create.contains("privacy_policy_url") && !create.contains("active"), "{create}");
        assert!(update.contains("business_profile[privacy_policy_url]=&"), "{update}");
        assert!(update.contains("active=true"), "{update}");
    }
}
