//! `POST /v1/invoices` and `POST /v1/invoices/{id}`.

use serde_json::Value;

use super::invoice_json::to_json;
use super::subscription_params::{automatic_tax, discounts};
use super::{payment_methods, tax_rates};
use crate::endpoint::call::Call;
use crate::endpoint::params::{Change, MetadataChange, Params};
use crate::lifecycle::automatic_tax::check_location;
use crate::lifecycle::discounts::Redeemer;
use crate::lifecycle::draft::empty_draft;
use crate::lifecycle::errors;
use crate::model::catalog::{Discount, RequestedDiscount};
use crate::model::invoice::{Invoice, InvoiceItem, Status};
use crate::model::subscription::{AutomaticTax, Collection};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{DAY, HOUR, Timestamp};
use crate::world::{World, find, find_live_customer_param, find_param};

const NOT_IMITATED: &[&str] = &[
    "account_tax_ids",
    "application_fee_amount",
    "custom_fields",
    "customer_account",
    "default_source",
    "effective_at",
    "from_invoice",
    "issuer",
    "on_behalf_of",
    "payment_settings",
    "rendering",
    "shipping_cost",
    "shipping_details",
    "statement_descriptor",
    "transfer_data",
];

/// Fields of create and update.
struct Fields {
    automatic_tax: Option<AutomaticTax>,
    auto_advance: Option<bool>,
    finalizes_at: Option<Timestamp>,
    collection: Option<Collection>,
    days_until_due: Option<i64>,
    due_date: Option<Timestamp>,
    default_payment_method: Change<String>,
    default_tax_rates: Option<Vec<String>>,
    discounts: Option<Vec<RequestedDiscount>>,
    description: Change<String>,
    footer: Change<String>,
    number: Change<String>,
    metadata: Option<MetadataChange>,
}

impl Fields {
    fn read(p: &mut Params) -> Result<Fields> {
        p.not_imitated(NOT_IMITATED)?;
        Ok(Fields {
            automatic_tax: automatic_tax(p)?,
            auto_advance: p.boolean("auto_advance")?,
            finalizes_at: p.time("automatically_finalizes_at")?,
            collection: p.choice("collection_method", Collection::NAMES)?,
            days_until_due: p.integer_in("days_until_due", 0..=3650)?,
            due_date: p.time("due_date")?,
            default_payment_method: p.change("default_payment_method")?,
            default_tax_rates: p.strings("default_tax_rates")?,
            discounts: discounts(p)?,
            description: p.change("description")?,
            footer: p.change("footer")?,
            number: p.change("number")?,
            metadata: p.metadata()?,
        })
    }

