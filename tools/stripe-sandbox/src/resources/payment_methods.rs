//! `/v1/payment_methods`: test payment methods by token, cards also by number.

use serde_json::Value;

use super::payment_method_json::to_json;
use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::lifecycle::errors::declined;
use crate::model::Metadata;
use crate::model::customer::PaymentMethod;
use crate::values::cards::TestCard;
use crate::values::errors::{ApiError, Result};
use crate::values::instruments::Instrument;
use crate::world::{World, find, find_live_customer, find_live_customer_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/payment_methods", "payment_method", "payment_method", create),
    list("/v1/payment_methods", "payment_method", "payment_method", index),
    get("/v1/payment_methods/{}", "payment_method", "payment_method", retrieve),
    post("/v1/payment_methods/{}", "payment_method", "payment_method", update),
    post("/v1/payment_methods/{}/attach", "payment_method", "payment_method", attach_to),
    post("/v1/payment_methods/{}/detach", "payment_method", "payment_method", detach),
    list("/v1/customers/{}/payment_methods", "payment_method", "payment_method", of_customer_index),
    get(
        "/v1/customers/{}/payment_methods/{}",
        "payment_method",
        "payment_method",
        of_customer_retrieve,
    ),
];

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    p.not_imitated(&[
        "allow_redisplay",
        "billing_details",
        "customer",
        "payment_method",
        "radar_options",
    ])?;
    p.choice("type", &[("card", ())])?.ok_or_else(|| ApiError::missing_param("type"))?;
    let number = p
        .hash("card", |card| {
            card.not_imitated(&["networks", "token"])?;
            card.integer_in("exp_month", 1..=12)?;
            card.integer("exp_year")?;
            card.text("cvc")?;
            card.required("number")
        })?
        .ok_or_else(|| ApiError::missing_param("card"))?;
    let metadata = p.metadata()?;
    call.begin()?;
    let card = TestCard::from_number(&number.replace(' ', "")).ok_or_else(|| {
        ApiError::card(
            "incorrect_number",
            "Your card number is incorrect. stripe-sandbox knows Stripe's test cards only.",
        )
        .param("card[number]")
    })?;
    let id = create_from(call.world, Instrument::Card(card), None);
    let mut method = find(&call.world.payment_methods, &id)?.clone();
    if let Some(change) = metadata {
        change.apply(&mut method.metadata);
    }
    let object = to_json(&method);
    call.world.payment_methods.put(method);
    Ok(object)
}

fn create_from(world: &mut World, instrument: Instrument, customer: Option<&str>) -> String {
    let id = world.ids.id("pm");
    let created = customer.map_or_else(|| world.now(None), |customer| world.now_of(customer));
    world.payment_methods.put(PaymentMethod {
        id: id.clone(),
        instrument,
        behaves_as: instrument,
        customer: customer.map(str::to_owned),
        set_up: false,
        metadata: Metadata::new(),
        created,
    });
    id
}

/// Returns an error if the payment method cannot be saved.
fn check_reusable(instrument: Instrument) -> Result<()> {
    match instrument {
        Instrument::Card(card) => {
            card.save().map_err(|failure| declined(failure).param(failure.param))
        }
        Instrument::Account(_) if instrument.is_reusable() => Ok(()),
        Instrument::Account(_) => Err(ApiError::invalid(format!(
            "Payment methods of type `{}` cannot be saved to a customer.",
            instrument.kind()
        ))),
    }
}

/// Returns the payment method with the ID from the path, or a 404.
fn find_method<'a>(world: &'a World, id: &str) -> Result<&'a PaymentMethod> {
    find(&world.payment_methods, id).map_err(|error| error.param("payment_method"))
}

/// Attaches a payment method to the customer. A token creates a new one.
pub fn attach(world: &mut World, method: &str, customer: &str, param: &str) -> Result<String> {
    if let Some(instrument) = Instrument::from_token(method) {
        check_reusable(instrument)?;
        return Ok(create_from(world, instrument, Some(customer)));
    }
    let mut found = world
        .payment_methods
        .get(method)
        .cloned()
        .ok_or_else(|| ApiError::no_such_param("PaymentMethod", method, param))?;
    match &found.customer {
        Some(owner) if owner == customer => return Ok(found.id),
        Some(_) => {
            return Err(ApiError::invalid(
                "The payment method you provided has already been attached to a customer.",
            ));
        }
        None => {}
    }
    check_reusable(found.instrument)?;
    found.customer = Some(customer.to_owned());
    world.payment_methods.put(found);
    Ok(method.to_owned())
}

