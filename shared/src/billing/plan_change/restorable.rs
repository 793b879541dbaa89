//! Restorable lines: those on the invoice of a pending update that are not the update's own. They bill pending items and,
//! where the billing cycle starts anew, accrued usage. Stripe bills neither again once that invoice is void, so they are restored for
//! the next invoice when the update is dropped or expires.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use stripe_billing::invoice::{
    CreatePreviewInvoiceInvoiceItems as PreviewItem,
    CreatePreviewInvoiceInvoiceItemsDiscounts as PreviewDiscount,
    CreatePreviewInvoiceInvoiceItemsTaxBehavior as PreviewTaxBehavior, Period as PreviewPeriod,
};
use stripe_billing::invoice_item::{
    CreateInvoiceItem, CreateInvoiceItemTaxBehavior, DiscountsDataParam, ListInvoiceItem, Period,
};
use stripe_client_core::{RequestBuilder, StripeRequest as _};
use stripe_product::product::RetrieveProduct;
use stripe_types::RangeQueryTs;

use crate::billing::line_prices::LinePrices;
use crate::stripe::views::{
    Expandable, HasId, Id, Invoice, Line, Price, Subscription, TaxBehavior, TaxCode,
};
use crate::stripe::{MAX_PAGE, Stripe, StripeError, add_metadata};
use crate::values::Timestamp;

/// Metadata key of a restored item for the line that it replaces.
const LINE_KEY: &str = "cantila_line";

/// An invoice item.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Item {
    id: String,
    /// When it was made.
    date: Timestamp,
    #[serde(default)]
    tax_rates: Vec<Id>,
    #[serde(default)]
    discounts: Option<Vec<Expandable<Id>>>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

impl Item {
    /// Returns the line that the item replaces, if it was restored.
    fn line(&self) -> Option<&String> {
        self.metadata.as_ref()?.get(LINE_KEY)
    }
}

impl HasId for Item {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A line that has to be billed again if its invoice becomes void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorableLine {
    /// ID of the line.
    id: String,
    amount: i64,
    currency: String,
    description: Option<String>,
    period: (i64, i64),
    discountable: Option<bool>,
    /// IDs of discounts. A coupon would start a new discount.
    discounts: Vec<String>,
    /// IDs of tax rates.
    tax_rates: Vec<String>,
    tax_behavior: Option<TaxBehavior>,
    tax_code: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl RestorableLine {
    /// Reads the restorable lines on `invoice`, that of the subscription's pending update. Two calls to Stripe in parallel, and one
    /// more for prices or tax codes that are not known.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        subscription: &Subscription,
        invoice: &Invoice,
    ) -> Result<Vec<Self>, StripeError> {
        let list = ListInvoiceItem::new().invoice(invoice.id.as_str()).limit(MAX_PAGE);
        let (items, prices) = tokio::try_join!(
            stripe.all::<Item>(&list),
            LinePrices::load(stripe, subscription, invoice, &[])
        )?;
        let items: HashMap<&str, &Item> =
            items.iter().map(|item| (item.id.as_str(), item)).collect();
        let mut lines = Vec::new();
        for line in &invoice.lines.data {
            let item = line.invoice_item().and_then(|item| items.get(item)).copied();
            // Whether Stripe frees the items of a void invoice is not documented. A free one is not on the invoice.
            let is_free = line.invoice_item().is_some() && item.is_none();
            let is_usage = prices.of(line).is_some_and(Price::is_metered);
            let is_older = || item.is_some_and(|item| is_older(item, line, invoice));
            if line.amount == 0 || is_free || !(is_usage || is_older()) {
                continue;
            }
            let mut one = Self::of(line, item, invoice);
            if let Some(product) = line.product().filter(|_| is_taxed_automatically(invoice)) {
                one.tax_code = tax_code(stripe, product).await?;
            }
            lines.push(one);
        }
        Ok(lines)
    }

    fn of(line: &Line, item: Option<&Item>, invoice: &Invoice) -> Self {
        let ids = |discounts: &[Expandable<Id>]| {
            discounts.iter().map(|discount| discount.id().to_owned()).collect::<Vec<_>>()
        };
        let of_item = item.and_then(|item| item.discounts.as_deref());
        let rates = item.map(|item| item.tax_rates.iter().map(|rate| rate.id.clone()).collect());
        let is_automatic = is_taxed_automatically(invoice);
        let is_discountable = line.discountable != Some(false);
        let mut metadata = item.and_then(|item| item.metadata.clone()).unwrap_or_default();
        metadata.insert(LINE_KEY.to_owned(), line.id.clone());
        Self {
            id: line.id.clone(),
            amount: line.amount,
            currency: invoice.currency.as_str().to_owned(),
            description: line.description.clone(),
            period: (line.period.start.seconds(), line.period.end.seconds()),
            discountable: line.discountable,
            discounts: if is_discountable {
                ids(of_item.unwrap_or(&line.discounts))
            } else {
                Vec::new()
            },
            // Stripe refuses tax rates where it computes the tax.
            tax_rates: rates.filter(|_| !is_automatic).unwrap_or_default(),
            tax_behavior: line
                .taxes
                .iter()
                .flatten()
                .map(|tax| tax.tax_behavior)
                .next()
                .filter(|_| is_automatic),
            tax_code: None,
            metadata,
        }
    }

