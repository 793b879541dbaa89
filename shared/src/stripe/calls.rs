//! Reads that several endpoints share.

use ::stripe::StripeRequest;
use serde::de::DeserializeOwned;
use stripe_billing::invoice::{CreatePreviewInvoice, ListInvoice, RetrieveInvoice};
use stripe_billing::invoice_line_item::ListInvoiceInvoiceLineItem;
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_billing::subscription_item::ListSubscriptionItem;
use stripe_client_core::RequestBuilder;
use stripe_core::customer::RetrieveCustomer;

use super::client::Stripe;
use super::errors::StripeError;
use super::views::{Customer, HasId, Invoice, InvoicePayment, List, Subscription};
use crate::values::Mode;

/// Length of Stripe's longest page.
pub const MAX_PAGE: i64 = 100;

/// Largest number of concurrent calls for the objects of one list. More would use up Stripe's rate limit.
pub const PARALLEL: usize = 5;

/// Largest number of pages read of one list: more than any account has.
const MAX_PAGES: usize = 100;

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
    pub async fn all<T: DeserializeOwned + HasId>(
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
    pub async fn subscriptions(&self, customer: &str) -> Result<Vec<Subscription>, StripeError> {
        let mut paths = expand(&["data.latest_invoice", "data.schedule"]);
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

    /// Returns the customer with its default payment method.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn customer(&self, id: &str) -> Result<Customer, StripeError> {
        self.send(&RetrieveCustomer::new(id)).await
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

    /// Returns an invoice with all its lines.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn invoice(&self, id: &str) -> Result<Invoice, StripeError> {
        let mut invoice: Invoice = self.send(&RetrieveInvoice::new(id)).await?;
        self.complete_lines(&mut invoice).await?;
        Ok(invoice)
    }

    /// Returns a preview with all its lines.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn preview(&self, preview: &CreatePreviewInvoice) -> Result<Invoice, StripeError> {
        let mut invoice: Invoice = self.send(preview).await?;
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

    /// Returns all open invoices of a customer, newest first.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn open_invoices(&self, customer: &str) -> Result<Vec<Invoice>, StripeError> {
        let list = ListInvoice::new()
            .customer(customer)
            .status(stripe_shared::InvoiceStatus::Open)
            .limit(MAX_PAGE);
        self.all(&list).await
    }

    /// Returns the payments of an invoice with their `PaymentIntent`s.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn payments(&self, invoice: &str) -> Result<List<InvoicePayment>, StripeError> {
        let list = ListInvoicePayment::new().invoice(invoice).limit(MAX_PAGE);
        self.send(&list.expand(expand(&["data.payment.payment_intent"]))).await
    }

    /// Returns the mode of the key in use.
    ///
    /// # Errors
    /// [`StripeError::Secret`].
    pub async fn mode(&self) -> Result<Mode, StripeError> {
        Ok(self.secret.keys().await?.mode)
    }
}
