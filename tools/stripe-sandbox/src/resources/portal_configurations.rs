//! `/v1/billing_portal/configurations`.

use serde_json::{Value, json};

use super::checkout_urls::url_change;
use super::subscription_update::FEEDBACK;
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::endpoint::params::{Change, MetadataChange, Params, parse_choice};
use crate::model::Metadata;
use crate::model::portal::{CancelMode, Configuration, CustomerUpdate, Features};
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/billing_portal/configurations", PERMISSION, KIND, create),
    list("/v1/billing_portal/configurations", PERMISSION, KIND, index),
    get("/v1/billing_portal/configurations/{}", PERMISSION, KIND, retrieve),
    post("/v1/billing_portal/configurations/{}", PERMISSION, KIND, update),
];

const PERMISSION: &str = "customer_portal";
const KIND: &str = "billing_portal.configuration";

/// Fields of create and update.
struct Fields {
    name: Change<String>,
    default_return_url: Change<String>,
    profile: Profile,
    features: Option<FeatureChanges>,
    metadata: Option<MetadataChange>,
}

#[derive(Default)]
struct Profile {
    headline: Change<String>,
    privacy_policy_url: Change<String>,
    terms_of_service_url: Change<String>,
}

#[derive(Default)]
struct FeatureChanges {
    customer_update: CustomerUpdateChange,
    invoice_history: Option<bool>,
    payment_method_update: Option<bool>,
    subscription_cancel: Option<bool>,
    cancel_mode: Option<CancelMode>,
    cancel_reasons: Change<Vec<String>>,
}

impl Fields {
    fn read(p: &mut Params) -> Result<Fields> {
        let login = p.hash("login_page", |inner| inner.boolean("enabled"))?.flatten();
        if login == Some(true) {
            return Err(ApiError::not_imitated("login_page[enabled]"));
        }
        let profile = p.hash("business_profile", |inner| {
            Ok(Profile {
                headline: inner.change("headline")?,
                privacy_policy_url: inner.change("privacy_policy_url")?,
                terms_of_service_url: inner.change("terms_of_service_url")?,
            })
        })?;
        Ok(Fields {
            name: p.change("name")?,
            default_return_url: url_change(p, "default_return_url")?,
            profile: profile.unwrap_or_default(),
            features: p.hash("features", read_features)?,
            metadata: p.metadata()?,
        })
    }

    fn apply(self, to: &mut Configuration) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut to.name, self.name);
        set(&mut to.default_return_url, self.default_return_url);
        set(&mut to.headline, self.profile.headline);
        set(&mut to.privacy_policy_url, self.profile.privacy_policy_url);
        set(&mut to.terms_of_service_url, self.profile.terms_of_service_url);
        if let Some(changes) = self.features {
            let features = &mut to.features;
            changes.customer_update.apply(&mut features.customer_update);
            set(&mut features.invoice_history, changes.invoice_history);
            set(&mut features.payment_method_update, changes.payment_method_update);
            set(&mut features.subscription_cancel, changes.subscription_cancel);
            set(&mut features.cancel_mode, changes.cancel_mode);
            set(&mut features.cancel_reasons, changes.cancel_reasons);
        }
        if let Some(change) = self.metadata {
            change.apply(&mut to.metadata);
        }
    }
}

fn read_features(p: &mut Params) -> Result<FeatureChanges> {
    if p.names_in("subscription_update").iter().any(|name| name != "enabled") {
        return Err(ApiError::not_imitated("features[subscription_update]"));
    }
    if enabled(p, "subscription_update")? == Some(true) {
        return Err(ApiError::not_imitated("features[subscription_update][enabled]"));
    }
    let mut changes = FeatureChanges {
        customer_update: p.hash("customer_update", read_customer_update)?.unwrap_or_default(),
        invoice_history: enabled(p, "invoice_history")?,
        payment_method_update: enabled(p, "payment_method_update")?,
        ..FeatureChanges::default()
    };
    p.hash("subscription_cancel", |inner| {
        changes.subscription_cancel = inner.boolean("enabled")?;
        changes.cancel_mode = inner.choice("mode", CancelMode::NAMES)?;
        if inner.choice(
            "proration_behavior",
            &[("always_invoice", false), ("create_prorations", false), ("none", true)],
        )? == Some(false)
        {
            return Err(ApiError::not_imitated(
                "features[subscription_cancel][proration_behavior]",
            ));
        }
        changes.cancel_reasons = inner.hash("cancellation_reason", read_cancel_reasons)?;
        Ok(())
    })?;
    Ok(changes)
}

/// `features[customer_update]`.
#[derive(Default)]
struct CustomerUpdateChange {
    enabled: Option<bool>,
    allowed: Option<Vec<CustomerUpdate>>,
}

impl CustomerUpdateChange {
    fn apply(self, to: &mut Option<Vec<CustomerUpdate>>) {
        let allowed = self.allowed.or(to.take());
        *to = if self.enabled == Some(false) { None } else { allowed };
    }
}