    /// Returns the item with which a preview counts this line. Its metadata is left out.
    pub(super) fn preview_item(&self) -> PreviewItem {
        let Ok(currency) = self.currency.parse::<stripe_types::Currency>();
        let mut item = PreviewItem::new();
        item.amount = Some(self.amount);
        item.currency = Some(currency);
        item.description.clone_from(&self.description);
        item.discountable = self.discountable;
        item.period = Some(PreviewPeriod { start: self.period.0, end: self.period.1 });
        item.tax_code.clone_from(&self.tax_code);
        item.tax_behavior = self.tax_behavior.map(|behavior| match behavior {
            TaxBehavior::Exclusive => PreviewTaxBehavior::Exclusive,
            TaxBehavior::Inclusive => PreviewTaxBehavior::Inclusive,
        });
        item.tax_rates = Some(self.tax_rates.clone()).filter(|rates| !rates.is_empty());
        let discount = |id: &String| {
            let mut discount = PreviewDiscount::new();
            discount.discount = Some(id.clone());
            discount
        };
        let discounts = self.discounts.iter().map(discount).collect::<Vec<_>>();
        item.discounts = Some(discounts).filter(|discounts| !discounts.is_empty());
        item
    }

    /// Returns the request that restores the line, always with the same bytes.
    fn request(&self, customer: &str, subscription: &str) -> RequestBuilder {
        let Ok(currency) = self.currency.parse::<stripe_types::Currency>();
        let mut create = CreateInvoiceItem::new()
            .customer(customer)
            .subscription(subscription)
            .amount(self.amount)
            .currency(currency)
            .period(Period { start: self.period.0, end: self.period.1 });
        if let Some(discountable) = self.discountable {
            create = create.discountable(discountable);
        }
        if let Some(description) = &self.description {
            create = create.description(description.as_str());
        }
        if !self.tax_rates.is_empty() {
            create = create.tax_rates(self.tax_rates.clone());
        }
        if let Some(behavior) = self.tax_behavior {
            create = create.tax_behavior(match behavior {
                TaxBehavior::Exclusive => CreateInvoiceItemTaxBehavior::Exclusive,
                TaxBehavior::Inclusive => CreateInvoiceItemTaxBehavior::Inclusive,
            });
        }
        if let Some(code) = &self.tax_code {
            create = create.tax_code(code.as_str());
        }
        if !self.discounts.is_empty() {
            let discount = |id: &String| {
                let mut discount = DiscountsDataParam::new();
                discount.discount = Some(id.clone());
                discount
            };
            create = create.discounts(self.discounts.iter().map(discount).collect::<Vec<_>>());
        }
        let mut request = create.build();
        let pairs = self.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        add_metadata(&mut request, "metadata", pairs);
        request
    }
}

fn is_taxed_automatically(invoice: &Invoice) -> bool {
    invoice.automatic_tax.as_ref().is_some_and(|tax| tax.enabled)
}

/// Returns whether the item waited before the change. The change's own items are prorations, created with its invoice.
fn is_older(item: &Item, line: &Line, invoice: &Invoice) -> bool {
    !line.is_proration() || item.date < invoice.created || item.line().is_some()
}

async fn tax_code(stripe: &Stripe, product: &str) -> Result<Option<String>, StripeError> {
    let product: TaxCode = stripe.send(&RetrieveProduct::new(product)).await?;
    Ok(product.tax_code.map(|code| code.id().to_owned()))
}

/// Restores the lines of a void invoice, each once, however many requests do. A line that Stripe refuses is logged and
/// counted.
///
/// # Errors
/// [`StripeError`], and then it has to be repeated.
pub async fn restore(
    stripe: &Stripe,
    customer: &str,
    subscription: &Subscription,
    invoice: &Invoice,
) -> Result<(), StripeError> {
    let lines = RestorableLine::load(stripe, subscription, invoice).await?;
    if lines.is_empty() {
        return Ok(());
    }
    let restored = restored_since(stripe, customer, invoice).await?;
    for line in lines.iter().filter(|line| !restored.contains(&line.id)) {
        let request = || line.request(customer, &subscription.id);
        // Every request that restores the line uses the same key.
        let key = format!("restore-{}", line.id);
        let mut outcome = stripe.send_built::<Id>(request(), Some(key.clone())).await;
        if outcome.as_ref().is_err_and(StripeError::is_replayed_failure) {
            // Stripe says that for a day, and the item may be there all the same.
            if restored_since(stripe, customer, invoice).await?.contains(&line.id) {
                continue;
            }
            outcome = stripe.send_built(request(), Some(format!("{key}-again"))).await;
        }
        match outcome {
            Ok(_) => {}
            Err(error) if matches!(error.status(), Some(400 | 402 | 404)) => {
                stripe.count_incomplete();
                tracing::error!(invoice = invoice.id, line = line.id, amount = line.amount, %error, "a line of a dropped plan change was not restored");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns the lines of the invoice that were restored.
async fn restored_since(
    stripe: &Stripe,
    customer: &str,
    invoice: &Invoice,
) -> Result<Vec<String>, StripeError> {
    let since = RangeQueryTs::gte(invoice.created.seconds());
    let list = ListInvoiceItem::new().customer(customer).created(since).limit(MAX_PAGE);
    let items = stripe.all::<Item>(&list).await?;
    Ok(items.iter().filter_map(Item::line).cloned().collect())
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use serde_json::{Value, json};

    use super::*;

    fn line(amount: i64, item: Option<&str>, proration: bool, change: &Value) -> Line {
        let details =
            json!({ "subscription_item": "si_1", "invoice_item": item, "proration": proration });
        let line = json!({
            "id": "il_1", "amount": amount, "description": "What it is", "discountable": true,
            "discounts": ["di_line"], "taxes": null, "period": { "start": 10, "end": 20 },
            "parent": { "subscription_item_details": details, "invoice_item_details": null },
            "pricing": { "price_details": { "price": "price_1", "product": "prod_1" } },
        });
        view(with(line, change))
    }

    fn invoice(change: &Value) -> Invoice {
        let change = with(json!({ "created": 100 }), change);
        view(with(fixtures::invoice("in_1", "void", 0), &change))
    }

    fn item(change: &Value) -> Item {
        view(with(json!({ "id": "ii_1", "date": 99 }), change))
    }

    #[test]
    fn own_items_of_the_change_are_prorations_of_its_invoice() {
        // item, proration → waited before the change
        let cases = [
            (json!({ "date": 99 }), true, true),
            (json!({ "date": 100 }), true, false),
            (json!({ "date": 100 }), false, true),
            (json!({ "date": 100, "metadata": { "cantila_line": "il_0" } }), true, true),
        ];
        for (change, proration, expected) in cases {
            let line = line(5, Some("ii_1"), proration, &json!({}));
            assert_eq!(is_older(&item(&change), &line, &invoice(&json!({}))), expected, "{change}");
        }
    }

    #[test]
    fn line_is_restored_as_it_was() {
        let body = |line: &Line, item: Option<&Item>, invoice: &Invoice| {
            let restorable = RestorableLine::of(line, item, invoice);
            restorable.request("cus_1", "sub_1").body.expect("a body")
        };
        let start = "amount=240&currency=usd&customer=cus_1&description=What+it+is";
        let end = "&period[end]=20&period[start]=10&subscription=sub_1";
        let mark = "&metadata%5Bcantila_line%5D=il_1";
        let usage = line(240, None, false, &json!({}));
        assert_eq!(
            body(&usage, None, &invoice(&json!({}))),
            format!("{start}&discountable=true&discounts[0][discount]=di_line{end}{mark}")
        );
        let waited = item(&json!({
            "tax_rates": [{ "id": "txr_1" }], "discounts": ["di_item"],
            "metadata": { "theirs": "stays", "cantila_line": "il_0" },
        }));
        let of_item = line(240, Some("ii_1"), false, &json!({}));
        assert_eq!(
            body(&of_item, Some(&waited), &invoice(&json!({}))),
            format!(
                "{start}&discountable=true&discounts[0][discount]=di_item{end}&tax_rates[0]=txr_1{mark}&metadata%5Btheirs%5D=stays"
            )
        );
        let taxed = json!({ "discountable": false, "taxes": [{ "amount": 1, "tax_behavior": "inclusive", "tax_rate_details": null }] });
        let automatic =
            invoice(&json!({ "automatic_tax": { "enabled": true, "status": "complete" } }));
        assert_eq!(
            body(&line(240, Some("ii_1"), false, &taxed), Some(&waited), &automatic),
            format!(
                "{start}&discountable=false{end}&tax_behavior=inclusive{mark}&metadata%5Btheirs%5D=stays"
            )
        );
    }
}
