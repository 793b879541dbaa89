//! Reads that several endpoints share.

use ::stripe::StripeRequest;
use stripe_billing::billing_meter::ListBillingMeter;
use stripe_billing::billing_meter_event_summary::{
    ListIdBillingMeterEventSummary, ListIdBillingMeterEventSummaryValueGroupingWindow as Window,
};
use stripe_billing::invoice::{CreatePreviewInvoice, ListInvoice, RetrieveInvoice};
use stripe_billing::invoice_line_item::ListInvoiceInvoiceLineItem;
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_billing::subscription_item::ListSubscriptionItem;
use stripe_client_core::RequestBuilder;
use stripe_core::customer::RetrieveCustomer;
use stripe_core::payment_intent::{ListPaymentIntent, RetrievePaymentIntent};
use stripe_product::price::RetrievePrice;

use super::client::{Stripe, View};
use super::errors::StripeError;
use super::views::{
    Customer, HasId, Invoice, InvoicePayment, List, MaybeCustomer, Meter, MeterSummary,
    PaymentDetails, PaymentIntent, Price, Subscription,
};
use crate::values::{Currency, Mode, Timestamp};

/// Length of Stripe's longest page.
pub const MAX_PAGE: i64 = 100;

/// Largest number of concurrent calls for the objects of one list. More would use up Stripe's rate limit.
pub const PARALLEL: usize = 5;

/// Largest number of pages read of one list: more than any account has.
const MAX_PAGES: usize = 100;

/// Objects that are read along with a customer and its subscriptions. Each needs a permission of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Details {
    None,
    PaymentMethod,
    Discounts,
}

impl Details {
    fn of_subscriptions(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::PaymentMethod => Some("data.default_payment_method"),
            Self::Discounts => Some("data.discounts.source.coupon"),
        }
    }

    fn of_customer(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::PaymentMethod => &["invoice_settings.default_payment_method", "tax"],
            Self::Discounts => &["discount.source.coupon"],
        }
    }
}

fn expand(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// Returns the request for the page after the object `id`.
fn after(request: &impl StripeRequest, id: &str) -> RequestBuilder {
    let mut request = request.build();
    let query = request.query.take().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("{query}&")).unwrap_or_default();
    // Operators choose the IDs of products and old prices, so they need encoding.
    let id = form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
    request.query = Some(format!("{query}starting_after={id}"));
    request
}

