//! All that a decision about an account's plan rests on, read from Stripe at once.

use crate::catalog::{Catalog, Offer, Tiers};
use crate::respond::Currency;
use crate::runtime::Call;
use crate::stripe::StripeError;
use crate::stripe::views::{Customer, Subscription};
use crate::subscription::Current;

/// What is sold, and what the account has.
pub struct Situation {
    /// None where the account has no Stripe customer yet.
    pub customer: Option<Customer>,
    /// Newest first, ended ones too.
    pub subscriptions: Vec<Subscription>,
    pub tiers: Tiers,
    /// The plans as they are sold in `currency`.
    pub offers: Vec<Offer>,
    /// The subscription's, else the customer's, else the default.
    pub currency: Currency,
}

impl Situation {
    /// Reads it: one round trip to Stripe; one more for customers who are billed in another
    /// currency than the catalogue's own, whose allowances and prices by use have to be asked for.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(call: &Call) -> Result<Self, StripeError> {
        let (mut catalog, tiers, (customer, subscriptions)) = tokio::try_join!(
            Catalog::load(&call.stripe, None),
            Tiers::load(&call.stripe),
            customer(call)
        )?;
        let current = Current::of(&subscriptions, &tiers);
        let known = currency(current.as_ref(), customer.as_ref());
        let currency = known.unwrap_or(call.config().default_currency);
        if catalog.lacks_tiers(currency) {
            catalog = Catalog::load(&call.stripe, Some(currency)).await?;
        }
        Ok(Self { customer, subscriptions, tiers, offers: catalog.offers(currency), currency })
    }

    /// The subscription that the account is on.
    #[must_use]
    pub fn current(&self) -> Option<Current<'_>> {
        Current::of(&self.subscriptions, &self.tiers)
    }
}

/// The subscription's, else the customer's.
fn currency(current: Option<&Current<'_>>, customer: Option<&Customer>) -> Option<Currency> {
    let of_subscription = current.map(|current| current.subscription.currency);
    of_subscription.or(customer.and_then(|customer| customer.currency))
}

async fn customer(call: &Call) -> Result<(Option<Customer>, Vec<Subscription>), StripeError> {
    let Some(id) = call.customer() else { return Ok((None, Vec::new())) };
    let (customer, subscriptions) =
        tokio::try_join!(call.stripe.customer(id), call.stripe.subscriptions(id))?;
    Ok((Some(customer), subscriptions))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_currency_is_the_subscriptions_else_the_customers() {
        let customer: Customer =
            serde_json::from_value(json!({ "id": "cus_1", "currency": "eur" })).unwrap();
        let subscription: Subscription = serde_json::from_value(json!({
            "id": "sub_1", "status": "active", "currency": "usd", "created": 0, "collection_method": "charge_automatically",
            "cancel_at_period_end": false, "items": { "data": [], "has_more": false },
        }))
        .unwrap();
        let (subscriptions, tiers) = ([subscription], Tiers::default());
        let current = Current::of(&subscriptions, &tiers);
        let code =
            |current, customer| currency(current, customer).map(|currency| currency.to_string());
        assert_eq!(code(current.as_ref(), Some(&customer)).as_deref(), Some("USD"));
        assert_eq!(code(None, Some(&customer)).as_deref(), Some("EUR"));
        assert_eq!(code(None, None), None);
    }
}
