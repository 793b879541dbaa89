//! Reads the invoice, and only if it is the account's own, its payments and the prices of its lines.

use shared::billing::catalog::{Catalog, Tiers};
use shared::billing::line_prices::LinePrices;
use shared::billing::payment::Payments;
use shared::stripe::MAX_PAGE;
use shared::stripe::views::{Expandable, Invoice, InvoiceStatus, List};
use shared::values::is_path_segment;
use shared::{ApiError, Call, Reply, Stripe, StripeError};
use stripe_billing::invoice::{ListInvoice, RetrieveInvoice};

use crate::attribution::{Origin, operation};
use crate::csv;
use crate::lines::lines;
use crate::response::WholeInvoice;

/// Responds to the request after three round trips to Stripe; one more for prices that are not in the catalog.
///
/// # Errors
/// Those of the contract.
pub async fn invoice(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let wants_csv = call.prefers("text/csv");
    let id = call.path_parameter();
    let (Some(customer), true) = (call.customer(), is_invoice_id(id)) else {
        return Err(ApiError::NotFound);
    };
    let Some(mut invoice) = find(&call, id, customer).await? else {
        // The objects that were read may belong to another account.
        call.stripe.store_nothing();
        return Err(ApiError::NotFound);
    };
    let stripe = &call.stripe;
    stripe.complete_lines(&mut invoice).await?;
    let (tiers, catalog) = tokio::try_join!(Tiers::load(stripe), Catalog::load(stripe, None))?;
    let prices = LinePrices::known(catalog.prices());
    let prices = prices.with_others(stripe, &invoice, &[]).await?;
    let lines = lines(&invoice, &prices, &tiers)?;
    if wants_csv {
        return Ok(Reply::csv(csv::of(&lines)));
    }
    let (payment, payments, earlier) = tokio::try_join!(
        Payments::load(stripe, customer, [&invoice]),
        stripe.payment_details(&invoice.id),
        earlier(stripe, &invoice)
    )?;
    Reply::ok(&WholeInvoice::of(&invoice, &payment.of(&invoice), lines, &payments, &earlier)?)
}

/// Reads a hundred older invoices of the subscription, if one of them can be that of the operation which marks this one.
async fn earlier(stripe: &Stripe, invoice: &Invoice) -> Result<Vec<Origin>, StripeError> {
    let Some(subscription) = invoice.subscription().filter(|_| operation(invoice).is_some()) else {
        return Ok(Vec::new());
    };
    let list = ListInvoice::new().subscription(subscription).limit(MAX_PAGE);
    Ok(stripe.send::<List<Origin>>(&list.starting_after(&*invoice.id)).await?.data)
}

fn is_invoice_id(id: &str) -> bool {
    id.starts_with("in_") && is_path_segment(id)
}

/// Reads an invoice; `None` if there is none such, if it is another customer's, or a draft.
async fn find(call: &Call, id: &str, customer: &str) -> Result<Option<Invoice>, ApiError> {
    let request = RetrieveInvoice::new(id).expand(["payments".to_owned()]);
    let invoice: Invoice = match call.stripe.send(&request).await {
        Ok(invoice) => invoice,
        Err(error) if error.code() == Some("resource_missing") => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_own = invoice.customer.as_ref().map(Expandable::id) == Some(customer);
    Ok(Some(invoice).filter(|invoice| is_own && invoice.status != InvoiceStatus::Draft))
}