impl Stripe {
    /// Returns all pages of a list.
    ///
    /// # Errors
    /// [`StripeError`], also for a list longer than 100 pages.
    pub async fn all<T: View + HasId>(
        &self,
        request: &impl StripeRequest,
    ) -> Result<Vec<T>, StripeError> {
        let mut page: List<T> = self.send(request).await?;
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            all.append(&mut page.data);
            let Some(last) = all.last().filter(|_| page.has_more) else { return Ok(all) };
            page = self.send_built(after(request, last.id()), None).await?;
            // An empty page that claims more would repeat without end.
            page.has_more &= !page.data.is_empty();
        }
        Err(StripeError::Malformed {
            request_id: "a list".to_owned(),
            reason: "it has more than 100 pages".to_owned(),
        })
    }

    /// Returns all subscriptions of a customer with all their items, ended ones included, newest first.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn subscriptions(
        &self,
        customer: &str,
        details: Details,
    ) -> Result<Vec<Subscription>, StripeError> {
        let mut paths = expand(&["data.latest_invoice.payments", "data.schedule"]);
        paths.extend(details.of_subscriptions().map(str::to_owned));
        if self.mode().await? == Mode::Test {
            // Test clocks exist in test mode only, so a live key needs no permission to read them.
            paths.push("data.test_clock".to_owned());
        }
        let list = ListSubscription::new()
            .customer(customer)
            .status(ListSubscriptionStatus::All)
            .limit(MAX_PAGE)
            .expand(paths);
        let mut subscriptions: Vec<Subscription> = self.all(&list).await?;
        for subscription in &mut subscriptions {
            self.complete_items(subscription).await?;
            subscription.past = self.past();
        }
        Ok(subscriptions)
    }

    /// Replaces the items by all of them: an embedded list has ten, and a plan with add-ons can exceed that.
    async fn complete_items(&self, subscription: &mut Subscription) -> Result<(), StripeError> {
        if !subscription.items.has_more {
            return Ok(());
        }
        let id = subscription.id.as_str();
        let list = ListSubscriptionItem::new(id).limit(MAX_PAGE);
        subscription.items = List { data: self.all(&list).await?, has_more: false };
        Ok(())
    }

    /// Returns the customer; `None` if it was deleted.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn customer(
        &self,
        id: &str,
        details: Details,
    ) -> Result<Option<Customer>, StripeError> {
        let request = RetrieveCustomer::new(id).expand(expand(details.of_customer()));
        Ok(match self.send(&request).await? {
            MaybeCustomer::Existing(customer) => Some(*customer),
            MaybeCustomer::Deleted(_) => None,
        })
    }

    /// Returns a price, archived or not, with its amounts in all currencies, and its tiers in `currency`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn price(&self, id: &str, currency: Currency) -> Result<Price, StripeError> {
        let tiers = format!("currency_options.{}.tiers", currency.as_str());
        let paths = expand(&["tiers", "currency_options", &tiers]);
        self.send(&RetrievePrice::new(id).expand(paths)).await
    }

    /// Returns the preview of a subscription's next invoice with all its lines; `None` if nothing will
    /// be billed again.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn next_invoice(&self, subscription: &str) -> Result<Option<Invoice>, StripeError> {
        let preview = CreatePreviewInvoice::new().subscription(subscription);
        match self.preview(&preview).await {
            Ok(invoice) => Ok(Some(invoice)),
            Err(error) if error.code() == Some("invoice_upcoming_none") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns an invoice with all its lines, and with its payments.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn invoice(&self, id: &str) -> Result<Invoice, StripeError> {
        let request = RetrieveInvoice::new(id).expand(expand(&["payments"]));
        let mut invoice: Invoice = self.send(&request).await?;
        self.complete_lines(&mut invoice).await?;
        Ok(invoice)
    }

    /// Returns a preview with all its lines.
    ///
    /// # Errors
    /// [`StripeError`]; [`StripeError::NoTaxLocation`] instead of a preview without its tax.
    pub async fn preview(&self, preview: &CreatePreviewInvoice) -> Result<Invoice, StripeError> {
        let mut invoice: Invoice = self.send(preview).await?;
        if invoice.lacks_tax() {
            return Err(StripeError::NoTaxLocation);
        }
        self.complete_lines(&mut invoice).await?;
        Ok(invoice)
    }

    /// Replaces the embedded ten lines by all of them, read from the start: the IDs of a preview's lines
    /// are valid in one response only, so a list cannot continue after them.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn complete_lines(&self, invoice: &mut Invoice) -> Result<(), StripeError> {
        if !invoice.lines.has_more {
            return Ok(());
        }
        let id = invoice.id.as_str();
        let list = ListInvoiceInvoiceLineItem::new(id).limit(MAX_PAGE);
        invoice.lines = List { data: self.all(&list).await?, has_more: false };
        Ok(())
    }

    /// Returns all open invoices of a customer with their payments, newest first.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn open_invoices(&self, customer: &str) -> Result<Vec<Invoice>, StripeError> {
        let list = ListInvoice::new()
            .customer(customer)
            .status(stripe_shared::InvoiceStatus::Open)
            .limit(MAX_PAGE)
            .expand(expand(&["data.payments"]));
        self.all(&list).await
    }

    /// Returns all payments of an invoice.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn payments(&self, invoice: &str) -> Result<Vec<InvoicePayment>, StripeError> {
        self.all(&ListInvoicePayment::new().invoice(invoice).limit(MAX_PAGE)).await
    }

    /// Returns all payments of an invoice with their `PaymentIntent`s.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn payment_details(&self, invoice: &str) -> Result<Vec<PaymentDetails>, StripeError> {
        let list = ListInvoicePayment::new().invoice(invoice).limit(MAX_PAGE);
        self.all(&list.expand(expand(&["data.payment.payment_intent"]))).await
    }

    /// Returns the hundred newest `PaymentIntent`s of a customer.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn newest_intents(&self, customer: &str) -> Result<Vec<PaymentIntent>, StripeError> {
        let list = ListPaymentIntent::new().customer(customer).limit(MAX_PAGE);
        Ok(self.send::<List<PaymentIntent>>(&list).await?.data)
    }

    /// Returns a `PaymentIntent`.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn payment_intent(&self, id: &str) -> Result<PaymentIntent, StripeError> {
        self.send(&RetrievePaymentIntent::new(id)).await
    }

    /// Returns all meters, inactive ones too.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn meters(&self) -> Result<Vec<Meter>, StripeError> {
        self.all(&ListBillingMeter::new().limit(MAX_PAGE)).await
    }

    /// Returns a customer's usage of a meter from `from` until before `to`, which are whole minutes: as one quantity, or
    /// `by_day`, for which they are the starts of UTC days. Days without usage may be missing.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn usage(
        &self,
        meter: &str,
        customer: &str,
        (from, to): (Timestamp, Timestamp),
        by_day: bool,
    ) -> Result<Vec<MeterSummary>, StripeError> {
        let list =
            ListIdBillingMeterEventSummary::new(meter, customer, to.seconds(), from.seconds());
        let list = list.limit(MAX_PAGE);
        self.all(&if by_day { list.value_grouping_window(Window::Day) } else { list }).await
    }

    /// Returns the mode of the key in use.
    ///
    /// # Errors
    /// [`StripeError::Secret`].
    pub async fn mode(&self) -> Result<Mode, StripeError> {
        Ok(self.secret.keys().await?.mode)
    }
}
