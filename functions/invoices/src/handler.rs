//! What invoices asks Stripe: one list, long enough that drafts among it leave a full page.

use shared::stripe::views::{Invoice, List};
use shared::token::{self, Bounds};
use shared::{ApiError, Call, Reply};
use stripe_billing::invoice::ListInvoice;

use crate::page::{self, Page};
use crate::params::Params;
use crate::shape::Invoices;

/// What a cursor is for, so that no other token of ours passes for one.
const CURSOR: &str = "invoices-cursor";

/// One round trip to Stripe, but where more drafts than expected lie among the invoices.
///
/// # Errors
/// What the caller is told.
pub async fn invoices(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&Params::NAMES)?;
    let params = Params::of(&call.query)?;
    let Some(customer) = call.customer() else {
        // Without a customer there are no invoices, and so no cursor of this account's either.
        return match params.cursor {
            Some(_) => Err(Params::bad_cursor()),
            None => Reply::ok(&Invoices::of(&[], None)?),
        };
    };
    let bounds = Bounds { purpose: CURSOR, account: &call.caller.account.id };
    let after = match &params.cursor {
        Some(cursor) => {
            let id = call.unseal(|pepper| token::open(pepper, bounds, cursor)).await?;
            let id = id.and_then(|id| String::from_utf8(id).ok());
            Some(id.ok_or_else(Params::bad_cursor)?)
        }
        None => None,
    };
    let mut page = Page::new(params.limit, params.status.is_some(), after);
    while let Some(ask) = page.next_request() {
        let mut list = ListInvoice::new().customer(customer).limit(ask.limit);
        if let Some(status) = &params.status {
            list = list.status(page::stripe_status(*status));
        }
        if let Some(id) = ask.after {
            list = list.starting_after(id);
        }
        page.add(call.stripe.send::<List<Invoice>>(&list).await?);
    }
    let (invoices, has_more) = page.finish();
    let pepper = call.pepper().await?;
    let last = invoices.last().filter(|_| has_more);
    let cursor = last.map(|invoice| token::seal(&pepper, bounds, invoice.id.as_bytes()));
    Reply::ok(&Invoices::of(&invoices, cursor)?)
}
