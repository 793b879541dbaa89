//! Completion of a checkout session.

use super::authenticate::authenticate;
use super::errors::declined;
use super::items::NewItem;
use super::subscribe::{NewSubscription, subscribe};
use super::{invoicing, payments, preview};
use crate::model::Metadata;
use crate::model::catalog::{PromotionCode, RequestedDiscount};
use crate::model::checkout::{Completed, MethodCollection, Payer, PaymentStatus, Session, Trial};
use crate::model::customer::{Customer, PaymentMethod, TaxExempt};
use crate::model::invoice::{Invoice, Line, Status as InvoiceStatus};
use crate::model::subscription::{AutomaticTax, BillingMode, Collection, PaymentBehavior};
use crate::values::cards::TestCard;
use crate::values::errors::{ApiError, Result};
use crate::values::failures::AUTHENTICATION_FAILED;
use crate::values::instruments::Instrument;
use crate::values::outcomes::Outcome;
use crate::values::period::{DAY, Timestamp};
use crate::world::World;

/// Next step after the form was submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitOutcome {
    Done,
    Authenticate,
}

/// Returns the time of the session: that of its customer's clock.
pub fn session_now(world: &World, session: &Session) -> Timestamp {
    session.customer.as_ref().map_or_else(|| world.now(None), |customer| world.now_of(customer))
}

/// Returns the first invoice as it would be now, without storing it.
pub fn preview_first_invoice(world: &mut World, session: &Session) -> Result<Invoice> {
    let (customer, made) = find_or_create_customer(world, session, None);
    let now = world.now_of(&customer);
    let new = new_subscription(session, &customer, now);
    let invoice = preview::preview_new_subscription(world, &new, false);
    if made {
        world.customers.remove(&customer);
    }
    invoice
}

/// Sets the amounts of each line from a preview of the first invoice.
pub fn price_lines(world: &mut World, session: &mut Session) -> Result<()> {
    let invoice = preview_first_invoice(world, session)?;
    for line in &mut session.lines {
        (line.subtotal, line.taxes, line.discounts) = (0, Vec::new(), Vec::new());
        let own = |made: &&Line| made.price.as_ref().is_some_and(|(price, _)| *price == line.price);
        for made in invoice.lines.iter().filter(own) {
            line.subtotal += made.amount;
            line.taxes.extend(made.taxes.iter().cloned());
            line.discounts.extend(made.discount_amounts.iter().cloned());
        }
    }
    Ok(())
}

/// Applies the promotion code with these letters to the session, or removes it for None.
pub fn redeem_code(world: &mut World, session: &Session, code: Option<&str>) -> Result<()> {
    let mut session = session.clone();
    session.discounts.clear();
    if let Some(code) = code {
        let key = format!("code={}", code.to_lowercase());
        let mut found: Vec<&PromotionCode> = world.promotion_codes.under(&key).collect();
        // Of two codes with the same letters, the customer's own counts.
        let own =
            |code: &&PromotionCode| code.customer.is_some() && code.customer == session.customer;
        found.sort_by_key(|code| (own(code), code.active));
        let found = found
            .pop()
            .ok_or_else(|| ApiError::no_such_param("promotion code", code, "promotion_code"))?;
        session.discounts.push(RequestedDiscount::PromotionCode(found.id.clone()));
    }
    price_lines(world, &mut session)?;
    world.put_checkout(session);
    Ok(())
}

pub fn needs_card(session: &Session, due: i64) -> bool {
    due > 0 || session.collection == MethodCollection::Always
}

/// Pays and creates the subscription, unless the card requires authentication first.
pub fn submit(world: &mut World, session: &Session, payer: Payer) -> Result<SubmitOutcome> {
    let due = preview_first_invoice(world, session)?.amount_due;
    if let Some(card) = payer.card {
        card.save().map_err(declined)?;
        match card.charge(false) {
            Outcome::Declined(failure) if due > 0 => return Err(declined(failure)),
            Outcome::RequiresAction => {
                let waiting = Session { authenticating: Some(payer), ..session.clone() };
                world.put_checkout(waiting);
                return Ok(SubmitOutcome::Authenticate);
            }
            Outcome::Succeeded | Outcome::Declined(_) | Outcome::Processing(_) => {}
        }
    }
    complete(world, session.clone(), &payer, false)?;
    Ok(SubmitOutcome::Done)
}

/// Completes the session after an authentication, or returns an error if it failed.
pub fn complete_authentication(world: &mut World, session: &Session, succeed: bool) -> Result<()> {
    let mut session = session.clone();
    let Some(payer) = session.authenticating.take() else {
        return Err(ApiError::invalid("This session does not wait for authentication."));
    };
    world.put_checkout(session.clone());
    if succeed {
        complete(world, session, &payer, true)
    } else {
        Err(declined(AUTHENTICATION_FAILED))
    }
}

