//! Draft invoices: creation, totals, and the debits that flexible billing credits later.

use rust_decimal::Decimal;

use crate::engine::invoice::{AppliedDiscount, compute_totals, settle_balance};
use crate::engine::lines::Context;
use crate::model::Metadata;
use crate::model::catalog::TaxRate;
use crate::model::customer::{Customer, TaxExempt};
use crate::model::invoice::{
    BillingReason, Invoice, InvoiceItem, Line, Origin, Status, Totals, Transitions,
};
use crate::model::subscription::{AutomaticTax, Collection, Debit, Item, Subscription};
use crate::values::cost::Cost;
use crate::values::period::Timestamp;
use crate::world::World;

/// Parameters of a draft for a subscription.
pub struct NewInvoice {
    pub reason: BillingReason,
    pub lines: Vec<Line>,
    pub period: (Timestamp, Timestamp),
    pub created: Timestamp,
}

impl World {
    pub fn item_context<'a>(
        &'a self,
        subscription: &'a Subscription,
        item: &'a Item,
    ) -> Context<'a> {
        let price = self.price(&item.price);
        Context { subscription, item, price, product: self.product(&price.product) }
    }

    /// Returns the discounts with their coupons.
    pub fn applied_discounts(&self, ids: &[String]) -> Vec<AppliedDiscount> {
        ids.iter()
            .filter_map(|id| {
                let discount = self.discounts.get(id)?;
                let coupon = self.coupons.get(&discount.coupon)?;
                Some(AppliedDiscount {
                    id: id.clone(),
                    reduction: coupon.reduction.clone(),
                    products: coupon.applies_to.clone(),
                })
            })
            .collect()
    }

    /// Returns those of the discounts that still apply at `at`.
    pub fn discounts_in_force(&self, ids: &[String], at: Timestamp) -> Vec<String> {
        let applies =
            |id: &&String| self.discounts.get(id).is_some_and(|discount| discount.applies_at(at));
        ids.iter().filter(applies).cloned().collect()
    }

    fn rates_of(&self, lines: &[Line]) -> Vec<TaxRate> {
        let mut rates: Vec<TaxRate> = Vec::new();
        for id in lines.iter().flat_map(|line| &line.tax_rates) {
            if !rates.iter().any(|rate| rate.id == *id) {
                rates.extend(self.tax_rates.get(id).cloned());
            }
        }
        rates
    }

    /// Computes the invoice's totals and amount due with the customer's current balance.
    pub fn compute_totals(&self, invoice: &mut Invoice) {
        let item_ids: Vec<String> =
            invoice.lines.iter().flat_map(|line| line.item_discounts.clone()).collect();
        let customer = self.customer(&invoice.customer);
        invoice.tax_exempt = customer.tax_exempt;
        let mut rates = self.rates_of(&invoice.lines);
        if customer.tax_exempt != TaxExempt::None {
            for rate in &mut rates {
                rate.percentage = Decimal::ZERO;
            }
        }
        invoice.totals = compute_totals(
            &mut invoice.lines,
            &self.applied_discounts(&item_ids),
            &self.applied_discounts(&invoice.discounts),
            &rates,
            invoice.currency,
        );
        set_amount_due(invoice, customer.balance);
    }

    /// Creates a draft for the subscription, with IDs and totals. The caller stores it.
    pub fn draft_invoice(&mut self, sub: &Subscription, new: NewInvoice) -> Invoice {
        let mut lines = new.lines;
        for line in &mut lines {
            self.resolve_line(line, &sub.default_tax_rates, new.created);
        }
        let mut invoice = Invoice {
            subscription: Some(sub.id.clone()),
            subscription_metadata: sub.metadata.clone(),
            automatic_tax: sub.automatic_tax,
            collection: sub.collection,
            days_until_due: sub.days_until_due,
            default_tax_rates: sub.default_tax_rates.clone(),
            discounts: self.discounts_in_force(&sub.discounts, new.created),
            currency: sub.currency,
            reason: new.reason,
            period: new.period,
            lines,
            auto_advance: true,
            ..empty_draft(self.customer(&sub.customer), new.created)
        };
        self.assign_invoice_ids(&mut invoice);
        self.compute_totals(&mut invoice);
        invoice
    }

    /// Drops expired discounts of a line, and gives a one-off line without tax rates the default
    /// rates. Prorations keep the discounts and rates of the time that they cover.
    pub fn resolve_line(&self, line: &mut Line, default_rates: &[String], at: Timestamp) {
        if !line.proration {
            line.item_discounts = self.discounts_in_force(&line.item_discounts, at);
        }
        if matches!(line.origin, Origin::InvoiceItem { .. }) && line.tax_rates.is_empty() {
            line.tax_rates = default_rates.to_vec();
        }
    }

    /// Assigns IDs to the invoice and its lines.
    pub fn assign_invoice_ids(&mut self, invoice: &mut Invoice) {
        invoice.id = self.ids.id("in");
        invoice.token = self.ids.text(24);
        for line in &mut invoice.lines {
            line.id = self.ids.id("il");
        }
    }

    /// Returns the subscription's pending invoice items, newest first, including those of the
    /// customer without a subscription.
    pub fn pending_items(&self, sub: &Subscription) -> Vec<InvoiceItem> {
        let own = self.invoice_items.under(&format!("subscription={}&pending", sub.id));
        let mut items: Vec<InvoiceItem> = own.rev().cloned().collect();
        let unattached = self.invoice_items.under(&format!("customer={}&pending", sub.customer));
        items.extend(unattached.rev().filter(|item| item.subscription.is_none()).cloned());
        items.sort_by_key(|item| std::cmp::Reverse(item.date));
        items
    }

    /// Stores the items of one change so that they are listed in this order: lists begin with the
    /// newest object, and Stripe lists the credit of a change before its charge.
    pub fn put_pending_items(&mut self, items: &[InvoiceItem]) {
        for item in items.iter().rev() {
            self.invoice_items.put(item.clone());
        }
    }

    /// Attaches the items to the invoice.
    pub fn attach_items(&mut self, items: Vec<InvoiceItem>, invoice: &str) {
        for mut item in items {
            item.invoice = Some(invoice.to_owned());
            self.invoice_items.put(item);
        }
    }
}

