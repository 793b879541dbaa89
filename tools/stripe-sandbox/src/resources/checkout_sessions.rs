//! `/v1/checkout/sessions`.

use serde_json::Value;

use super::checkout_create::create;
use super::checkout_json::{self, to_json};
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::endpoint::page;
use crate::lifecycle::checkout::session_now;
use crate::model::checkout::{Session, Status};
use crate::values::errors::{ApiError, Result};
use crate::world::{check_filter, find};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/checkout/sessions", "checkout_session", "checkout.session", create),
    list("/v1/checkout/sessions", "checkout_session", "checkout.session", index),
    get("/v1/checkout/sessions/{}", "checkout_session", "checkout.session", retrieve),
    post("/v1/checkout/sessions/{}", "checkout_session", "checkout.session", update),
    post("/v1/checkout/sessions/{}/expire", "checkout_session", "checkout.session", expire),
    list("/v1/checkout/sessions/{}/line_items", "checkout_session", "item", line_items),
];

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    p.not_imitated(&["customer_account", "customer_details", "payment_intent", "payment_link"])?;
    let (customer, subscription) = (p.text("customer")?, p.text("subscription")?);
    let status = p.choice("status", Status::NAMES)?;
    call.begin()?;
    let world = &*call.world;
    check_filter(&world.customers, customer.as_deref(), "customer")?;
    check_filter(world.subscriptions(), subscription.as_deref(), "subscription")?;
    let key = match (&subscription, &customer) {
        (Some(subscription), _) => format!("subscription={subscription}"),
        (None, Some(customer)) => format!("customer={customer}"),
        (None, None) => "all".to_owned(),
    };
    let keep = |session: &Session| {
        created.holds(session.created)
            && customer.as_ref().is_none_or(|id| session.customer.as_ref() == Some(id))
            && status.is_none_or(|status| session.status(session_now(world, session)) == status)
    };
    call.list(&world.checkout_sessions, &[key], &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.checkout_sessions, &call.id()).map(|session| to_json(call.world, session))
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    call.params.not_imitated(&["collected_information", "line_items", "shipping_options"])?;
    let metadata = call.params.metadata()?;
    call.begin()?;
    let mut session = find(&call.world.checkout_sessions, &call.id())?.clone();
    if let Some(change) = metadata {
        change.apply(&mut session.metadata);
    }
    let object = to_json(call.world, &session);
    call.world.put_checkout(session);
    Ok(object)
}

fn expire(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let mut session = find(&call.world.checkout_sessions, &call.id())?.clone();
    let status = session.status(session_now(call.world, &session));
    if status != Status::Open {
        return Err(ApiError::invalid(format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
            status.as_str()
        )));
    }
    session.expired = true;
    session.authenticating = None;
    let object = to_json(call.world, &session);
    call.world.put_checkout(session);
    Ok(object)
}

fn line_items(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    call.begin()?;
    let session = find(&call.world.checkout_sessions, &call.id())?;
    let lines = checkout_json::lines(call.world, session);
    page::slice(&checkout_json::lines_url(session), lines, &cursor, "line item")
}
