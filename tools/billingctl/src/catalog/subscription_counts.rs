//! Number of subscriptions on prices that are archived.

use serde::{Deserialize, Serialize};
use shared::StripeError;
use shared::stripe::views::HasId;
use shared::stripe::{MAX_PAGE, Stripe};
use stripe_billing::subscription::ListSubscription;

use super::report::{Action, Entry};
use crate::error::Result;

#[derive(Deserialize, Serialize)]
struct SubscriptionView {
    id: String,
}

impl HasId for SubscriptionView {
    fn id(&self) -> &str {
        &self.id
    }
}

/// Adds to each price to archive the number of its subscriptions that have not ended.
///
/// Stripe's list omits subscriptions on test clocks. Without the permission to read subscriptions the
/// numbers stay unknown.
pub(super) async fn add(stripe: &Stripe, entries: &mut [Entry]) -> Result<()> {
    let archived = |entry: &&mut Entry| entry.action == Action::Archive && entry.object == "price";
    for entry in entries.iter_mut().filter(archived) {
        let Some(price) = &entry.id else { continue };
        let list = ListSubscription::new().price(price).limit(MAX_PAGE);
        match stripe.all::<SubscriptionView>(&list).await {
            Ok(all) => entry.subscriptions = Some(all.len()),
            Err(StripeError::Refused { status: 403, .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
