//! The prices of an invoice's lines. They tell which plan and which meter a line bills.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join_all;
use stripe_product::price::RetrievePrice;

use super::catalog::{Tiers, meter_of};
use crate::stripe::views::{Invoice, Line, Price, Subscription};
use crate::stripe::{PARALLEL, Stripe, StripeError};
use crate::values::is_path_segment;

/// Prices by ID: known ones, such as those of a subscription's items, and those that were read.
pub struct LinePrices<'a> {
    known: HashMap<&'a str, &'a Price>,
    others: HashMap<String, Price>,
}

impl<'a> LinePrices<'a> {
    /// Returns the prices of the subscription's items.
    pub fn of_items(subscription: &'a Subscription) -> Self {
        Self::known(subscription.items.data.iter().map(|item| &item.price))
    }

    /// Returns known prices, such as those of the catalog.
    pub fn known(prices: impl Iterator<Item = &'a Price>) -> Self {
        Self {
            known: prices.map(|price| (price.id.as_str(), price)).collect(),
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
        Self::of_items(subscription).with_others(stripe, invoice, known).await
    }

    /// Reads the prices of the invoice's lines that are neither here nor `known`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn with_others(
        mut self,
        stripe: &Stripe,
        invoice: &Invoice,
        known: &[&str],
    ) -> Result<Self, StripeError> {
        let unread: BTreeSet<&str> = (invoice.lines.data.iter().filter_map(Line::price))
            .filter(|id| !self.known.contains_key(id) && !known.contains(id))
            .collect();
        let unread: Vec<&str> = unread.into_iter().collect();
        for some in unread.chunks(PARALLEL) {
            let reads: Vec<_> = some.iter().map(|id| retrieve(stripe, id)).collect();
            let read = try_join_all(reads).await?.into_iter().flatten();
            self.others.extend(read.map(|price| (price.id.clone(), price)));
        }
        Ok(self)
    }

    /// Returns the price of a line.
    pub fn of(&self, line: &Line) -> Option<&Price> {
        let id = line.price()?;
        self.known.get(id).copied().or_else(|| self.others.get(id))
    }

    /// Returns the tier of the plan that a line bills: that of its price, else of its product.
    pub fn plan<'p>(&'p self, line: &'p Line, tiers: &'p Tiers) -> Option<&'p str> {
        match self.of(line) {
            Some(price) => tiers.of(price),
            None => tiers.of_product(line.product()?),
        }
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
