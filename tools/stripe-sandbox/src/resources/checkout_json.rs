//! JSON of checkout sessions.

use serde_json::{Value, json};

use super::json::{merge, set};
use super::{coupons, price_json, tax_rates};
use crate::endpoint::page;
use crate::lifecycle::checkout::session_now;
use crate::model::catalog::{Discount, RequestedDiscount};
use crate::model::checkout::{LineItem, PaymentStatus, Redirect, Session, Status, UiMode};
use crate::model::invoice::Status as InvoiceStatus;
use crate::world::World;

pub fn to_json(world: &World, session: &Session) -> Value {
    let status = session.status(session_now(world, session));
    let done = session.completed.as_ref();
    let embedded = session.ui == UiMode::Embedded;
    let tax = &session.tax;
    let sum = |of: fn(&LineItem) -> i64| session.lines.iter().map(of).sum::<i64>();
    let mut object = json!({
        "id": session.id,
        "object": "checkout.session",
        "adaptive_pricing": { "enabled": false },
        "after_expiration": null,
        "allow_promotion_codes": session.allow_promotion_codes,
        "allowed_payment_method_types": null,
        "amount_subtotal": sum(|line| line.subtotal),
        "amount_total": sum(LineItem::total),
        "automatic_tax": {
            "enabled": tax.automatic,
            "liability": tax.automatic.then(|| json!({ "type": "self" })),
            "provider": tax.automatic.then_some("stripe"),
            "status": tax.automatic.then_some(if done.is_some() { "complete" } else { "requires_location_inputs" }),
        },
        "billing_address_collection": if tax.address_required && !tax.automatic { Some("required") } else { None },
        "cancel_url": session.urls.cancel,
        "client_reference_id": session.client_reference_id,
        "client_secret": (embedded && status == Status::Open).then(|| session.client_secret()),
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "created": session.created,
        "currency": session.currency.as_str(),
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": { "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null },
        "customer": session.customer,
        "customer_account": null,
        "customer_creation": if session.customer.is_some() && done.is_none() { None } else { Some("always") },
        "customer_details": customer_details(world, session),
        "customer_email": session.customer_email,
        "discounts": session.discounts.iter().map(discount).collect::<Vec<_>>(),
        "expires_at": session.expires_at,
    });
    let rest = json!({
        "integration_identifier": null,
        "invoice": done.and_then(|done| done.invoice.clone()),
        "invoice_creation": null,
        "livemode": false,
        "locale": session.locale,
        "managed_payments": null,
        "metadata": session.metadata,
        "mode": "subscription",
        "origin_context": null,
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": session.collection.as_str(),
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": payment_status(world, session).as_str(),
        "permissions": null,
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": status.as_str(),
        "submit_type": null,
        "subscription": done.map(|done| done.subscription.clone()),
        "success_url": session.urls.success,
        "tax_id_collection": {
            "enabled": tax.ids, "required": if tax.id_required { "if_supported" } else { "never" }
        },
        "total_details": {
            "amount_discount": sum(LineItem::discount), "amount_shipping": 0, "amount_tax": sum(LineItem::tax)
        },
        "ui_mode": session.ui.as_str(),
        "url": (!embedded && status == Status::Open).then(|| page_url(world, session)),
        "wallet_options": null,
    });
    merge(&mut object, rest);
    let redirect = session.urls.redirect.unwrap_or(Redirect::Always);
    set(&mut object, "redirect_on_completion", embedded.then(|| redirect.as_str()));
    set(&mut object, "return_url", session.urls.back.clone());
    object
}

/// A payment that was processing at completion counts once its invoice is paid.
fn payment_status(world: &World, session: &Session) -> PaymentStatus {
    let Some(done) = &session.completed else { return PaymentStatus::Unpaid };
    let invoice = done.invoice.as_ref().and_then(|id| world.invoices().get(id));
    match invoice.map(|invoice| invoice.status) {
        Some(InvoiceStatus::Paid) if done.payment == PaymentStatus::Unpaid => PaymentStatus::Paid,
        _ => done.payment,
    }
}

pub fn page_url(world: &World, session: &Session) -> String {
    format!("{}/c/pay/{}", world.settings.origin, session.id)
}

