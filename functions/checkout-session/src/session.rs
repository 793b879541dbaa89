//! Checkout Sessions: the request to Stripe, and the response.

use std::collections::HashMap;

use serde::Serialize;
use shared::billing::catalog::Offer;
use shared::stripe::add_attribution;
use shared::stripe::views::CheckoutSession;
use shared::values::{Attribution, sha256_hex};
use shared::{CheckoutForm, DateTime};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAutomaticTax as AutomaticTax,
    CreateCheckoutSessionCustomerUpdate as CustomerUpdate,
    CreateCheckoutSessionCustomerUpdateAddress as UpdateAddress,
    CreateCheckoutSessionCustomerUpdateName as UpdateName, CreateCheckoutSessionDiscounts,
    CreateCheckoutSessionLineItems as LineItem,
    CreateCheckoutSessionPaymentMethodCollection as Collection,
    CreateCheckoutSessionTaxIdCollection as TaxIds,
};
use stripe_client_core::{RequestBuilder, StripeRequest as _};
use stripe_shared::CheckoutSessionBillingAddressCollection as AddressCollection;

use crate::params::{UiMode, Urls};

/// Metadata key of a session for the fingerprint of its request.
const FINGERPRINT_KEY: &str = "cantila_made_for";

/// Everything that a session depends on.
pub struct SessionRequest<'a> {
    pub account: &'a str,
    pub customer: &'a str,
    pub offer: &'a Offer,
    pub urls: &'a Urls,
    pub automatic_tax: bool,
    pub form: CheckoutForm,
    /// ID of the promotion code to apply.
    pub promotion_code: Option<&'a str>,
    pub attribution: &'a Attribution,
}

impl SessionRequest<'_> {
    /// Returns the same text for equal sessions. A hash, because URLs can exceed the 500 characters of a
    /// metadata value.
    fn fingerprint(&self) -> String {
        let prices: Vec<_> =
            self.offer.metered.iter().map(|metered| metered.price.as_str()).collect();
        let text = format!(
            "{} {} {:?} {} {:?} {:?}",
            self.offer.price,
            prices.join(" "),
            self.urls,
            self.automatic_tax,
            self.form,
            self.promotion_code
        );
        sha256_hex(text)
    }

    /// Returns whether an open session is equal and can be returned again.
    pub fn is_same(&self, session: &CheckoutSession) -> bool {
        let made_for = session.metadata.as_ref().and_then(|metadata| metadata.get(FINGERPRINT_KEY));
        made_for.is_some_and(|made_for| *made_for == self.fingerprint())
    }

    /// Returns the request that creates the session.
    pub fn request(&self) -> RequestBuilder {
        let mut request = self.session().build();
        add_attribution(&mut request, "metadata", self.attribution);
        // Stripe does not copy the session's metadata to the subscription.
        add_attribution(&mut request, "subscription_data[metadata]", self.attribution);
        request
    }

    fn session(&self) -> CreateCheckoutSession {
        let create = CreateCheckoutSession::new()
            .mode(stripe_shared::CheckoutSessionMode::Subscription)
            .customer(self.customer)
            .client_reference_id(self.account)
            .line_items(self.line_items())
            .metadata(HashMap::from([(FINGERPRINT_KEY.to_owned(), self.fingerprint())]))
            .payment_method_collection(if self.offer.amount.minor == 0 {
                Collection::IfRequired
            } else {
                Collection::Always
            });
        let create = match self.urls {
            Urls::Hosted { success, cancel } => {
                let create = create
                    .ui_mode(stripe_shared::CheckoutSessionUiMode::HostedPage)
                    .success_url(success.as_str());
                match cancel {
                    Some(cancel) => create.cancel_url(cancel.as_str()),
                    None => create,
                }
            }
            Urls::Embedded { back } => create
                .ui_mode(stripe_shared::CheckoutSessionUiMode::EmbeddedPage)
                .return_url(back.as_str()),
        };
        self.with_form(create)
    }

    /// Adds what the page asks the customer for, and the discount.
    fn with_form(&self, mut create: CreateCheckoutSession) -> CreateCheckoutSession {
        if self.automatic_tax {
            create = create.automatic_tax(AutomaticTax::new(true));
        }
        if self.form.tax_ids {
            create = create.tax_id_collection(TaxIds::new(true));
        }
        if self.form.billing_address {
            create = create.billing_address_collection(AddressCollection::Required);
        }
        if self.automatic_tax || self.form.tax_ids || self.form.billing_address {
            create = create.customer_update(customer_update());
        }
        match self.promotion_code {
            Some(code) => {
                let mut discount = CreateCheckoutSessionDiscounts::new();
                discount.promotion_code = Some(code.to_owned());
                create.discounts(vec![discount])
            }
            // Stripe refuses the two together, even if this one is false.
            None if self.form.promotion_codes => create.allow_promotion_codes(true),
            None => create,
        }
    }

    /// Returns all prices of the plan. Stripe refuses a quantity for metered ones.
    fn line_items(&self) -> Vec<LineItem> {
        let item = |price: &str, quantity: Option<u64>| {
            let mut item = LineItem::new();
            item.price = Some(price.to_owned());
            item.quantity = quantity;
            item
        };
        let metered = self.offer.metered.iter().map(|metered| item(&metered.price, None));
        std::iter::once(item(&self.offer.price, Some(1))).chain(metered).collect()
    }
}

/// Returns the permission to save what an existing customer enters. Stripe requires it for automatic tax (address) and tax
/// IDs (name), and otherwise keeps the address on the payment method only.
fn customer_update() -> CustomerUpdate {
    let mut update = CustomerUpdate::new();
    update.address = Some(UpdateAddress::Auto);
    update.name = Some(UpdateName::Auto);
    update
}

/// Body of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    url: Option<String>,
    id: String,
    expires_at: DateTime,
    ui_mode: UiMode,
    client_secret: Option<String>,
    publishable_key: Option<String>,
}

impl SessionResponse {
    /// `publishable_key` is Stripe's, which an embedding page needs.
    pub fn of(session: CheckoutSession, ui_mode: UiMode, publishable_key: Option<String>) -> Self {
        let embedded = ui_mode == UiMode::Embedded;
        Self {
            url: session.url.filter(|_| !embedded),
            id: session.id,
            expires_at: session.expires_at.date_time(),
            ui_mode,
            client_secret: session.client_secret.filter(|_| embedded),
            publishable_key,
        }
    }
}
