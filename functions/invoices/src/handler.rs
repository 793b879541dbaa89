//! Reads one page of invoices from Stripe, long enough that drafts among them leave a full page.

use futures_util::future::try_join_all;
use shared::billing::payment::Payments;
use shared::stripe::PARALLEL;
use shared::stripe::views::{Invoice, List};
use shared::{ApiError, Call, Reply, StripeError};
use stripe_billing::invoice::ListInvoice;

use crate::cursor;
use crate::page::Page;
use crate::params::Params;
use crate::response::Invoices;

/// Responds to the request after one round trip to Stripe, more if many drafts are among the invoices, one more for
/// payments of unpaid invoices, and one more for invoices of more than ten lines.
///
/// # Errors
/// Those of the contract.
pub async fn invoices(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&Params::NAMES)?;
    let params = Params::of(&call.query)?;
    let Some(customer) = call.customer() else {
        // Without a customer there are no invoices and no cursors.
        return match params.cursor {
            Some(_) => Err(Params::bad_cursor()),
            None => Reply::ok(&Invoices::of(&[], &Payments::default(), None)?),
        };
    };
    let account = &call.caller.account.id;
    let after = match &params.cursor {
        Some(cursor) => Some(cursor::decode(account, cursor).ok_or_else(Params::bad_cursor)?),
        None => None,
    };
    if after.is_some() {
        // Later pages are read once, by exports and the like.
        call.stripe.store_nothing();
    }
    let mut page = Page::new(params.limit, params.status.is_some(), after);
    while let Some(next) = page.next_request() {
        let mut list = ListInvoice::new()
            .customer(customer)
            .limit(next.limit)
            .expand(["data.payments".to_owned()]);
        if let Some(status) = &params.status {
            let Ok(status) = status.as_str().parse::<stripe_shared::InvoiceStatus>();
            list = list.status(status);
        }
        if let Some(id) = next.after {
            list = list.starting_after(id);
        }
        page.add(call.stripe.send::<List<Invoice>>(&list).await.map_err(refused)?);
    }
    let (mut invoices, has_more) = page.finish();
    let payments = Payments::load(&call.stripe, customer, &invoices).await?;
    // The line of the base price can be beyond the ten that Stripe embeds.
    for some in invoices.chunks_mut(PARALLEL) {
        try_join_all(some.iter_mut().map(|invoice| call.stripe.complete_lines(invoice))).await?;
    }
    let last = invoices.last().filter(|_| has_more);
    let next = last.map(|invoice| cursor::encode(account, &invoice.id));
    Reply::ok(&Invoices::of(&invoices, &payments, next)?)
}

/// Stripe does not know the invoice of an altered cursor.
fn refused(error: StripeError) -> ApiError {
    match error.code() {
        Some("resource_missing") => Params::bad_cursor(),
        _ => error.into(),
    }
}
