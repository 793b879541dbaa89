//! Finalization of a draft.

use super::balance::change_balance;
use super::draft::correct_debits;
use crate::engine::invoice::settle_balance;
use crate::model::catalog::CouponDuration;
use crate::model::customer::BalanceReason;
use crate::model::invoice::{Invoice, Line, Origin, Status as InvoiceStatus};
use crate::model::subscription::{Collection, Item};
use crate::values::period::{DAY, Timestamp};
use crate::world::World;

/// Opens the draft: counts its usage for the last time, applies the balance and assigns the number.
/// Returns the amount due.
pub fn open_draft(world: &mut World, id: &str, at: Timestamp) -> i64 {
    let mut invoice = world.invoice(id);
    recount_usage(world, &mut invoice);
    world.compute_totals(&mut invoice);
    if let Some(mut sub) = invoice.subscription.as_ref().map(|id| world.subscription(id)) {
        correct_debits(&mut sub, &invoice);
        world.put_subscription(sub);
    }
    apply_balance(world, &mut invoice, at);
    assign_number(world, &mut invoice);
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
    due
}

/// Counts metered lines again, because usage can be reported until the invoice is finalized.
fn recount_usage(world: &mut World, invoice: &mut Invoice) {
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
        world.resolve_line(line, &[], invoice.created);
    }
    invoice.lines = lines;
}

fn apply_balance(world: &mut World, invoice: &mut Invoice, at: Timestamp) {
    let settled = settle_balance(invoice.totals.total, invoice.starting_balance, invoice.currency);
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

fn assign_number(world: &mut World, invoice: &mut Invoice) {
    if invoice.number.is_some() {
        return;
    }
    let mut customer = world.customer(&invoice.customer).clone();
    invoice.number =
        Some(format!("{}-{:04}", customer.invoice_prefix, customer.next_invoice_sequence));
    customer.next_invoice_sequence += 1;
    world.customers.put(customer);
}

/// Marks `once` discounts on the invoice as used.
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