/// Returns the customer's payment method. A token creates and attaches one.
pub fn of_customer(world: &mut World, method: &str, customer: &str, param: &str) -> Result<String> {
    if Instrument::from_token(method).is_some() {
        return attach(world, method, customer, param);
    }
    let found = world.payment_methods.get(method);
    let found = found.ok_or_else(|| ApiError::no_such_param("PaymentMethod", method, param))?;
    if found.customer.as_deref() == Some(customer) {
        return Ok(found.id.clone());
    }
    Err(ApiError::invalid(format!(
        "The customer does not have a payment method with the ID {method}. The payment method must be attached to the customer."
    ))
    .code("resource_missing")
    .param(param))
}

/// Returns a payment method for one charge. A token of one that cannot be saved is charged without
/// being attached.
pub fn for_charge(
    world: &mut World,
    method: &str,
    customer: &str,
    param: &str,
) -> Result<PaymentMethod> {
    let id = match Instrument::from_token(method) {
        Some(instrument) => {
            let owner = Some(customer).filter(|_| instrument.is_reusable());
            create_from(world, instrument, owner)
        }
        None => of_customer(world, method, customer, param)?,
    };
    find(&world.payment_methods, &id).cloned()
}

fn attach_to(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    call.params.not_imitated(&["customer_account"])?;
    let customer = call.params.required("customer")?;
    call.begin()?;
    find_live_customer_param(call.world, &customer, "customer")?;
    if Instrument::from_token(&id).is_none() {
        find_method(call.world, &id)?;
    }
    let attached = attach(call.world, &id, &customer, "id")?;
    find(&call.world.payment_methods, &attached).map(to_json)
}

fn detach(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let mut method = find_method(call.world, &call.id())?.clone();
    let Some(owner) = method.customer.take() else {
        return Err(ApiError::invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        ));
    };
    let mut customer = call.world.customer(&owner).clone();
    customer.default_payment_method =
        customer.default_payment_method.filter(|default| *default != method.id);
    call.world.customers.put(customer);
    let own: Vec<_> =
        call.world.subscriptions().under(&format!("customer={owner}")).cloned().collect();
    for mut sub in
        own.into_iter().filter(|sub| sub.default_payment_method.as_ref() == Some(&method.id))
    {
        sub.default_payment_method = None;
        call.world.put_subscription(sub);
    }
    let object = to_json(&method);
    call.world.payment_methods.put(method);
    Ok(object)
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let metadata = call.params.metadata()?;
    call.params.not_imitated(&["allow_redisplay", "billing_details", "card", "us_bank_account"])?;
    call.begin()?;
    let mut method = find_method(call.world, &call.id())?.clone();
    if let Some(change) = metadata {
        change.apply(&mut method.metadata);
    }
    let object = to_json(&method);
    call.world.payment_methods.put(method);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let customer = call.params.required("customer")?;
    list_of_customer(call, &customer)
}

fn of_customer_index(call: &mut Call<'_>) -> Result<Value> {
    let customer = call.id();
    find_live_customer(call.world, &customer)?;
    list_of_customer(call, &customer)
}

/// Lists the customer's payment methods, with `type` those of one type.
fn list_of_customer(call: &mut Call<'_>, customer: &str) -> Result<Value> {
    let cursor = call.cursor()?;
    call.params.not_imitated(&["allow_redisplay", "customer_account"])?;
    let kind = call.params.text("type")?;
    call.begin()?;
    find_live_customer_param(call.world, customer, "customer")?;
    let keep =
        |method: &PaymentMethod| kind.as_ref().is_none_or(|kind| kind == method.instrument.kind());
    let key = format!("customer={customer}");
    call.list(&call.world.payment_methods, &[key], &cursor, keep, |_, method| to_json(method))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find_method(call.world, &call.id()).map(to_json)
}

fn of_customer_retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let (customer, id) = (&call.ids[0], &call.ids[1]);
    find_live_customer(call.world, customer)?;
    let method = find(&call.world.payment_methods, id)?;
    if method.customer.as_ref() != Some(customer) {
        return Err(ApiError::no_such("PaymentMethod", id));
    }
    Ok(to_json(method))
}
