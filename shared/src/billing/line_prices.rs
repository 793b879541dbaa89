//! The prices of an invoice's lines. They tell which plan and which meter a line bills.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join_all;
use stripe_product::price::RetrievePrice;

use super::catalog::meter_of;
use crate::stripe::views::{Invoice, Line, Price, Subscription};
use crate::stripe::{PARALLEL, Stripe, StripeError};
use crate::values::is_path_segment;

/// Prices by ID: those of a subscription's items, and those of lines that bill other prices.
pub struct LinePrices<'a> {
    of_items: HashMap<&'a str, &'a Price>,
    others: HashMap<String, Price>,
}

impl<'a> LinePrices<'a> {
    /// Returns the prices of the subscription's items.
    pub fn of_items(subscription: &'a Subscription) -> Self {
        let prices = subscription.items.data.iter().map(|item| &item.price);
        Self {
            of_items: prices.map(|price| (price.id.as_str(), price)).collect(),
            others: HashMap::new(),
        }
    }

    /// Returns the prices of the invoice's lines. Lines of a replaced price, and of invoice items, cost a
    /// round trip to Stripe, because a line contains only the ID of its price. `known` prices are not read.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        subscription: &'a Subscription,
        invoice: &Invoice,
        known: &[&str],
    ) -> Result<Self, StripeError> {
        let mut prices = Self::of_items(subscription);
        let unread: BTreeSet<&str> = (invoice.lines.data.iter().filter_map(Line::price))
            .filter(|id| !prices.of_items.contains_key(id) && !known.contains(id))
            .collect();
        let unread: Vec<&str> = unread.into_iter().collect();
        for some in unread.chunks(PARALLEL) {
            let reads: Vec<_> = some.iter().map(|id| retrieve(stripe, id)).collect();
            let read = try_join_all(reads).await?.into_iter().flatten();
            prices.others.extend(read.map(|price| (price.id.clone(), price)));
        }
        Ok(prices)
    }

    /// Returns the price of a line.
    pub fn of(&self, line: &Line) -> Option<&Price> {
        let id = line.price()?;
        self.of_items.get(id).copied().or_else(|| self.others.get(id))
    }

    /// Returns the name of the meter whose usage a line bills.
    pub fn meter(&self, line: &Line) -> Option<&str> {
        meter_of(self.of(line)?).map(String::as_str)
    }
}

/// Returns a price; `None` if it does not exist any more. Stripe can delete the prices that were created as
/// plans, and their IDs may be any text.
async fn retrieve(stripe: &Stripe, id: &str) -> Result<Option<Price>, StripeError> {
    if !is_path_segment(id) {
        return Ok(None);
    }
    match stripe.send(&RetrievePrice::new(id)).await {
        Ok(price) => Ok(Some(price)),
        Err(error) if error.code() == Some("resource_missing") => Ok(None),
        Err(error) => Err(error),
    }
}
