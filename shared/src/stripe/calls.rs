//! The reads that more than one endpoint makes.

use ::stripe::StripeRequest;
use serde::de::DeserializeOwned;
use stripe_billing::invoice::{CreatePreviewInvoice, ListInvoice, RetrieveInvoice};
use stripe_billing::invoice_line_item::ListInvoiceInvoiceLineItem;
use stripe_billing::invoice_payment::ListInvoicePayment;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_billing::subscription_item::ListSubscriptionItem;
use stripe_client_core::RequestBuilder;
use stripe_core::customer::RetrieveCustomer;

use super::views::{Customer, Invoice, InvoicePayment, List, Listed, Subscription};
use super::{Stripe, StripeError};
use crate::auth::Mode;

/// Stripe's longest page.
pub const LONGEST_PAGE: i64 = 100;

/// Pages of one list before it is given up: more than any account has, less than forever.
const MOST_PAGES: usize = 100;

fn expand(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// The same request, for what comes after `id`.
fn after(request: &impl StripeRequest, id: &str) -> RequestBuilder {
    let mut request = request.build();
    let query = request.query.take().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("{query}&")).unwrap_or_default();
    // Of a product or an old price whoever made it chose the id.
    let id = form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
    request.query = Some(format!("{query}starting_after={id}"));
    request
}

impl Stripe {
    /// Every page of a list, one after the other.
    ///
    /// # Errors
    /// [`StripeError`]; also for a list that does not end.
    pub async fn all<T: DeserializeOwned + Listed>(
        &self,
        request: &impl StripeRequest,
    ) -> Result<Vec<T>, StripeError> {
        let mut page: List<T> = self.send(request).await?;
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            all.append(&mut page.data);
            let Some(last) = all.last().filter(|_| page.has_more) else { return Ok(all) };
            page = self.send_built(after(request, last.id()), None).await?;
            // A page that promises more and has nothing would be asked for for ever.
            page.has_more &= !page.data.is_empty();
        }
        Err(StripeError::Nonsense {
            request_id: "a list".to_owned(),
            reason: "it does not end".to_owned(),
        })
    }

    /// Every subscription of a customer, ended ones too, newest first, with all their items.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn subscriptions(&self, customer: &str) -> Result<Vec<Subscription>, StripeError> {
        let mut paths = expand(&["data.latest_invoice", "data.schedule"]);
        if self.mode().await? == Mode::Test {
            // Only test mode has clocks; a live key need not be allowed to read them.
            paths.push("data.test_clock".to_owned());
        }
        let list = ListSubscription::new()
            .customer(customer)
            .status(ListSubscriptionStatus::All)
            .limit(LONGEST_PAGE)
            .expand(paths);
        let mut subscriptions: Vec<Subscription> = self.all(&list).await?;
        for subscription in &mut subscriptions {
            self.complete_items(subscription).await?;
        }
        Ok(subscriptions)
    }

    /// An embedded list is its first ten; a plan with add-ons can have more items.
    async fn complete_items(&self, subscription: &mut Subscription) -> Result<(), StripeError> {
        if !subscription.items.has_more {
            return Ok(());
        }
        let id = subscription.id.as_str();
        let list = ListSubscriptionItem::new(id).limit(LONGEST_PAGE);
        subscription.items = List { data: self.all(&list).await?, has_more: false };
        Ok(())
    }

    /// The customer, with what a charge would be made on.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn customer(&self, id: &str) -> Result<Customer, StripeError> {
        self.send(&RetrieveCustomer::new(id)).await
    }

    /// What the next invoice of a subscription would be now, with all its lines; `None` where
    /// nothing will be billed again.
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

    /// An invoice, with all its lines.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn invoice(&self, id: &str) -> Result<Invoice, StripeError> {
        let mut invoice: Invoice = self.send(&RetrieveInvoice::new(id)).await?;
        self.complete_lines(&mut invoice).await?;
        Ok(invoice)
    }

    /// A preview, with all its lines.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn preview(&self, preview: &CreatePreviewInvoice) -> Result<Invoice, StripeError> {
        let mut invoice: Invoice = self.send(preview).await?;
        self.complete_lines(&mut invoice).await?;
        Ok(invoice)
    }

    /// An invoice's embedded lines are the first ten. They are asked for anew from the start: the
    /// ids of a preview's lines are made up for one answer and cannot be continued after in the next.
    async fn complete_lines(&self, invoice: &mut Invoice) -> Result<(), StripeError> {
        if !invoice.lines.has_more {
            return Ok(());
        }
        let id = invoice.id.as_str();
        let list = ListInvoiceInvoiceLineItem::new(id).limit(LONGEST_PAGE);
        invoice.lines = List { data: self.all(&list).await?, has_more: false };
        Ok(())
    }

    /// Every open invoice of a customer, newest first.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn open_invoices(&self, customer: &str) -> Result<Vec<Invoice>, StripeError> {
        let list = ListInvoice::new()
            .customer(customer)
            .status(stripe_shared::InvoiceStatus::Open)
            .limit(LONGEST_PAGE);
        self.all(&list).await
    }

    /// The payments of an invoice, each with its PaymentIntent.
    ///
    /// # Errors
    /// [`StripeError`].
    pub async fn payments(&self, invoice: &str) -> Result<List<InvoicePayment>, StripeError> {
        let list = ListInvoicePayment::new().invoice(invoice).limit(LONGEST_PAGE);
        self.send(&list.expand(expand(&["data.payment.payment_intent"]))).await
    }

    /// Live or test, by the key in use.
    ///
    /// # Errors
    /// [`StripeError::Secret`].
    pub async fn mode(&self) -> Result<Mode, StripeError> {
        Ok(self.secrets.stripe().await?.mode)
    }
}
