//! Stripe's response for a portal configuration.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::stripe::views::HasId;

use crate::catalog::actual::{PORTAL_KEY, PortalConfiguration};
use crate::catalog::desired::{CancelMode, Portal};

/// The fields of a portal configuration that this tool reads.
#[derive(Deserialize, Serialize)]
pub(in crate::catalog) struct PortalView {
    id: String,
    active: bool,
    is_default: bool,
    default_return_url: Option<String>,
    business_profile: ProfileView,
    features: FeaturesView,
    #[serde(default)]
    metadata: Option<HashMap<String, String>>,
}

#[derive(Deserialize, Serialize)]
struct ProfileView {
    headline: Option<String>,
    privacy_policy_url: Option<String>,
    terms_of_service_url: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct FeaturesView {
    customer_update: UpdateView,
    invoice_history: SwitchView,
    payment_method_update: SwitchView,
    subscription_cancel: CancelView,
    subscription_update: SwitchView,
}

#[derive(Deserialize, Serialize)]
struct SwitchView {
    enabled: bool,
}

#[derive(Deserialize, Serialize)]
struct UpdateView {
    enabled: bool,
    #[serde(default)]
    allowed_updates: Vec<String>,
}

#[derive(Deserialize, Serialize)]
struct CancelView {
    enabled: bool,
    mode: String,
    cancellation_reason: ReasonView,
}

#[derive(Deserialize, Serialize)]
struct ReasonView {
    enabled: bool,
    #[serde(default)]
    options: Vec<String>,
}

impl HasId for PortalView {
    fn id(&self) -> &str {
        &self.id
    }
}

impl From<PortalView> for PortalConfiguration {
    fn from(view: PortalView) -> Self {
        Self {
            is_managed: view
                .metadata
                .as_ref()
                .is_some_and(|metadata| metadata.contains_key(PORTAL_KEY)),
            portal: portal(&view),
            id: view.id,
            active: view.active,
            is_default: view.is_default,
        }
    }
}

fn portal(view: &PortalView) -> Portal {
    let non_empty = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let sorted = |enabled: bool, names: &[String]| {
        let mut names = if enabled { names.to_vec() } else { Vec::new() };
        names.sort();
        names
    };
    let (profile, features) = (&view.business_profile, &view.features);
    let cancel = &features.subscription_cancel;
    let mode = match cancel.mode.as_str() {
        "immediately" => CancelMode::Immediately,
        _ => CancelMode::AtPeriodEnd,
    };
    let reason = &cancel.cancellation_reason;
    Portal {
        headline: non_empty(&profile.headline),
        privacy_policy_url: non_empty(&profile.privacy_policy_url),
        terms_of_service_url: non_empty(&profile.terms_of_service_url),
        default_return_url: non_empty(&view.default_return_url),
        invoice_history: features.invoice_history.enabled,
        payment_method_update: features.payment_method_update.enabled,
        subscription_cancel: cancel.enabled.then_some(mode),
        cancellation_reasons: sorted(cancel.enabled && reason.enabled, &reason.options),
        customer_update: sorted(
            features.customer_update.enabled,
            &features.customer_update.allowed_updates,
        ),
        subscription_update: features.subscription_update.enabled,
    }
}
