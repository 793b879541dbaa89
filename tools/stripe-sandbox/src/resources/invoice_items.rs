//! `/v1/invoiceitems`: one-off charges and credits on the next invoice or on a draft.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::invoice_create::with_default_rates;
use super::invoice_lines_json::pricing;
use super::json::{number, set};
use super::subscription_params::discounts;
use super::tax_rates;
use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::endpoint::params::Params;
use crate::lifecycle::discounts::Redeemer;
use crate::lifecycle::one_off_price::{TaxSettings, make_price};
use crate::lifecycle::{errors, items};
use crate::model::Metadata;
use crate::model::catalog::{Discount, Price, RequestedDiscount, TaxBehavior};
use crate::model::invoice::{InvoiceItem, Line, Origin, Status};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::Timestamp;
use crate::world::{World, check_filter, find_live_customer_param, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/invoiceitems", "invoice", "invoiceitem", create),
    list("/v1/invoiceitems", "invoice", "invoiceitem", index),
    get("/v1/invoiceitems/{}", "invoice", "invoiceitem", retrieve),
    delete("/v1/invoiceitems/{}", "invoice", "invoiceitem", remove),
];

const NOT_IMITATED: &[&str] = &["customer_account", "price_data", "quantity_decimal"];

/// Fields of a proration that cannot be updated.
const FROZEN: &[&str] = &["pricing", "quantity", "discounts"];

/// Maximum amount, positive or negative, in minor units.
const MAX_AMOUNT: i64 = 99_999_999_999;

/// Parameters of an invoice item.
pub struct ItemParams {
    amount: Option<i64>,
    unit: Option<Decimal>,
    price: Option<String>,
    quantity: Option<i64>,
    currency: Option<Currency>,
    description: Option<String>,
    discountable: Option<bool>,
    period: Option<(Timestamp, Timestamp)>,
    tax_rates: Vec<String>,
    tax: TaxSettings,
    discounts: Vec<RequestedDiscount>,
    metadata: Metadata,
}

impl ItemParams {
    pub fn read(p: &mut Params) -> Result<ItemParams> {
        let price = p.hash("pricing", |inner| inner.required("price"))?;
        let unit = p.decimal("unit_amount_decimal")?;
        ItemParams::read_with(p, price, unit)
    }

    /// Reads the parameters in a preview, where some have other names.
    pub fn read_in_preview(p: &mut Params) -> Result<ItemParams> {
        p.not_imitated(&["invoiceitem"])?;
        let whole = p.integer_in("unit_amount", -MAX_AMOUNT..=MAX_AMOUNT)?;
        let unit = p.decimal("unit_amount_decimal")?.or(whole.map(Decimal::from));
        let price = p.text("price")?;
        ItemParams::read_with(p, price, unit)
    }

    fn read_with(
        p: &mut Params,
        price: Option<String>,
        unit: Option<Decimal>,
    ) -> Result<ItemParams> {
        p.not_imitated(NOT_IMITATED)?;
        let mut metadata = Metadata::new();
        if let Some(change) = p.metadata()? {
            change.apply(&mut metadata);
        }
        Ok(ItemParams {
            amount: p.integer_in("amount", -MAX_AMOUNT..=MAX_AMOUNT)?,
            unit,
            price,
            quantity: p.integer_in("quantity", 0..=999_999)?,
            currency: p.currency("currency")?,
            description: p.text("description")?,
            discountable: p.boolean("discountable")?,
            period: p.hash("period", |inner| {
                let (start, end) = (inner.name("start"), inner.name("end"));
                Ok((
                    inner.time("start")?.ok_or_else(|| ApiError::missing_param(&start))?,
                    inner.time("end")?.ok_or_else(|| ApiError::missing_param(&end))?,
                ))
            })?,
            tax_rates: p.strings("tax_rates")?.unwrap_or_default(),
            tax: TaxSettings {
                behavior: p.choice("tax_behavior", TaxBehavior::NAMES)?,
                code: p.text("tax_code")?,
            },
            discounts: discounts(p)?.unwrap_or_default(),
            metadata,
        })
    }

