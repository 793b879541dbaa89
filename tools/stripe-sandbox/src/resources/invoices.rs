//! `/v1/invoices`.

use serde_json::{Value, json};

use super::invoice_create::{create, update};
use super::invoice_json::to_json;
use super::{
    invoice_lines_json as line_json, payment_intents, payment_method_json, payment_methods,
};
use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::endpoint::page;
use crate::lifecycle::automatic_tax::check_location;
use crate::lifecycle::errors::{check_amount, declined, invoice_requires_action};
use crate::lifecycle::payments::{self, Attempt};
use crate::lifecycle::{invoicing, void};
use crate::model::invoice::{Invoice, PaymentStatus, Status, UncollectibleReason};
use crate::model::subscription::Collection;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{HOUR, Timestamp};
use crate::world::changes::Announcement;
use crate::world::{World, check_filter, find};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/invoices", "invoice", "invoice", create),
    list("/v1/invoices", "invoice", "invoice", index),
    get("/v1/invoices/{}", "invoice", "invoice", retrieve),
    post("/v1/invoices/{}", "invoice", "invoice", update),
    delete("/v1/invoices/{}", "invoice", "invoice", remove),
    list("/v1/invoices/{}/lines", "invoice", "line_item", lines),
    post("/v1/invoices/{}/finalize", "invoice", "invoice", finalize_draft),
    post("/v1/invoices/{}/pay", "invoice", "invoice", pay),
    post("/v1/invoices/{}/send", "invoice", "invoice", send),
    post("/v1/invoices/{}/void", "invoice", "invoice", void),
    post("/v1/invoices/{}/mark_uncollectible", "invoice", "invoice", mark_uncollectible),
];

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    p.not_imitated(&["customer_account"])?;
    let (customer, subscription) = (p.text("customer")?, p.text("subscription")?);
    let status = p.choice("status", Status::NAMES)?;
    let collection = p.choice("collection_method", Collection::NAMES)?;
    let due = p.has("due_date").then(|| p.range("due_date")).transpose()?;
    call.begin()?;
    check_filter(&call.world.customers, customer.as_deref(), "customer")?;
    check_filter(call.world.subscriptions(), subscription.as_deref(), "subscription")?;
    let owner = match (&subscription, &customer) {
        (Some(subscription), _) => Some(format!("subscription={subscription}")),
        (None, Some(customer)) => Some(format!("customer={customer}")),
        (None, None) => None,
    };
    let key = match (owner, status) {
        (Some(owner), Some(status)) => format!("{owner}&status={}", status.as_str()),
        (Some(owner), None) => owner,
        (None, Some(status)) => format!("status={}", status.as_str()),
        (None, None) => "all".to_owned(),
    };
    let keep = |invoice: &Invoice| {
        created.holds(invoice.created)
            && customer.as_ref().is_none_or(|customer| invoice.customer == *customer)
            && collection.is_none_or(|collection| invoice.collection == collection)
            && due.as_ref().is_none_or(|due| invoice.due_date.is_some_and(|date| due.holds(date)))
    };
    call.list(call.world.invoices(), &[key], &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find_invoice(call.world, &call.id()).map(|invoice| to_json(call.world, invoice))
}

/// Returns the invoice or a 404 whose `param` is `invoice`. Stripe's endpoints differ in this: the
/// others name `id`.
fn find_invoice<'a>(world: &'a World, id: &str) -> Result<&'a Invoice> {
    find(world.invoices(), id).map_err(|error| error.param("invoice"))
}

/// Lists the lines of an invoice or of a recent preview.
fn lines(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    call.begin()?;
    let id = call.id();
    let invoice = match call.world.previews.get(&id) {
        Some(preview) => preview,
        None => find_invoice(call.world, &id)?,
    };
    page::slice(&line_json::url(invoice), line_json::lines(invoice), &cursor, "invoice line item")
}

fn response(world: &World, id: &str) -> Result<Value> {
    find(world.invoices(), id).map(|invoice| to_json(world, invoice))
}

fn remove(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    let invoice = find_invoice(call.world, &id)?;
    if invoice.status != Status::Draft {
        return Err(ApiError::invalid("You can only delete draft invoices."));
    }
    if invoice.subscription.is_some() {
        return Err(ApiError::invalid(
            "You can only delete draft invoices that were not created by a subscription.",
        ));
    }
    // Its invoice items stay attached to it, so they are not pending again.
    call.world.delete_invoice(&id);
    Ok(json!({ "id": id, "object": "invoice", "deleted": true }))
}

fn finalize_draft(call: &mut Call<'_>) -> Result<Value> {
    let auto_advance = call.params.boolean("auto_advance")?;
    call.begin()?;
    let id = call.id();
    let invoice = find(call.world.invoices(), &id)?.clone();
    if invoice.status != Status::Draft {
        return Err(ApiError::invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        ));
    }
    check_amount(&invoice)?;
    check_location(call.world, &invoice.customer, invoice.automatic_tax)?;
    let now = call.world.now_of(&invoice.customer);
    invoicing::finalize(call.world, &id, now);
    // Automatic collection starts an hour later, so that the caller can pay first.
    let mut invoice = call.world.invoice(&id);
    if invoice.status == Status::Open {
        invoice.auto_advance = auto_advance.unwrap_or(invoice.auto_advance);
        let charged = invoice.auto_advance && invoice.collection == Collection::Charge;
        invoice.next_payment_attempt = charged.then_some(now + HOUR);
        call.world.put_invoice(invoice);
    }
    response(call.world, &id)
}