fn read_customer_update(p: &mut Params) -> Result<CustomerUpdateChange> {
    let name = p.name("allowed_updates");
    let allowed = p.strings("allowed_updates")?.map(|fields| {
        let read = |field: &String| match field.as_str() {
            "shipping" => Err(ApiError::not_imitated(&format!("{name}=shipping"))),
            field => parse_choice(field, &name, CustomerUpdate::NAMES),
        };
        fields.iter().map(read).collect::<Result<Vec<_>>>()
    });
    Ok(CustomerUpdateChange { enabled: p.boolean("enabled")?, allowed: allowed.transpose()? })
}

fn enabled(p: &mut Params, feature: &str) -> Result<Option<bool>> {
    let enabled = p.hash(feature, |inner| {
        inner.not_imitated(&["payment_method_configuration"])?;
        let name = inner.name("enabled");
        inner.boolean("enabled")?.ok_or_else(|| ApiError::missing_param(&name))
    })?;
    Ok(enabled)
}

fn read_cancel_reasons(p: &mut Params) -> Result<Option<Vec<String>>> {
    p.not_imitated(&["feedback_options"])?;
    let name = p.name("options");
    let enabled = p.boolean("enabled")?.unwrap_or(false);
    let options = p.strings("options")?.unwrap_or_default();
    options.iter().try_for_each(|option| parse_choice(option, &name, FEEDBACK).map(drop))?;
    Ok(enabled.then_some(options))
}

fn create(call: &mut Call<'_>) -> Result<Value> {
    if !call.params.has("features") {
        return Err(ApiError::missing_param("features"));
    }
    let fields = Fields::read(&mut call.params)?;
    call.begin()?;
    let mut configuration = new(call.world, Features::NONE, false);
    fields.apply(&mut configuration);
    let object = to_json(&configuration);
    call.world.portal_configurations.put(configuration);
    Ok(object)
}

fn new(world: &mut World, features: Features, is_default: bool) -> Configuration {
    let now = world.now(None);
    Configuration {
        id: world.ids.id("bpc"),
        name: None,
        active: true,
        is_default,
        default_return_url: None,
        headline: None,
        privacy_policy_url: None,
        terms_of_service_url: None,
        features,
        metadata: Metadata::new(),
        created: now,
        updated: now,
    }
}

pub fn default(world: &World) -> Option<&Configuration> {
    world.portal_configurations.under("default").next()
}

/// Creates the default configuration, as saving the settings in Stripe's dashboard does. The API
/// cannot create it.
pub fn save_default(world: &mut World) -> Value {
    if let Some(default) = default(world) {
        return to_json(default);
    }
    let configuration = new(world, Features::all(), true);
    let object = to_json(&configuration);
    world.portal_configurations.put(configuration);
    object
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.portal_configurations, &call.id()).map(to_json)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let (active, default) = (call.params.boolean("active")?, call.params.boolean("is_default")?);
    call.begin()?;
    let keep = |configuration: &Configuration| {
        active.is_none_or(|active| configuration.active == active)
            && default.is_none_or(|default| configuration.is_default == default)
    };
    let keys = ["all".to_owned()];
    call.list(&call.world.portal_configurations, &keys, &cursor, keep, |_, it| to_json(it))
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let active = call.params.boolean("active")?;
    let fields = Fields::read(&mut call.params)?;
    call.begin()?;
    let mut configuration = find(&call.world.portal_configurations, &call.id())?.clone();
    if configuration.is_default && active == Some(false) {
        return Err(
            ApiError::invalid("You cannot deactivate the default configuration.").param("active")
        );
    }
    configuration.active = active.unwrap_or(configuration.active);
    configuration.updated = call.world.now(None);
    fields.apply(&mut configuration);
    let object = to_json(&configuration);
    call.world.portal_configurations.put(configuration);
    Ok(object)
}

pub fn to_json(configuration: &Configuration) -> Value {
    let features = &configuration.features;
    json!({
        "id": configuration.id,
        "object": "billing_portal.configuration",
        "active": configuration.active,
        "application": null,
        "business_profile": {
            "headline": configuration.headline,
            "privacy_policy_url": configuration.privacy_policy_url,
            "terms_of_service_url": configuration.terms_of_service_url,
        },
        "created": configuration.created,
        "default_return_url": configuration.default_return_url,
        "features": {
            "customer_update": {
                "allowed_updates": features.customer_update.iter().flatten()
                    .map(|field| field.as_str()).collect::<Vec<_>>(),
                "enabled": features.customer_update.is_some(),
            },
            "invoice_history": { "enabled": features.invoice_history },
            "payment_method_update": {
                "enabled": features.payment_method_update, "payment_method_configuration": null
            },
            "subscription_cancel": {
                "cancellation_reason": {
                    "enabled": features.cancel_reasons.is_some(),
                    "feedback_options": null,
                    "options": features.cancel_reasons.clone().unwrap_or_default(),
                },
                "enabled": features.subscription_cancel,
                "mode": features.cancel_mode.as_str(),
                "proration_behavior": "none",
            },
            "subscription_update": {
                "billing_cycle_anchor": null,
                "default_allowed_updates": [],
                "enabled": false,
                "products": null,
                "proration_behavior": "none",
                "schedule_at_period_end": { "conditions": [] },
                "trial_update_behavior": "end_trial",
            },
        },
        "is_default": configuration.is_default,
        "livemode": false,
        "login_page": { "enabled": false, "url": null },
        "metadata": configuration.metadata,
        "name": configuration.name,
        "updated": configuration.updated,
    })
}
