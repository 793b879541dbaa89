//! Fixtures of accounts with many invoices.

use serde_json::Value;

use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::stripe::text;

/// Account with invoices.
pub(crate) struct Stock {
    pub(crate) account: OwnAccount,
    /// IDs of the finalized invoices, newest first, in Stripe's order.
    pub(crate) shown: Vec<String>,
}

/// Number of an account's invoices, and which of them stay drafts.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Number of invoices including drafts; `is_draft` counts from the oldest.
    pub(crate) count: usize,
    pub(crate) is_draft: fn(usize) -> bool,
}

impl Harness {
    /// Creates the invoices at Stripe, of 0.00 each, so that finalized ones are paid.
    #[track_caller]
    pub(crate) fn stock(&self, plan: &Plan) -> Stock {
        let customer = text(&self.stripe_post("/customers", &[]), "id");
        let form = format!("customer={customer}&currency=usd&auto_advance=false");
        let posts = vec![("/invoices".to_owned(), form); plan.count];
        // In sequence, so that the drafts' positions are right; among very many the positions do not matter.
        let at_once = if plan.count > 500 { plan.count } else { 1 };
        let made = posts.chunks(at_once).flat_map(|posts| self.stripe_posts(posts));
        let made: Vec<String> = made.map(|invoice| text(&invoice, "id")).collect();
        let kept = made.iter().enumerate().filter(|(index, _)| !(plan.is_draft)(*index));
        let finalize = kept.map(|(_, id)| (format!("/invoices/{id}/finalize"), String::new()));
        let finalize: Vec<_> = finalize.collect();
        let finalized = self.stripe_posts(&finalize).len();
        let shown = self.invoices_at_stripe(&customer, |invoice| invoice["status"] != "draft");
        assert_eq!(shown.len(), finalized, "{}", plan.name);
        Stock { account: self.account_of(plan.name, Some(&customer)), shown }
    }

    /// Returns the IDs of a customer's invoices in Stripe's order.
    #[track_caller]
    pub(crate) fn invoices_at_stripe(
        &self,
        customer: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Vec<String> {
        let mut ids = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.stripe(&format!("/invoices?customer={customer}&limit=100{after}"));
            let data = page["data"].as_array().expect("a list");
            let wanted = data.iter().filter(|invoice| is_wanted(invoice));
            ids.extend(wanted.map(|invoice| text(invoice, "id")));
            match (page["has_more"].as_bool(), data.last()) {
                (Some(true), Some(last)) => {
                    after = format!("&starting_after={}", text(last, "id"));
                }
                _ => return ids,
            }
        }
    }
}
