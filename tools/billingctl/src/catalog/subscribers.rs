//! Who stays on a price that is archived.

use serde::Deserialize;
use shared::StripeError;
use shared::stripe::views::Listed;
use shared::stripe::{LONGEST_PAGE, Stripe};
use stripe_billing::subscription::ListSubscription;

use super::report::{Action, Entry};
use crate::error::Result;

#[derive(Deserialize)]
struct Subscriber {
    id: String,
}

impl Listed for Subscriber {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Counts the subscriptions that have not ended on each price that is going to be archived. Stripe
/// leaves those on test clocks out. A key that may not read them makes a plan all the same.
pub(super) async fn count(stripe: &Stripe, entries: &mut [Entry]) -> Result<()> {
    let archived = |entry: &&mut Entry| entry.action == Action::Archive && entry.object == "price";
    for entry in entries.iter_mut().filter(archived) {
        let Some(price) = &entry.id else { continue };
        let list = ListSubscription::new().price(price).limit(LONGEST_PAGE);
        match stripe.all::<Subscriber>(&list).await {
            Ok(all) => entry.subscriptions = Some(all.len()),
            Err(StripeError::Refused { status: 403, .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
