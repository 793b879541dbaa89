//! From draft to open, paid, void or uncollectible, and what that does to the subscription.

use super::draft::{correct_debits, name_debits, record_debits};
use super::{collect, end, pending, resume};
use crate::engine::invoice::settle;
use crate::engine::period::{DAY, Timestamp};
use crate::model::Metadata;
use crate::model::catalog::CouponDuration;
use crate::model::customer::{BalanceReason, BalanceTransaction};
use crate::model::invoice::{
    Invoice, Line, Origin, PaymentStatus, Status as InvoiceStatus, UncollectibleReason,
};
use crate::model::subscription::{Collection, Item, Status, Subscription};
use crate::world::World;

/// Fixes the invoice: usage is counted for the last time, the balance is applied, it gets its number.
/// An invoice with nothing to pay is paid by that.
pub fn finalize(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    recount(world, &mut invoice);
    world.add_up(&mut invoice);
    if let Some(mut sub) = invoice.subscription.as_ref().map(|id| world.subscription(id)) {
        correct_debits(&mut sub, &invoice);
        world.put_subscription(sub);
    }
    apply_balance(world, &mut invoice, at);
    number(world, &mut invoice);
    invoice.status = InvoiceStatus::Open;
    invoice.transitions.finalized = Some(at);
    invoice.finalizes_at = None;
    if invoice.collection == Collection::Send {
        invoice.due_date =
            invoice.due_date.or(Some(at + invoice.days_until_due.unwrap_or(30) * DAY));
    }
    use_up_discounts(world, &invoice);
    let due = invoice.amount_due;
    world.put_invoice(invoice);
    if due == 0 {
        paid(world, id, at);
    } else {
        collect::open_payment(world, id, at);
    }
}

/// Usage may be reported until the hour of grace is over, so metered lines are made again.
fn recount(world: &mut World, invoice: &mut Invoice) {
    let Some(sub) = invoice.subscription.as_ref().map(|id| world.subscription(id)) else { return };
    let mut lines: Vec<Line> = Vec::new();
    let mut counted: Vec<String> = Vec::new();
    for line in std::mem::take(&mut invoice.lines) {
        let item = match (&line.origin, line.metered) {
            (Origin::SubscriptionItem { item, .. }, Some(unbilled)) => {
                sub.item(item).map(|item| (item, unbilled))
            }
            _ => None,
        };
        let same_price =
            |item: &Item| line.price.as_ref().is_some_and(|(price, _)| *price == item.price);
        let Some((item, unbilled)) = item.filter(|(item, _)| same_price(item)) else {
            lines.push(line);
            continue;
        };
        if !counted.contains(&item.id) {
            counted.push(item.id.clone());
            lines.extend(world.usage_lines(&sub, item, unbilled, line.period.1));
        }
    }
    for line in lines.iter_mut().filter(|line| line.id.is_empty()) {
        line.id = world.ids.id("il");
        world.settle_line(line, &[], invoice.created);
    }
    invoice.lines = lines;
}

fn apply_balance(world: &mut World, invoice: &mut Invoice, at: Timestamp) {
    let settled = settle(invoice.totals.total, invoice.starting_balance, invoice.currency);
    invoice.amount_due = settled.amount_due;
    invoice.ending_balance = Some(settled.ending_balance);
    let reason = if settled.too_small {
        BalanceReason::InvoiceTooSmall
    } else {
        BalanceReason::AppliedToInvoice
    };
    let change = settled.ending_balance - invoice.starting_balance;
    change_balance(world, &invoice.customer, change, reason, Some(&invoice.id), at);
}

/// Books a change of the customer's balance; nothing is booked for a change of nothing.
pub fn change_balance(
    world: &mut World,
    customer: &str,
    amount: i64,
    reason: BalanceReason,
    invoice: Option<&str>,
    at: Timestamp,
) -> Option<String> {
    if amount == 0 {
        return None;
    }
    let mut customer = world.customer(customer).clone();
    customer.balance += amount;
    let currency = customer.currency.unwrap_or(crate::engine::money::Currency::USD);
    let transaction = BalanceTransaction {
        id: world.ids.id("cbtxn"),
        customer: customer.id.clone(),
        amount,
        currency,
        ending_balance: customer.balance,
        reason,
        invoice: invoice.map(str::to_owned),
        description: None,
        metadata: Metadata::new(),
        created: at,
    };
    let id = transaction.id.clone();
    world.customers.put(customer);
    world.balance_transactions.put(transaction);
    Some(id)
}

fn number(world: &mut World, invoice: &mut Invoice) {
    if invoice.number.is_some() {
        return;
    }
    let mut customer = world.customer(&invoice.customer).clone();
    invoice.number =
        Some(format!("{}-{:04}", customer.invoice_prefix, customer.next_invoice_sequence));
    customer.next_invoice_sequence += 1;
    world.customers.put(customer);
}