    /// Returns the line of invoice item `id`, its currency, and the redeemer of its discounts.
    pub fn line(
        self,
        world: &mut World,
        id: &str,
        customer: &str,
        expected: Option<Currency>,
        now: Timestamp,
    ) -> Result<(Line, Currency, Redeemer)> {
        tax_rates::check(world, &self.tax_rates, "tax_rates")?;
        let price = match &self.price {
            Some(id) => Some(find_param(&world.prices, id, "pricing[price]")?.clone()),
            None => None,
        };
        let currency = self.currency.or(expected).or(price.as_ref().map(|price| price.currency));
        let currency = currency.ok_or_else(|| ApiError::missing_param("currency"))?;
        if let Some(fixed) = expected.filter(|fixed| *fixed != currency) {
            return Err(errors::other_currency(fixed));
        }
        let quantity = Decimal::from(self.quantity.unwrap_or(1));
        let (amount, unit) = self.amounts(price.as_ref(), quantity, currency)?;
        let name = price.as_ref().map(|price| world.product(&price.product).name.clone());
        let mut redeemer = Redeemer::new(customer, currency, now);
        let own = |new| Discount { invoice_item: Some(id.to_owned()), ..new };
        let item_discounts = redeemer.redeem(world, &self.discounts, &[], own)?;
        let line = Line {
            id: String::new(),
            amount,
            description: self.description.or(name),
            quantity: Some(quantity),
            unit: Some(unit),
            price: price.map(|price| (price.id, price.product)),
            period: self.period.unwrap_or((now, now)),
            origin: Origin::InvoiceItem { invoice_item: id.to_owned(), subscription: None },
            proration: false,
            credit: false,
            credited: None,
            metered: None,
            discountable: self.discountable.unwrap_or(amount >= 0),
            item_discounts,
            tax_rates: self.tax_rates,
            metadata: self.metadata,
            discount_amounts: Vec::new(),
            taxes: Vec::new(),
        };
        Ok((line, currency, redeemer))
    }

    /// Returns the amount and the unit price from `amount`, `unit_amount_decimal` or a price.
    fn amounts(
        &self,
        price: Option<&Price>,
        quantity: Decimal,
        currency: Currency,
    ) -> Result<(i64, Decimal)> {
        match (self.amount, self.unit, price) {
            (Some(amount), None, None) => Ok((amount, Decimal::from(amount))),
            (None, Some(unit), None) => Ok((currency.round(unit * quantity), unit)),
            (None, None, Some(price)) => {
                items::check_currency(price, currency)?;
                let amount = price.amount_in(currency).expect("it supports the currency");
                let charges = amount.charge(price.packaged(quantity), currency);
                Ok((charges.iter().map(|charge| charge.amount).sum(), charges[0].unit))
            }
            (None, None, None) => Err(ApiError::missing_param("amount")),
            _ => Err(ApiError::invalid(
                "You may only specify one of these parameters: amount, pricing, unit_amount_decimal.",
            )
            .code("parameters_exclusive")),
        }
    }
}

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let customer = p.required("customer")?;
    let (invoice, subscription) = (p.text("invoice")?, p.text("subscription")?);
    let mut item = ItemParams::read(p)?;
    let tax = std::mem::take(&mut item.tax);
    call.begin()?;
    let world = &mut *call.world;
    let found = find_live_customer_param(world, &customer, "customer")?.clone();
    if let Some(id) = &subscription {
        find_param(world.subscriptions(), id, "subscription")?;
    }
    if let Some(id) = &invoice {
        let draft = find_param(world.invoices(), id, "invoice")?;
        if draft.status != Status::Draft || draft.customer != customer {
            return Err(ApiError::invalid("This invoice is no longer editable")
                .code("invoice_not_editable"));
        }
    }
    let now = world.now_of(&customer);
    let id = world.ids.id("ii");
    let (mut line, currency, redeemer) = item.line(world, &id, &customer, found.currency, now)?;
    redeemer.commit(world);
    if line.price.is_none() {
        line.price = Some(make_price(world, &line, tax, currency, now));
    }
    line.origin =
        Origin::InvoiceItem { invoice_item: id.clone(), subscription: subscription.clone() };
    items::set_currency(world, &customer, currency);
    if let Some(invoice) = &invoice {
        let mut draft = world.invoice(invoice);
        draft.currency = currency;
        let line = Line { id: world.ids.id("il"), ..line.clone() };
        draft.lines.push(with_default_rates(&draft, line));
        world.compute_totals(&mut draft);
        world.put_invoice(draft);
    }
    let item = InvoiceItem {
        id,
        customer,
        subscription,
        invoice,
        currency,
        line,
        date: now,
        test_clock: found.test_clock,
    };
    let object = to_json(world, &item);
    world.invoice_items.put(item);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let p = &mut call.params;
    let (customer, invoice, pending) =
        (p.text("customer")?, p.text("invoice")?, p.boolean("pending")?);
    p.not_imitated(&["customer_account"])?;
    call.begin()?;
    check_filter(&call.world.customers, customer.as_deref(), "customer")?;
    let key = match (&invoice, &customer) {
        (Some(invoice), _) => format!("invoice={invoice}"),
        (None, Some(customer)) => format!("customer={customer}"),
        (None, None) => "all".to_owned(),
    };
    let keep = |item: &InvoiceItem| {
        created.holds(item.date)
            && customer.as_ref().is_none_or(|customer| item.customer == *customer)
            && pending.is_none_or(|pending| item.invoice.is_none() == pending)
            && !is_orphaned(call.world, item)
    };
    call.list(&call.world.invoice_items, &[key], &cursor, keep, to_json)
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find_item(call.world, &call.id()).map(|item| to_json(call.world, item))
}