    /// Returns the first parameter that a finalized invoice does not accept.
    fn draft_only(&self) -> Option<&'static str> {
        let given = [
            ("automatically_finalizes_at", self.finalizes_at.is_some()),
            ("collection_method", self.collection.is_some()),
            ("days_until_due", self.days_until_due.is_some()),
            ("default_tax_rates", self.default_tax_rates.is_some()),
            ("description", self.description.is_some()),
            ("discounts", self.discounts.is_some()),
            ("due_date", self.due_date.is_some()),
            ("footer", self.footer.is_some()),
            ("number", self.number.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }

    /// Returns an error if the due date does not fit the collection method. `before` is the draft
    /// that is updated.
    fn check_due(&self, before: Option<&Invoice>) -> Result<()> {
        let present = before.map_or(Collection::Charge, |invoice| invoice.collection);
        let sends = self.collection.unwrap_or(present) == Collection::Send;
        let due = self.days_until_due.is_some() || self.due_date.is_some();
        if !sends && due {
            return Err(ApiError::invalid(
                "You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'.",
            ));
        }
        if sends && !due && before.is_none_or(|invoice| invoice.due_date.is_none()) {
            return Err(ApiError::invalid(
                "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'.",
            ));
        }
        Ok(())
    }

    fn apply(self, world: &mut World, invoice: &mut Invoice) -> Result<()> {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        let now = world.now_of(&invoice.customer);
        set(&mut invoice.automatic_tax, self.automatic_tax);
        check_location(world, &invoice.customer, invoice.automatic_tax)?;
        set(&mut invoice.collection, self.collection);
        if self.days_until_due.is_some() {
            invoice.days_until_due = self.days_until_due;
            invoice.due_date = self.days_until_due.map(|days| now + days * DAY);
        }
        if self.due_date.is_some() {
            invoice.due_date = self.due_date;
        }
        if let Some(method) = self.default_payment_method {
            let customer = invoice.customer.clone();
            let own = |id: String| {
                payment_methods::of_customer(world, &id, &customer, "default_payment_method")
            };
            invoice.default_payment_method = method.map(own).transpose()?;
        }
        if let Some(rates) = self.default_tax_rates {
            tax_rates::check(world, &rates, "default_tax_rates")?;
            invoice.default_tax_rates = rates;
        }
        if let Some(wanted) = self.discounts {
            let mut redeemer = Redeemer::new(&invoice.customer, invoice.currency, now);
            let own = |new| Discount { invoice: Some(invoice.id.clone()), ..new };
            match redeemer.redeem(world, &wanted, &invoice.discounts, own) {
                Ok(ids) => invoice.discounts = ids,
                Err(refusal) => {
                    redeemer.roll_back(world);
                    return Err(refusal);
                }
            }
            redeemer.commit(world);
        }
        set(&mut invoice.description, self.description);
        set(&mut invoice.footer, self.footer);
        set(&mut invoice.number, self.number);
        if let Some(change) = self.metadata {
            change.apply(&mut invoice.metadata);
        }
        if let Some(advance) = self.auto_advance {
            invoice.auto_advance = advance;
            if invoice.status == Status::Draft {
                let at = self.finalizes_at.unwrap_or(invoice.created + HOUR).max(now);
                invoice.schedule_finalization(advance.then_some(at));
            }
        }
        Ok(())
    }
}

pub fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let customer = p.required("customer")?;
    let subscription = p.text("subscription")?;
    let currency = p.currency("currency")?;
    let include =
        p.choice("pending_invoice_items_behavior", &[("include", true), ("exclude", false)])?;
    let fields = Fields::read(p)?;
    fields.check_due(None)?;
    call.begin()?;
    let world = &mut *call.world;
    let found = find_live_customer_param(world, &customer, "customer")?.clone();
    if let Some(id) = &subscription {
        let sub = find_param(world.subscriptions(), id, "subscription")?;
        if sub.customer != customer {
            return Err(ApiError::no_such_param("subscription", id, "subscription"));
        }
    }
    let currency = currency.or(found.currency).unwrap_or(Currency::USD);
    if let Some(fixed) = found.currency.filter(|fixed| *fixed != currency) {
        return Err(errors::other_currency(fixed));
    }
    let now = world.now_of(&customer);
    if let Some(id) = &subscription {
        world.invoice_limits.check(world.invoices(), id, now)?;
    }
    let mut invoice =
        Invoice { currency, subscription: subscription.clone(), ..empty_draft(&found, now) };
    if let Some(sub) = subscription.map(|id| world.subscription(&id)) {
        invoice.subscription_metadata = sub.metadata;
    }
    world.assign_invoice_ids(&mut invoice);
    fields.apply(world, &mut invoice)?;
    let items = pending(world, &invoice, include.unwrap_or(false));
    for item in &items {
        let id = world.ids.id("il");
        invoice.lines.push(with_default_rates(
            &invoice,
            crate::model::invoice::Line { id, ..item.line.clone() },
        ));
    }
    world.attach_items(items, &invoice.id);
    world.compute_totals(&mut invoice);
    let object = to_json(world, &invoice);
    world.put_invoice(invoice);
    Ok(object)
}

/// Gives a line without tax rates the invoice's default rates.
pub fn with_default_rates(
    invoice: &Invoice,
    mut line: crate::model::invoice::Line,
) -> crate::model::invoice::Line {
    if line.tax_rates.is_empty() {
        line.tax_rates.clone_from(&invoice.default_tax_rates);
    }
    line
}

fn pending(world: &World, invoice: &Invoice, include: bool) -> Vec<InvoiceItem> {
    let key = match (&invoice.subscription, include) {
        (Some(id), _) => format!("subscription={id}&pending"),
        (None, true) => format!("customer={}&pending", invoice.customer),
        (None, false) => return Vec::new(),
    };
    let fits = |item: &&InvoiceItem| item.currency == invoice.currency;
    world.invoice_items.under(&key).rev().filter(fits).cloned().collect()
}

pub fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let fields = Fields::read(&mut call.params)?;
    call.begin()?;
    let mut invoice = find(call.world.invoices(), &id)?.clone();
    let is_draft = invoice.status == Status::Draft;
    if let Some(param) = fields.draft_only().filter(|_| !is_draft) {
        return Err(
            ApiError::invalid("Finalized invoices can't be updated in this way").param(param)
        );
    }
    if is_draft {
        fields.check_due(Some(&invoice))?;
    }
    fields.apply(call.world, &mut invoice)?;
    if is_draft {
        call.world.compute_totals(&mut invoice);
    }
    let object = to_json(call.world, &invoice);
    call.world.put_invoice(invoice);
    Ok(object)
}