fn send(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    let invoice = find_invoice(call.world, &id)?.clone();
    if invoice.collection != Collection::Send {
        return Err(ApiError::invalid(
            "You can only send invoices with `collection_method=send_invoice`.",
        ));
    }
    if invoice.status == Status::Draft {
        check_amount(&invoice)?;
        check_location(call.world, &invoice.customer, invoice.automatic_tax)?;
        let now = call.world.now_of(&invoice.customer);
        invoicing::finalize(call.world, &id, now);
    }
    call.world.announce(Announcement::InvoiceSent(id.clone()));
    response(call.world, &id)
}

fn pay(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    p.not_imitated(&["forgive", "mandate", "source"])?;
    p.boolean("off_session")?;
    let out_of_band = p.boolean("paid_out_of_band")?.unwrap_or(false);
    let method = p.text("payment_method")?;
    call.begin()?;
    let world = &mut *call.world;
    let invoice = find(world.invoices(), &id)?.clone();
    match invoice.status {
        Status::Paid => return Err(ApiError::invalid("Invoice is already paid")),
        Status::Void => return Err(ApiError::invalid("Invoices with status void cannot be paid.")),
        Status::Draft | Status::Open | Status::Uncollectible => {}
    }
    let now = world.now_of(&invoice.customer);
    if invoice.status == Status::Draft {
        check_amount(&invoice)?;
        check_location(world, &invoice.customer, invoice.automatic_tax)?;
        invoicing::finalize(world, &id, now);
    }
    if world.invoice(&id).status == Status::Paid {
        return response(world, &id);
    }
    if out_of_band {
        let mut invoice = world.invoice(&id);
        invoice.paid_out_of_band = true;
        world.put_invoice(invoice);
        payments::close_payment(world, &id, PaymentStatus::Canceled, now);
        invoicing::mark_paid(world, &id, now);
        return response(world, &id);
    }
    charge(world, &id, method)
}

/// Makes a manual attempt, which does not change the retry schedule.
pub fn charge(world: &mut World, id: &str, method: Option<String>) -> Result<Value> {
    if payments::is_processing(world, id) {
        return Err(ApiError::invalid(
            "A payment of this invoice is processing. You can pay the invoice again if it fails.",
        )
        .code("payment_intent_unexpected_state"));
    }
    let invoice = world.invoice(id);
    let now = world.now_of(&invoice.customer);
    let method = match method {
        Some(method) => payment_methods::for_charge(world, &method, &invoice.customer, "payment_method")?,
        None => payments::invoice_payment_method(world, &invoice).cloned().ok_or_else(|| {
            ApiError::invalid(
                "There is no `default_payment_method` set on this Customer or Invoice. Please set a `default_payment_method` or pass one in.",
            )
        })?,
    };
    let attempt = invoicing::charge_manually(world, id, &method, now);
    let refusal = match attempt {
        Attempt::Paid | Attempt::Processing(_) => return response(world, id),
        Attempt::Declined(failure) => declined(failure),
        Attempt::RequiresAction | Attempt::NoPaymentMethod => invoice_requires_action(),
    };
    let intent = payments::payment_intent_of(world, id)
        .map(|intent| payment_intents::to_json(world, &intent));
    Err(refusal
        .field("payment_intent", json!(intent))
        .field("payment_method", payment_method_json::to_json(&method)))
}

fn void(call: &mut Call<'_>) -> Result<Value> {
    settle(call, void::void, |world, invoice| match invoice.status {
        Status::Open if payments::is_processing(world, &invoice.id) => {
            Err(ApiError::invalid("Invoices with `processing` payments cannot be voided."))
        }
        Status::Open | Status::Uncollectible => Ok(()),
        Status::Paid => Err(ApiError::invalid("Invoices with `paid` payments cannot be voided.")),
        Status::Draft | Status::Void => Err(not_open()),
    })
}

fn mark_uncollectible(call: &mut Call<'_>) -> Result<Value> {
    let mark = |world: &mut World, id: &str, now| {
        invoicing::mark_uncollectible(world, id, UncollectibleReason::UserForgiven, now);
    };
    settle(call, mark, |_, invoice| match invoice.status {
        Status::Open => Ok(()),
        Status::Uncollectible => {
            Err(ApiError::invalid("This invoice has already been marked uncollectible."))
        }
        Status::Paid | Status::Draft | Status::Void => Err(not_open()),
    })
}

fn not_open() -> ApiError {
    ApiError::invalid("You can only pass in open invoices. This invoice isn't open.")
}

/// Ends the invoice without a payment, if `check` allows it.
fn settle(
    call: &mut Call<'_>,
    end: fn(&mut World, &str, Timestamp),
    check: fn(&World, &Invoice) -> Result<()>,
) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    let invoice = find(call.world.invoices(), &id)?;
    check(call.world, invoice)?;
    let now = call.world.now_of(&invoice.customer);
    end(call.world, &id, now);
    response(call.world, &id)
}