/// A `once` coupon has done its work with the first invoice that it was on.
fn use_up_discounts(world: &mut World, invoice: &Invoice) {
    let on_items = invoice.lines.iter().flat_map(|line| &line.item_discounts);
    let ids: Vec<String> = invoice.discounts.iter().chain(on_items).cloned().collect();
    for id in ids {
        let Some(mut discount) = world.discounts.get(&id).cloned() else { continue };
        let once = world
            .coupons
            .get(&discount.coupon)
            .is_some_and(|coupon| coupon.duration == CouponDuration::Once);
        if once && !discount.used {
            discount.used = true;
            world.discounts.put(discount);
        }
    }
}

/// The invoice is settled, by a payment or because there was nothing to pay.
pub fn paid(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Paid;
    invoice.amount_paid = invoice.amount_due;
    invoice.transitions.paid = Some(at);
    invoice.attempted = true;
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    invoice.uncollectible_reason = None;
    let sub = invoice.subscription.clone();
    world.put_invoice(invoice);
    if let Some(sub) = sub {
        if pending::waits_for(&world.subscription(&sub), id) {
            pending::apply(world, &sub, at);
        }
        resume::settled(world, &sub, id, at);
        follow_latest_invoice(world, &sub, at);
    }
}

pub fn void(world: &mut World, id: &str, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Void;
    invoice.transitions.voided = Some(at);
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    invoice.uncollectible_reason = None;
    let restored = invoice.applied_balance();
    let (sub, customer) = (invoice.subscription.clone(), invoice.customer.clone());
    world.put_invoice(invoice);
    change_balance(world, &customer, restored, BalanceReason::UnappliedFromInvoice, Some(id), at);
    collect::close_payment(world, id, PaymentStatus::Canceled, at);
    let Some(sub) = sub.map(|sub| world.subscription(&sub)) else { return };
    if pending::waits_for(&sub, id) {
        pending::forget(world, &sub.id);
    }
    resume::abandon(world, &sub.id, id);
    if sub.status == Status::Incomplete {
        end::incomplete_expired(world, sub, at);
    } else {
        follow_latest_invoice(world, &sub.id, at);
    }
}

pub fn mark_uncollectible(world: &mut World, id: &str, reason: UncollectibleReason, at: Timestamp) {
    let mut invoice = world.invoice(id);
    invoice.status = InvoiceStatus::Uncollectible;
    invoice.uncollectible_reason = Some(reason);
    invoice.transitions.uncollectible = Some(at);
    invoice.auto_advance = false;
    invoice.next_payment_attempt = None;
    let sub = invoice.subscription.clone();
    world.put_invoice(invoice);
    if let Some(sub) = sub {
        resume::settled(world, &sub, id, at);
        follow_latest_invoice(world, &sub, at);
    }
}

pub fn forgive_while_paused(world: &mut World, id: &str, at: Timestamp) {
    mark_uncollectible(world, id, UncollectibleReason::SubscriptionPaused, at);
}

/// Only the most recent invoice that is not void drives the status. A renewal's draft that nobody
/// has tried to collect yet does not count, a draft that was left lying because of `unpaid` does.
/// The invoice of a change that waits is about what the subscription is not yet.
fn follow_latest_invoice(world: &mut World, id: &str, _at: Timestamp) {
    let mut sub = world.subscription(id);
    if !matches!(sub.status, Status::Active | Status::Incomplete | Status::PastDue | Status::Unpaid)
    {
        return;
    }
    let waiting =
        |invoice: &&Invoice| invoice.status == InvoiceStatus::Draft && invoice.auto_advance;
    let latest = world
        .invoices()
        .under(&format!("subscription={id}"))
        .rev()
        .filter(|invoice| !pending::waits_for(&sub, &invoice.id))
        .find(|invoice| invoice.status != InvoiceStatus::Void && !waiting(invoice));
    let settled = match latest.map(|invoice| (invoice.status, invoice.attempted)) {
        None | Some((InvoiceStatus::Paid | InvoiceStatus::Uncollectible, _)) => true,
        Some((InvoiceStatus::Open, true)) if sub.status == Status::Active => {
            sub.status = Status::PastDue;
            false
        }
        Some(_) => false,
    };
    if settled {
        sub.status = Status::Active;
        sub.expires_at = None;
    }
    world.put_subscription(sub);
}

/// Makes a draft the subscription's latest invoice and keeps both.
pub fn keep_as_latest(world: &mut World, sub: &mut Subscription, invoice: Invoice) -> String {
    record_debits(sub, &invoice);
    name_debits(sub, &invoice);
    let id = invoice.id.clone();
    sub.latest_invoice = Some(id.clone());
    world.put_invoice(invoice);
    world.put_subscription(sub.clone());
    id
}