fn customer_details(world: &World, session: &Session) -> Value {
    let customer = session.customer.as_ref().map(|id| world.customer(id));
    let email = customer.and_then(|customer| customer.email.as_ref());
    let email = email.or(session.customer_email.as_ref());
    let Some(customer) = customer.filter(|_| session.completed.is_some()) else {
        return email.map_or(Value::Null, |email| {
            json!({
                "address": null, "business_name": null, "email": email, "individual_name": null, "name": null,
                "phone": null, "tax_exempt": "none", "tax_ids": null,
            })
        });
    };
    json!({
        "address": customer.address.as_ref().map(super::customer_json::address_to_json),
        "business_name": null,
        "email": email,
        "individual_name": null,
        "name": customer.name,
        "phone": customer.phone,
        "tax_exempt": customer.tax_exempt.as_str(),
        "tax_ids": super::customer_json::tax_ids_to_json(&customer.tax_ids),
    })
}

/// Returns the included list of the first ten lines.
pub fn line_items(world: &World, id: &str) -> Option<Value> {
    let session = world.checkout_sessions.get(id)?;
    Some(page::embedded(&lines_url(session), lines(world, session)))
}

pub fn lines_url(session: &Session) -> String {
    format!("/v1/checkout/sessions/{}/line_items", session.id)
}

pub fn lines(world: &World, session: &Session) -> Vec<Value> {
    session.lines.iter().map(|line| line_to_json(world, session, line)).collect()
}

fn line_to_json(world: &World, session: &Session, line: &LineItem) -> Value {
    let price = world.price(&line.price);
    json!({
        "id": line.id,
        "object": "item",
        "adjustable_quantity": null,
        "amount_discount": line.discount(),
        "amount_subtotal": line.subtotal,
        "amount_tax": line.tax(),
        "amount_total": line.total(),
        "currency": session.currency.as_str(),
        "description": world.product(&price.product).name,
        "metadata": line.metadata,
        "price": price_json::to_json(price),
        "quantity": line.quantity,
    })
}

fn find_line<'a>(world: &'a World, id: &str) -> Option<(&'a Session, &'a LineItem)> {
    let session = world.checkout_sessions.under(&format!("line={id}")).next()?;
    Some((session, session.lines.iter().find(|line| line.id == id)?))
}

/// Returns the taxes of a line, included on request.
pub fn line_taxes(world: &World, id: &str) -> Option<Value> {
    let (_, line) = find_line(world, id)?;
    let taxes = line.taxes.iter().filter_map(|tax| {
        let rate = tax_rates::to_json(world.tax_rates.get(&tax.rate)?);
        Some(json!({
            "amount": tax.amount, "rate": rate, "taxability_reason": "standard_rated", "taxable_amount": tax.taxable,
        }))
    });
    Some(taxes.collect())
}

/// Returns the discounts of a line, included on request.
pub fn line_discounts(world: &World, id: &str) -> Option<Value> {
    let (session, line) = find_line(world, id)?;
    let (coupon, code) = match session.discounts.first() {
        Some(RequestedDiscount::Coupon(id)) => (id.clone(), None),
        Some(RequestedDiscount::PromotionCode(id)) => {
            (world.promotion_codes.get(id)?.coupon.clone(), Some(id.clone()))
        }
        Some(RequestedDiscount::Discount(_)) | None => return Some(json!([])),
    };
    let discounts = line.discounts.iter().map(|(id, amount)| {
        let discount = Discount {
            id: id.clone(),
            coupon: coupon.clone(),
            promotion_code: code.clone(),
            customer: session.customer.clone(),
            subscription: None,
            subscription_item: None,
            invoice: None,
            invoice_item: None,
            start: session.created,
            end: None,
            used: false,
        };
        let mut object = coupons::discount_to_json(&discount);
        object["checkout_session"] = session.id.as_str().into();
        json!({ "amount": amount, "discount": object })
    });
    Some(discounts.collect())
}

/// Returns the requested coupon or promotion code.
fn discount(wanted: &RequestedDiscount) -> Value {
    match wanted {
        RequestedDiscount::Coupon(id) => json!({ "coupon": id, "promotion_code": null }),
        RequestedDiscount::PromotionCode(id) => json!({ "coupon": null, "promotion_code": id }),
        RequestedDiscount::Discount(_) => Value::Null,
    }
}
