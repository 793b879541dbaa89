//! Requests that create and update a portal configuration.
//!
//! Both take the same fields. async-stripe has separate types for them, so the fields are built here.

use serde_json::{Value, json};
use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::catalog::actual::PORTAL_KEY;
use crate::catalog::desired::{CancelMode, Portal};

const PATH: &str = "/billing_portal/configurations";

/// Returns the request that creates the configuration.
pub(in crate::catalog) fn create(portal: &Portal) -> RequestBuilder {
    RequestBuilder::new(StripeMethod::Post, PATH).form(&fields(portal, false))
}

/// Returns the request that updates the configuration, marks it as managed and activates it.
pub(in crate::catalog) fn update(id: &str, portal: &Portal) -> RequestBuilder {
    let mut fields = fields(portal, true);
    fields["active"] = json!(true);
    RequestBuilder::new(StripeMethod::Post, format!("{PATH}/{id}")).form(&fields)
}

/// Returns the fields that the file controls. `unset` clears the fields that the file does not have,
/// which Stripe accepts in updates only.
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
            "subscription_cancel": subscription_cancel(portal),
            "subscription_update": { "enabled": portal.subscription_update },
        },
        "metadata": { (PORTAL_KEY): "catalog" },
    });
    put(&mut fields, "default_return_url", &portal.default_return_url);
    // An empty object would be encoded as an empty string.
    if profile.as_object().is_some_and(|profile| !profile.is_empty()) {
        fields["business_profile"] = profile;
    }
    fields
}

fn subscription_cancel(portal: &Portal) -> Value {
    let mut cancel = json!({ "enabled": portal.subscription_cancel.is_some() });
    if let Some(mode) = portal.subscription_cancel {
        cancel["mode"] = json!(mode.as_str());
        if mode == CancelMode::Immediately {
            // A cancellation in the portal gives no credit for the rest of the period.
            cancel["proration_behavior"] = json!("none");
        }
        cancel["cancellation_reason"] = list("options", &portal.cancellation_reasons);
        // Stripe requires the field.
        if portal.cancellation_reasons.is_empty() {
            cancel["cancellation_reason"]["options"] = json!("");
        }
    }
    cancel
}

/// Returns a feature that is on with these names, or off without any.
fn list(name: &str, names: &[String]) -> Value {
    if names.is_empty() {
        json!({ "enabled": false })
    } else {
        json!({ "enabled": true, (name): names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn update_clears_fields_that_the_file_does_not_have() {
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
