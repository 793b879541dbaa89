//! Accrued usage and pending items on the invoice of a change. Stripe bills neither again once that invoice
//! is void, so they are restored for the next invoice when the change is dropped.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use shared::stripe::MAX_PAGE;
use shared::stripe::views::{HasId, Id, Invoice, InvoiceStatus, Line, Subscription};
use shared::{ApiError, Call, StripeError, Timestamp};
use stripe_billing::invoice::VoidInvoiceInvoice;
use stripe_billing::invoice_item::{CreateInvoiceItem, ListInvoiceItem, Period as ItemPeriod};
use stripe_types::RangeQueryTs;

/// Metadata key of a restored item for the line that it replaces.
const RESTORED_KEY: &str = "cantila_put_back";

/// An item that was billed by the invoice.
#[derive(Clone, Debug, Deserialize)]
struct Item {
    id: String,
    /// When it was made.
    date: Timestamp,
    #[serde(default)]
    tax_rates: Vec<Id>,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl Item {
    /// Returns whether the item was pending before the change. A restored one may have been created within
    /// the same second.
    fn is_older_than(&self, invoice: &Invoice) -> bool {
        self.date < invoice.created || self.metadata.contains_key(RESTORED_KEY)
    }
}

impl HasId for Item {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Drops the pending update of `invoice`: voids the invoice and restores its other lines.
///
/// An invoice that was paid meanwhile is left as it is, and the change with it.
pub async fn drop_change(
    call: &Call,
    subscription: &Subscription,
    invoice: &str,
    key: &str,
) -> Result<(), ApiError> {
    let customer = call
        .customer()
        .ok_or_else(|| ApiError::Internal("a subscription of no customer's".into()))?;
    // Read before anything is done: what cannot be read must not be lost.
    let items = ListInvoiceItem::new().invoice(invoice).limit(MAX_PAGE);
    let (dropped, items) =
        tokio::try_join!(call.stripe.invoice(invoice), call.stripe.all::<Item>(&items))?;
    if !void(call, invoice, key).await? {
        return Ok(());
    }
    for back in restorable(customer, subscription, &dropped, &items) {
        restore(call, customer, &dropped, &back).await.inspect_err(|error| {
            tracing::error!(invoice, line = back.line, %error, "a line of a dropped change was not restored");
        })?;
    }
    Ok(())
}

/// Whether the invoice is void now; it is not if it was paid meanwhile.
async fn void(call: &Call, invoice: &str, key: &str) -> Result<bool, StripeError> {
    let voided = call.stripe.send_once::<Invoice>(&VoidInvoiceInvoice::new(invoice), key).await;
    let now = match voided {
        Err(error) if error.status() == Some(400) => call.stripe.invoice(invoice).await,
        answer => answer,
    }?;
    Ok(now.status == InvoiceStatus::Void)
}

/// An item for the next invoice, in place of a line of the one that is void.
struct Restored {
    line: String,
    request: CreateInvoiceItem,
}

/// Restores a line of the invoice once: every request that drops the change uses the same key.
async fn restore(
    call: &Call,
    customer: &str,
    invoice: &Invoice,
    back: &Restored,
) -> Result<(), StripeError> {
    let key = format!("put-back-{}-{}", invoice.id, back.line);
    match call.stripe.send_once::<Id>(&back.request, &key).await {
        Err(error) if error.is_replayed_failure() => {}
        made => return made.map(drop),
    }
    // Stripe would say that for a day, and the item may be there all the same.
    let since = RangeQueryTs::gte(invoice.created.seconds());
    let items = ListInvoiceItem::new().customer(customer).created(since).limit(MAX_PAGE);
    let items = call.stripe.all::<Item>(&items).await?;
    if items.iter().any(|item| item.metadata.get(RESTORED_KEY) == Some(&back.line)) {
        return Ok(());
    }
    call.stripe.send_once::<Id>(&back.request, &format!("{key}-again")).await.map(drop)
}

/// The lines that are not of the change itself: they bill usage, or an item that is older than the
/// invoice. The change's own lines were created with it.
fn restorable(
    customer: &str,
    subscription: &Subscription,
    invoice: &Invoice,
    items: &[Item],
) -> Vec<Restored> {
    let prices = subscription.items.data.iter().map(|item| &item.price);
    let metered: HashSet<&str> =
        prices.filter(|price| price.is_metered()).map(|price| price.id.as_str()).collect();
    let older: HashMap<&str, &Item> = items
        .iter()
        .filter(|item| item.is_older_than(invoice))
        .map(|item| (item.id.as_str(), item))
        .collect();
    let restored = |line: &&Line| {
        line.amount != 0
            && (line.price().is_some_and(|price| metered.contains(price))
                || line.invoice_item().is_some_and(|item| older.contains_key(item)))
    };
    let put_back = |line: &Line| {
        let item = line.invoice_item().and_then(|item| older.get(item));
        let rates = item.map(|item| item.tax_rates.iter().map(|rate| rate.id.clone()).collect());
        let request = request(subscription, invoice, line, rates).customer(customer);
        Restored { line: line.id.clone(), request }
    };
    invoice.lines.data.iter().filter(restored).map(put_back).collect()
}

fn request(
    subscription: &Subscription,
    invoice: &Invoice,
    line: &Line,
    tax_rates: Option<Vec<String>>,
) -> CreateInvoiceItem {
    let Ok(currency) = invoice.currency.as_str().parse::<stripe_types::Currency>();
    let period = ItemPeriod { start: line.period.start.seconds(), end: line.period.end.seconds() };
    let mut request = CreateInvoiceItem::new()
        .subscription(subscription.id.as_str())
        .amount(line.amount)
        .currency(currency)
        .period(period)
        .metadata(HashMap::from([(RESTORED_KEY.to_owned(), line.id.clone())]));
    if let Some(discountable) = line.discountable {
        request = request.discountable(discountable);
    }
    if let Some(description) = &line.description {
        request = request.description(description.as_str());
    }
    if let Some(rates) = tax_rates.filter(|rates| !rates.is_empty()) {
        request = request.tax_rates(rates);
    }
    request
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stripe_client_core::StripeRequest as _;

    use super::*;
    use crate::fixtures;

    /// On a licensed and a metered price.
    fn subscription() -> Subscription {
        let item = |id: &str, usage| {
            ::fixtures::item(
                &format!("si_{id}"),
                &::fixtures::price(&format!("price_{id}"), "prod_1", usage),
            )
        };
        let items = [item("base", "licensed"), item("cpu", "metered")];
        fixtures::subscription(&json!({ "items": ::fixtures::list(&items) }))
    }

    fn line(amount: i64, price: Option<&str>, item: Option<&str>) -> Value {
        let parent = json!({
            "subscription_item_details": price.map(|_| json!({ "subscription_item": "si_1", "invoice_item": item, "proration": false })),
            "invoice_item_details": item.filter(|_| price.is_none()).map(|item| json!({ "invoice_item": item, "proration": false })),
        });
        json!({
            "id": "il_1", "amount": amount, "description": "What it is", "discountable": true,
            "period": { "start": 10, "end": 20 }, "parent": parent,
            "pricing": price.map(|price| json!({ "price_details": { "price": price, "product": "prod_1" } })),
        })
    }

    /// Returns the body that restores the line, if it is restored, for an invoice created at 100.
    fn body(line: &Value) -> Option<String> {
        let lines = json!({ "data": [line], "has_more": false });
        let invoice =
            fixtures::invoice(&json!({ "status": "void", "created": 100, "lines": lines }));
        let items = [
            json!({ "id": "ii_old", "date": 99, "tax_rates": [{ "id": "txr_1" }] }),
            json!({ "id": "ii_new", "date": 100 }),
            json!({ "id": "ii_back", "date": 100, "metadata": { "cantila_put_back": "il_0" } }),
        ];
        let back = restorable("cus_1", &subscription(), &invoice, &items.map(::fixtures::view));
        assert!(back.len() <= 1);
        back.first().map(|back| back.request.build().body.unwrap_or_default())
    }

    #[test]
    fn usage_and_older_items_are_restored() {
        let with = |amount: i64, rates: &str| {
            Some(format!(
                "amount={amount}&currency=usd&customer=cus_1&description=What+it+is&discountable=true&metadata[cantila_put_back]=il_1&period[end]=20&period[start]=10&subscription=sub_1{rates}"
            ))
        };
        let cases = [
            ("usage", line(240, Some("price_cpu"), None), with(240, "")),
            ("usage as an item", line(240, Some("price_cpu"), Some("ii_new")), with(240, "")),
            ("no usage", line(0, Some("price_cpu"), None), None),
            (
                "a one-off from before",
                line(5_000, None, Some("ii_old")),
                with(5_000, "&tax_rates[0]=txr_1"),
            ),
            (
                "a credit from before",
                line(-700, Some("price_base"), Some("ii_old")),
                with(-700, "&tax_rates[0]=txr_1"),
            ),
            ("restored before", line(240, None, Some("ii_back")), with(240, "")),
            ("credit of the change", line(-1_000, Some("price_base"), Some("ii_new")), None),
            ("debit of the change", line(2_500, Some("price_bigger"), Some("ii_new")), None),
            ("a new period", line(9_900, Some("price_bigger"), None), None),
        ];
        for (name, line, expected) in cases {
            assert_eq!(body(&line), expected, "{name}");
        }
    }
}
