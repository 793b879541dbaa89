//! The billing state: everything that a decision about an account's plan depends on.

use super::catalog::{Catalog, Offer, Tiers};
use super::payment::Payment;
use super::payment_method::DefaultPaymentMethod;
use super::price::PriceShape;
use super::subscription::Current;
use crate::stripe::views::{Customer, Price, Subscription};
use crate::stripe::{Details, Stripe, StripeError};
use crate::values::Currency;

/// The offered plans, and the account's customer and subscriptions.
pub struct BillingState {
    /// `None` if the account has no Stripe customer, or a deleted one.
    pub customer: Option<Customer>,
    /// All subscriptions, ended ones included, newest first.
    pub subscriptions: Vec<Subscription>,
    pub tiers: Tiers,
    /// The plans that are offered in `currency`, by monthly amount.
    pub offers: Vec<Offer>,
    /// The subscription's currency, else the customer's, else the default.
    pub currency: Currency,
    /// The payment of the current subscription's latest invoice.
    pub payment: Payment,
}

impl BillingState {
    /// Reads the state in one round trip to Stripe. Customers in another currency than the catalog's own cost a second
    /// one, because their allowances and unit prices need an expansion. So do an unpaid latest invoice, and an archived
    /// price with tiers, which neither a subscription nor the catalog has.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn load(
        stripe: &Stripe,
        customer: Option<&str>,
        default_currency: Currency,
    ) -> Result<Self, StripeError> {
        let (mut catalog, tiers, (found, mut subscriptions)) = tokio::try_join!(
            Catalog::load(stripe, None),
            Tiers::load(stripe),
            load_customer(stripe, customer)
        )?;
        let current = Current::of(&subscriptions, &tiers);
        let currency = currency(current.as_ref(), found.as_ref()).unwrap_or(default_currency);
        let incomplete = current.as_ref().and_then(incomplete_price);
        if catalog.lacks_amounts(currency) {
            catalog = Catalog::load(stripe, Some(currency)).await?;
            if catalog.lacks_amounts(currency) {
                return Err(malformed("the prices"));
            }
        }
        let unpaid = current.as_ref().and_then(Current::unpaid_invoice);
        let payment = match (customer, unpaid) {
            (Some(customer), Some(invoice)) => Payment::load(stripe, customer, invoice).await?,
            _ => Payment::None,
        };
        if let Some(id) = incomplete {
            let known = catalog.price(&id, currency).cloned();
            let price = match known {
                Some(price) => price,
                None => stripe.price(&id, currency).await?,
            };
            PriceShape::of(&price, currency).ok_or_else(|| malformed("a price"))?;
            replace_price(&mut subscriptions, &price);
        }
        let own = Current::of(&subscriptions, &tiers).and_then(|current| current.own_price());
        let offers = catalog.offers(currency, own.as_ref());
        Ok(Self { customer: found, subscriptions, tiers, offers, currency, payment })
    }

    /// Returns the payment method that a charge of the current subscription would use.
    pub fn payment_method(&self) -> Option<DefaultPaymentMethod<'_>> {
        let subscription = self.current().map(|current| current.subscription);
        DefaultPaymentMethod::of(subscription, self.customer.as_ref())
    }

    /// Returns the current subscription.
    pub fn current(&self) -> Option<Current<'_>> {
        Current::of(&self.subscriptions, &self.tiers)
    }
}

/// Returns the ID of the current base price if the subscription does not have all of it: Stripe embeds
/// neither tiers nor amounts in other currencies.
fn incomplete_price(current: &Current<'_>) -> Option<String> {
    let plan = current.plan?;
    current.own_price().is_none().then(|| plan.item.price.id.clone())
}

fn replace_price(subscriptions: &mut [Subscription], price: &Price) {
    let items = subscriptions.iter_mut().flat_map(|subscription| &mut subscription.items.data);
    for item in items.filter(|item| item.price.id == price.id) {
        item.price = price.clone();
    }
}

fn malformed(object: &str) -> StripeError {
    let reason = "a price has no amounts".to_owned();
    StripeError::Malformed { request_id: object.to_owned(), reason }
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
    let details = Details::PaymentMethod;
    tokio::try_join!(stripe.customer(id, details), stripe.subscriptions(id, details))
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::json;

    use super::*;

    #[test]
    fn currency_is_the_subscriptions_else_the_customers() {
        let customer: Customer =
            view(fixtures::with(fixtures::customer("cus_1"), &json!({ "currency": "eur" })));
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
