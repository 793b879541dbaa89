//! The billing state: everything that a decision about an account's plan depends on.

use super::catalog::{Catalog, Offer, Tiers};
use super::subscription::Current;
use crate::stripe::views::{Customer, Subscription};
use crate::stripe::{Stripe, StripeError};
use crate::values::Currency;

/// The offered plans, and the account's customer and subscriptions.
pub struct BillingState {
    /// `None` if the account has no Stripe customer yet.
    pub customer: Option<Customer>,
    /// All subscriptions, ended ones included, newest first.
    pub subscriptions: Vec<Subscription>,
    pub tiers: Tiers,
    /// The plans that are offered in `currency`.
    pub offers: Vec<Offer>,
    /// The subscription's currency, else the customer's, else the default.
    pub currency: Currency,
}

impl BillingState {
    /// Reads the state in one round trip to Stripe. Customers in another currency than the catalog's
    /// own cost a second one, because their allowances and unit prices need an expansion.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        customer: Option<&str>,
        default_currency: Currency,
    ) -> Result<Self, StripeError> {
        let (mut catalog, tiers, (customer, subscriptions)) = tokio::try_join!(
            Catalog::load(stripe, None),
            Tiers::load(stripe),
            load_customer(stripe, customer)
        )?;
        let current = Current::of(&subscriptions, &tiers);
        let currency = currency(current.as_ref(), customer.as_ref()).unwrap_or(default_currency);
        if catalog.lacks_tiers(currency) {
            catalog = Catalog::load(stripe, Some(currency)).await?;
        }
        Ok(Self { customer, subscriptions, tiers, offers: catalog.offers(currency), currency })
    }

    /// Returns the current subscription.
    pub fn current(&self) -> Option<Current<'_>> {
        Current::of(&self.subscriptions, &self.tiers)
    }
}

/// Returns the subscription's currency, else the customer's.
fn currency(current: Option<&Current<'_>>, customer: Option<&Customer>) -> Option<Currency> {
    let of_subscription = current.map(|current| current.subscription.currency);
    of_subscription.or(customer.and_then(|customer| customer.currency))
}

async fn load_customer(
    stripe: &Stripe,
    customer: Option<&str>,
) -> Result<(Option<Customer>, Vec<Subscription>), StripeError> {
    let Some(id) = customer else { return Ok((None, Vec::new())) };
    let (customer, subscriptions) =
        tokio::try_join!(stripe.customer(id), stripe.subscriptions(id))?;
    Ok((Some(customer), subscriptions))
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::json;

    use super::*;

    #[test]
    fn currency_is_the_subscriptions_else_the_customers() {
        let customer: Customer = view(json!({ "id": "cus_1", "currency": "eur" }));
        let subscriptions = [view(fixtures::subscription("sub_1", "active", &[]))];
        let tiers = Tiers::default();
        let current = Current::of(&subscriptions, &tiers);
        let code =
            |current, customer| currency(current, customer).map(|currency| currency.to_string());
        assert_eq!(code(current.as_ref(), Some(&customer)).as_deref(), Some("USD"));
        assert_eq!(code(None, Some(&customer)).as_deref(), Some("EUR"));
        assert_eq!(code(None, None), None);
    }
}
