//! `POST /v1/billing_portal/sessions`.

use serde_json::{Value, json};

use super::checkout_urls::url;
use super::{locales, portal_configurations as configurations};
use crate::endpoint::call::{Call, Endpoint, post};
use crate::endpoint::params::Params;
use crate::model::portal::{After, Configuration, Flow, FlowType, Session};
use crate::values::errors::{ApiError, Result};
use crate::world::{World, find_live_customer_param, find_param};

pub const ENDPOINTS: &[Endpoint] =
    &[post("/v1/billing_portal/sessions", "customer_portal", "billing_portal.session", create)];

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    p.not_imitated(&["customer_account", "on_behalf_of"])?;
    let customer = p.required("customer")?;
    let configuration = p.text("configuration")?;
    let (return_url, locale) = (url(p, "return_url")?, locales::read_portal(p)?);
    let flow = p.hash("flow_data", read_flow)?;
    call.begin()?;
    let world = &mut *call.world;
    find_live_customer_param(world, &customer, "customer")?;
    let configuration = choose(world, configuration.as_deref())?.clone();
    if let Some(flow) = &flow {
        check_flow(world, flow, &configuration, &customer)?;
    }
    let session = Session {
        id: world.ids.id("bps"),
        token: format!("test_{}", world.ids.text(40)),
        customer,
        return_url: return_url.or(configuration.default_return_url),
        configuration: configuration.id,
        locale,
        flow,
        flow_done: false,
        created: world.now(None),
        last_used: None,
        authenticating: None,
    };
    let object = to_json(world, &session);
    world.portal_sessions.put(session);
    Ok(object)
}

fn choose<'a>(world: &'a World, id: Option<&str>) -> Result<&'a Configuration> {
    let Some(id) = id else {
        return configurations::default(world).ok_or_else(|| {
            ApiError::invalid("No configuration provided and your test mode default configuration has not been created. Provide a configuration or create your default by saving your customer portal settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal.")
        });
    };
    let configuration = find_param(&world.portal_configurations, id, "configuration")?;
    if configuration.active {
        return Ok(configuration);
    }
    Err(ApiError::invalid("The configuration provided is inactive.").param("configuration"))
}

fn read_flow(p: &mut Params) -> Result<Flow> {
    p.not_imitated(&["subscription_update", "subscription_update_confirm"])?;
    let kind = p
        .choice("type", FlowType::NAMES)?
        .ok_or_else(|| ApiError::missing_param("flow_data[type]"))?;
    let details = p.name("subscription_cancel");
    let subscription = p.hash("subscription_cancel", |inner| {
        inner.not_imitated(&["retention"])?;
        inner.required("subscription")
    })?;
    match (kind, &subscription) {
        (FlowType::SubscriptionCancel, None) => return Err(ApiError::missing_param(&details)),
        (FlowType::CustomerUpdate | FlowType::PaymentMethodUpdate, Some(_)) => {
            return Err(ApiError::invalid(format!(
                "`{details}` can only be set if `flow_data[type]` is `subscription_cancel`."
            ))
            .param(&details));
        }
        (FlowType::SubscriptionUpdate | FlowType::SubscriptionUpdateConfirm, _) => {
            return Err(ApiError::not_imitated(&format!("flow_data[type]={}", kind.as_str())));
        }
        _ => {}
    }
    let after = p.hash("after_completion", read_after)?.unwrap_or(After::Homepage);
    Ok(Flow { kind, subscription, after })
}

fn read_after(p: &mut Params) -> Result<After> {
    let missing =
        |name: &str| ApiError::missing_param(&format!("flow_data[after_completion]{name}"));
    let kind = p.choice(
        "type",
        &[("hosted_confirmation", 0_u8), ("portal_homepage", 1), ("redirect", 2)],
    )?;
    let message = p.hash("hosted_confirmation", |inner| inner.text("custom_message"))?.flatten();
    let target = p.hash("redirect", |inner| url(inner, "return_url"))?.flatten();
    match kind.ok_or_else(|| missing("[type]"))? {
        0 => Ok(After::Confirmation(message)),
        1 => Ok(After::Homepage),
        _ => target.map(After::Redirect).ok_or_else(|| missing("[redirect][return_url]")),
    }
}

fn check_flow(
    world: &World,
    flow: &Flow,
    configuration: &Configuration,
    customer: &str,
) -> Result<()> {
    let features = &configuration.features;
    let (on, what) = match flow.kind {
        FlowType::SubscriptionCancel => (
            features.subscription_cancel,
            "This subscription cannot be canceled because the subscription cancel feature",
        ),
        FlowType::CustomerUpdate => (
            features.customer_update.as_ref().is_some_and(|allowed| !allowed.is_empty()),
            "This customer cannot be updated because the customer update feature",
        ),
        _ => (
            features.payment_method_update,
            "This payment method cannot be updated because the payment method update feature",
        ),
    };
    if !on {
        let message = format!("{what} in the portal configuration is disabled.");
        return Err(ApiError::invalid(message).param("flow_data[type]"));
    }
    let Some(id) = &flow.subscription else { return Ok(()) };
    let param = "flow_data[subscription_cancel][subscription]";
    let sub = find_param(world.subscriptions(), id, param)?;
    if sub.customer != customer {
        return Err(ApiError::no_such_param("subscription", id, param));
    }
    if sub.status.is_terminal() {
        return Err(ApiError::invalid(
            "This subscription cannot be canceled because it is already canceled.",
        )
        .param(param));
    }
    if sub.cancel_at.is_some() {
        return Err(ApiError::invalid(
            "The subscription is already set to be canceled at period end.",
        )
        .param(param));
    }
    Ok(())
}

pub fn to_json(world: &World, session: &Session) -> Value {
    json!({
        "id": session.id,
        "object": "billing_portal.session",
        "configuration": session.configuration,
        "created": session.created,
        "customer": session.customer,
        "customer_account": null,
        "flow": session.flow.as_ref().map(flow_to_json),
        "livemode": false,
        "locale": session.locale,
        "on_behalf_of": null,
        "return_url": session.return_url,
        "url": format!("{}/p/session/{}", world.settings.origin, session.token),
    })
}

fn flow_to_json(flow: &Flow) -> Value {
    let (kind, message, target) = match &flow.after {
        After::Homepage => ("portal_homepage", None, None),
        After::Confirmation(message) => ("hosted_confirmation", Some(message), None),
        After::Redirect(url) => ("redirect", None, Some(url)),
    };
    json!({
        "after_completion": {
            "hosted_confirmation": message.map(|message| json!({ "custom_message": message })),
            "redirect": target.map(|url| json!({ "return_url": url })),
            "type": kind,
        },
        "customer_update": null,
        "subscription_cancel": flow.subscription.as_ref()
            .map(|subscription| json!({ "retention": null, "subscription": subscription })),
        "subscription_update": null,
        "subscription_update_confirm": null,
        "type": flow.kind.as_str(),
    })
}