fn complete(
    world: &mut World,
    mut session: Session,
    payer: &Payer,
    authenticated: bool,
) -> Result<()> {
    let (customer, made) = find_or_create_customer(world, &session, Some(payer));
    let before = world.customer(&customer).clone();
    save_details(world, &session, before.clone(), made, payer);
    let now = world.now_of(&customer);
    let method = payer.card.map(|card| save_card(world, card, &customer, authenticated));
    // The customer has authenticated already: `Default` leaves the invoice open so that
    // `pay_authenticated` can pay it.
    let behavior = if authenticated { PaymentBehavior::Default } else { PaymentBehavior::Error };
    let new = NewSubscription {
        default_payment_method: method.as_ref().map(|method| method.id.clone()),
        behavior,
        automatic_tax: if session.tax.automatic { AutomaticTax::On } else { AutomaticTax::Off },
        ..new_subscription(&session, &customer, now)
    };
    let subscription = match subscribe(world, &new) {
        Ok(id) => id,
        Err(error) => {
            if let Some(method) = &method {
                world.payment_methods.remove(&method.id);
            }
            if made {
                world.customers.remove(&customer);
            } else {
                world.customers.put(before);
            }
            return Err(error);
        }
    };
    let invoice = world.subscription(&subscription).latest_invoice;
    if let (Some(invoice), Some(method)) = (&invoice, &method) {
        pay_authenticated(world, invoice, method, now);
    }
    if let Some(method) = &method {
        let mut customer = world.customer(&customer).clone();
        customer.default_payment_method = Some(method.id.clone());
        world.customers.put(customer);
    }
    let payment = invoice.as_ref().map(|id| world.invoice(id)).map_or(
        PaymentStatus::NotRequired,
        |invoice| match (invoice.amount_paid, invoice.amount_remaining()) {
            (0, 0) => PaymentStatus::NotRequired,
            (_, 0) => PaymentStatus::Paid,
            _ => PaymentStatus::Unpaid,
        },
    );
    session.customer = Some(customer);
    session.authenticating = None;
    session.completed = Some(Completed { subscription, invoice, payment });
    world.put_checkout(session);
    Ok(())
}

/// Saves a card for the customer. With `set_up`, it was authenticated.
pub fn save_card(world: &mut World, card: TestCard, customer: &str, set_up: bool) -> PaymentMethod {
    let method = PaymentMethod {
        id: world.ids.id("pm"),
        instrument: Instrument::Card(card),
        behaves_as: Instrument::Card(card),
        customer: Some(customer.to_owned()),
        set_up,
        metadata: Metadata::new(),
        created: world.now_of(customer),
    };
    world.payment_methods.put(method.clone());
    method
}

/// Charges the open invoice. If the card requires authentication again, the previous one counts.
fn pay_authenticated(world: &mut World, id: &str, method: &PaymentMethod, now: Timestamp) {
    if world.invoice(id).status != InvoiceStatus::Open || payments::is_processing(world, id) {
        return;
    }
    if invoicing::charge_manually(world, id, method, now) == payments::Attempt::RequiresAction
        && let Some(intent) = payments::payment_intent_of(world, id)
    {
        // Cannot fail: the intent requires action.
        let _ = authenticate(world, &intent.id, true);
    }
}

/// Saves the payer's details on the customer: those that the session updates, or all if the
/// customer is new.
fn save_details(
    world: &mut World,
    session: &Session,
    mut customer: Customer,
    is_new: bool,
    payer: &Payer,
) {
    customer.email = customer.email.or_else(|| payer.email.clone());
    let name = payer.business_name.as_ref().or(payer.name.as_ref());
    if (is_new || session.tax.keep_name) && name.is_some() {
        customer.name = name.cloned();
    }
    if (is_new || session.tax.keep_address) && payer.address.is_some() {
        customer.address.clone_from(&payer.address);
    }
    if let Some(id) = payer.tax_id.clone().filter(|id| !customer.tax_ids.contains(id)) {
        customer.tax_ids.push(id);
    }
    world.customers.put(customer);
}

/// Returns the session's customer, or creates one. The flag says whether it was created.
fn find_or_create_customer(
    world: &mut World,
    session: &Session,
    payer: Option<&Payer>,
) -> (String, bool) {
    if let Some(customer) = &session.customer {
        return (customer.clone(), false);
    }
    let customer = Customer {
        id: world.ids.id("cus"),
        name: payer.and_then(|payer| payer.name.clone()),
        email: session.customer_email.clone().or_else(|| payer?.email.clone()),
        phone: None,
        description: None,
        address: None,
        metadata: Metadata::new(),
        balance: 0,
        currency: None,
        invoice_prefix: world.ids.invoice_prefix(),
        next_invoice_sequence: 1,
        default_payment_method: None,
        preferred_locales: Vec::new(),
        tax_exempt: TaxExempt::None,
        tax_ids: Vec::new(),
        created: world.now(None),
        test_clock: None,
        deleted: false,
    };
    let id = customer.id.clone();
    world.customers.put(customer);
    (id, true)
}

fn new_subscription(session: &Session, customer: &str, now: Timestamp) -> NewSubscription {
    let data = &session.subscription_data;
    let items = session.lines.iter().map(|line| NewItem {
        price: line.price.clone(),
        quantity: line.quantity,
        tax_rates: line.tax_rates.clone(),
        discounts: Vec::new(),
        metadata: line.metadata.clone(),
    });
    NewSubscription {
        customer: customer.to_owned(),
        items: items.collect(),
        currency: Some(session.currency),
        automatic_tax: AutomaticTax::Off,
        collection: Collection::Charge,
        days_until_due: None,
        default_payment_method: None,
        default_tax_rates: data.default_tax_rates.clone(),
        discounts: session.discounts.clone(),
        add_invoice_items: Vec::new(),
        description: data.description.clone(),
        metadata: data.metadata.clone(),
        trial_end: data.trial.map(|trial| match trial {
            Trial::Days(days) => now + days * DAY,
            Trial::Until(at) => at,
        }),
        trial_settings: data.trial_settings,
        anchor: None,
        prorate_first: true,
        mode: (BillingMode::Flexible, session.subscription_data.itemized),
        behavior: PaymentBehavior::Allow,
        save_default_payment_method: false,
        keeps_draft: false,
    }
}