/// Returns the invoice item with the ID from the path, or a 404 with Stripe's wording.
fn find_item<'a>(world: &'a World, id: &str) -> Result<&'a InvoiceItem> {
    world.invoice_items.get(id).ok_or_else(|| {
        let message = format!("No such Invoice Item: '{id}'(livemode=false)");
        ApiError::with_status(404, message).code("resource_missing").param("id")
    })
}

/// Returns whether the item's invoice was deleted as a draft. Lists omit such items.
fn is_orphaned(world: &World, item: &InvoiceItem) -> bool {
    item.invoice.as_ref().is_some_and(|id| world.invoices().get(id).is_none())
}

fn remove(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    let item = find_item(call.world, &id)?.clone();
    if let Some(invoice) = item.invoice {
        let draft = call.world.invoices().get(&invoice);
        let Some(mut invoice) = draft.filter(|draft| draft.status == Status::Draft).cloned() else {
            return Err(ApiError::invalid(
                "Can't delete an invoice item that is attached to an invoice that is no longer editable",
            ));
        };
        let mine = |line: &Line| matches!(&line.origin, Origin::InvoiceItem { invoice_item, .. } if *invoice_item == id);
        invoice.lines.retain(|line| !mine(line));
        call.world.compute_totals(&mut invoice);
        call.world.put_invoice(invoice);
    }
    call.world.invoice_items.remove(&id);
    Ok(json!({ "id": id, "object": "invoiceitem", "deleted": true }))
}

fn net(line: &Line) -> i64 {
    line.amount - line.discount_amounts.iter().map(|(_, amount)| amount).sum::<i64>()
}

pub fn to_json(world: &World, item: &InvoiceItem) -> Value {
    let rates: Vec<Value> = item
        .line
        .tax_rates
        .iter()
        .filter_map(|id| world.tax_rates.get(id))
        .map(tax_rates::to_json)
        .collect();
    let quantity = item.line.quantity.unwrap_or(Decimal::ONE);
    let parent = item.subscription.as_ref().map(|subscription| {
        let item = match &item.line.origin {
            Origin::SubscriptionItem { item, .. } => Some(item),
            Origin::InvoiceItem { .. } => None,
        };
        let mut details = json!({ "subscription": subscription });
        set(&mut details, "subscription_item", item.cloned());
        json!({ "subscription_details": details, "type": "subscription_details" })
    });
    let mut object = json!({
        "id": item.id,
        "object": "invoiceitem",
        "amount": item.line.amount,
        "currency": item.currency.as_str(),
        "customer": item.customer,
        "customer_account": null,
        "date": item.date,
        "description": item.line.description,
        "discountable": item.line.discountable,
        "discounts": item.line.item_discounts,
        "frozen_fields": if item.line.proration { FROZEN } else { &[] },
        "invoice": item.invoice,
        "invoicing_rules": [],
        "livemode": false,
        "metadata": item.line.metadata,
        "parent": parent,
        "period": { "end": item.line.period.1, "start": item.line.period.0 },
        "pricing": pricing(&item.line),
        "proration": item.line.proration,
        "quantity": number(quantity.trunc()),
        "quantity_decimal": quantity.normalize().to_string(),
        "tax_rates": rates,
        "test_clock": item.test_clock,
    });
    set(&mut object, "net_amount", (!item.line.discountable).then(|| net(&item.line)));
    // The credit of a canceled subscription belongs to no subscription any more, and has no details.
    let details = item.line.proration && item.subscription.is_some();
    set(&mut object, "proration_details", details.then(|| proration_details(&item.line)));
    object
}

/// Returns the lines that a credit refers to. The amount of a proration includes its discounts.
fn proration_details(line: &Line) -> Value {
    let credited = line.credited.as_ref().map(|(invoice, lines)| {
        json!({
            "invoice_line_item_details": { "invoice": invoice, "invoice_line_items": lines },
            "type": "invoice_line_items",
        })
    });
    json!({ "credited_items": credited, "discount_amounts": [] })
}