/// Creates a pending invoice item from a line of a subscription item. The caller stores it.
pub fn invoice_item(
    world: &mut World,
    sub: &Subscription,
    mut line: Line,
    now: Timestamp,
) -> InvoiceItem {
    let id = world.ids.id("ii");
    if let Origin::SubscriptionItem { invoice_item, .. } = &mut line.origin {
        *invoice_item = Some(id.clone());
    }
    InvoiceItem::waiting(sub, id, line, now)
}

/// Sets the balance and the amount due that follows from it.
pub fn set_amount_due(invoice: &mut Invoice, balance: i64) {
    invoice.starting_balance = balance;
    invoice.amount_due = settle_balance(invoice.totals.total, balance, invoice.currency).amount_due;
}

/// Returns an empty draft for the customer.
pub fn empty_draft(customer: &Customer, created: Timestamp) -> Invoice {
    Invoice {
        id: String::new(),
        customer: customer.id.clone(),
        subscription: None,
        subscription_metadata: Metadata::new(),
        proration_date: None,
        currency: customer.currency.unwrap_or(crate::values::money::Currency::USD),
        status: Status::Draft,
        reason: BillingReason::Manual,
        automatic_tax: AutomaticTax::Off,
        collection: Collection::Charge,
        days_until_due: None,
        due_date: None,
        default_payment_method: None,
        default_tax_rates: Vec::new(),
        discounts: Vec::new(),
        description: None,
        footer: None,
        metadata: Metadata::new(),
        number: None,
        token: String::new(),
        lines: Vec::new(),
        totals: Totals::default(),
        starting_balance: customer.balance,
        ending_balance: None,
        amount_due: 0,
        amount_paid: 0,
        paid_out_of_band: false,
        attempted: false,
        attempt_count: 0,
        next_payment_attempt: None,
        auto_advance: false,
        finalizes_at: None,
        uncollectible_reason: None,
        transitions: Transitions::default(),
        period: (created, created),
        created,
        customer_name: customer.name.clone(),
        customer_email: customer.email.clone(),
        tax_exempt: customer.tax_exempt,
        tax_ids: customer.tax_ids.clone(),
        test_clock: customer.test_clock.clone(),
    }
}

/// Records the lines for whole periods on their items. Flexible billing credits these debits later.
pub fn record_debits(sub: &mut Subscription, invoice: &Invoice) {
    for line in &invoice.lines {
        let Origin::SubscriptionItem { item, invoice_item: None, .. } = &line.origin else {
            continue;
        };
        if line.metered.is_some() || line.amount <= 0 {
            continue;
        }
        let Some(item) = sub.items.iter_mut().find(|mine| mine.id == *item) else { continue };
        let same = |debit: &&mut Debit| {
            debit.invoice.as_ref() == Some(&invoice.id) && debit.period == line.period
        };
        if let Some(debit) = item.debits.iter_mut().find(same) {
            debit.lines.push(line.id.clone());
            debit.cost.add(line.amount, &line.discount_amounts);
        } else {
            let debit = debit_of(line, item, &invoice.id);
            item.debits.extend(debit);
        }
    }
}

/// Links the debits of prorations to their lines on `invoice`.
pub fn link_debits(sub: &mut Subscription, invoice: &Invoice) {
    for line in &invoice.lines {
        let Origin::SubscriptionItem { invoice_item: Some(charged), .. } = &line.origin else {
            continue;
        };
        let debits = sub.items.iter_mut().flat_map(|item| &mut item.debits);
        for debit in debits.filter(|debit| debit.invoice_item.as_ref() == Some(charged)) {
            debit.invoice = Some(invoice.id.clone());
            debit.lines = vec![line.id.clone()];
        }
    }
}

/// Returns the debit of a line of the item for a whole period.
fn debit_of(line: &Line, item: &Item, invoice: &str) -> Option<Debit> {
    Some(Debit {
        invoice: Some(invoice.to_owned()),
        invoice_item: None,
        lines: vec![line.id.clone()],
        cost: Cost { gross: line.amount, discounts: line.discount_amounts.clone() },
        period: line.period,
        price: line.price.clone()?,
        quantity: item.quantity,
        tax_rates: line.tax_rates.clone(),
        item_discounts: line.item_discounts.clone(),
    })
}

/// Updates the recorded debits to the final invoice. Late usage can take a larger share of a fixed
/// discount than in the draft, and credits must match the final invoice.
pub fn correct_debits(sub: &mut Subscription, invoice: &Invoice) {
    for debit in sub.items.iter_mut().flat_map(|item| &mut item.debits) {
        let charged = |line: &&Line| {
            debit.lines.contains(&line.id) && line.period == debit.period && !line.proration
        };
        let mut cost = Cost::default();
        let lines: Vec<&Line> = invoice.lines.iter().filter(charged).collect();
        for line in &lines {
            cost.add(line.amount, &line.discount_amounts);
        }
        if !lines.is_empty() {
            debit.cost = cost;
        }
    }
}
