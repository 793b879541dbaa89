//! A page without drafts, out of Stripe's pages with them.
//!
//! Drafts are not shown, and may not make a page come back short while more follow, nor make a
//! last page promise more. So a few more than the page are asked for at once; only where that is
//! not enough to know, Stripe is asked again.

use shared::stripe::views::{Invoice, InvoiceStatus, List};

/// Asked for beyond the page itself: one tells whether more follow, the rest make up for drafts.
/// An account has a draft for an hour at each renewal, and more only when it is unpaid.
const SLACK: usize = 10;

/// Stripe's longest page.
const LONGEST: usize = 100;

/// A page in the making.
pub struct Page {
    limit: usize,
    /// Stripe filters by a status, so it sends no drafts, and what it says of more holds.
    filtered: bool,
    shown: Vec<Invoice>,
    /// Whether Stripe was asked before.
    asked: bool,
    after: Option<String>,
    stripe_has_more: bool,
}

/// What to ask Stripe for next.
#[derive(Debug, PartialEq)]
pub struct Ask<'a> {
    pub limit: i64,
    pub after: Option<&'a str>,
}

impl Page {
    /// A page of `limit` invoices, after the one with the id `after`; `filtered` by a status or not.
    pub fn new(limit: usize, filtered: bool, after: Option<String>) -> Self {
        Self { limit, filtered, shown: Vec::new(), asked: false, after, stripe_has_more: true }
    }

    /// What is still to be asked for, or `None` when the page and what follows it are known.
    pub fn next_request(&self) -> Option<Ask<'_>> {
        let wanted = if self.filtered { self.limit } else { self.limit + 1 };
        if !self.stripe_has_more || self.shown.len() >= wanted {
            return None;
        }
        let first = self.limit + if self.filtered { 0 } else { SLACK };
        // There are more drafts than usual: no more small steps.
        let limit = if self.asked { LONGEST } else { first.min(LONGEST) };
        Some(Ask { limit: i64::try_from(limit).unwrap_or(100), after: self.after.as_deref() })
    }

    /// Takes Stripe's answer.
    pub fn add(&mut self, list: List<Invoice>) {
        self.asked = true;
        // A page that promises more and has nothing would be asked for for ever.
        self.stripe_has_more = list.has_more && !list.data.is_empty();
        self.after = list.data.last().map(|invoice| invoice.id.clone()).or(self.after.take());
        self.shown
            .extend(list.data.into_iter().filter(|invoice| invoice.status != InvoiceStatus::Draft));
    }

    /// The page, and whether more follow it.
    pub fn finish(mut self) -> (Vec<Invoice>, bool) {
        let has_more = self.shown.len() > self.limit || (self.filtered && self.stripe_has_more);
        self.shown.truncate(self.limit);
        (self.shown, has_more)
    }
}

/// The status as async-stripe's requests take it.
pub fn stripe_status(status: InvoiceStatus) -> stripe_shared::InvoiceStatus {
    match status {
        InvoiceStatus::Draft => stripe_shared::InvoiceStatus::Draft,
        InvoiceStatus::Open => stripe_shared::InvoiceStatus::Open,
        InvoiceStatus::Paid => stripe_shared::InvoiceStatus::Paid,
        InvoiceStatus::Uncollectible => stripe_shared::InvoiceStatus::Uncollectible,
        InvoiceStatus::Void => stripe_shared::InvoiceStatus::Void,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::shape::tests::invoice;

    /// Stripe's list: `drafts[n]` says whether the n-th newest invoice is a draft.
    fn stripe(drafts: &[bool], ask: &Ask<'_>) -> List<Invoice> {
        let from = ask.after.map_or(0, |id| id[3..].parse::<usize>().expect("an id of ours") + 1);
        let to = (from + usize::try_from(ask.limit).expect("positive")).min(drafts.len());
        let one = |n: usize| {
            invoice(
                &serde_json::json!({ "id": format!("in_{n}"), "status": if drafts[n] { "draft" } else { "paid" } }),
            )
        };
        List { data: (from..to).map(one).collect(), has_more: to < drafts.len() }
    }

    /// A page as the handler makes it, and how often Stripe was asked.
    fn page(drafts: &[bool], limit: usize, after: Option<String>) -> (Vec<String>, bool, usize) {
        let filtered = !drafts.contains(&true);
        pages(Page::new(limit, filtered, after), drafts)
    }

    fn pages(mut page: Page, drafts: &[bool]) -> (Vec<String>, bool, usize) {
        let mut asked = 0;
        while let Some(ask) = page.next_request() {
            let list = stripe(drafts, &ask);
            page.add(list);
            asked += 1;
        }
        let (shown, has_more) = page.finish();
        (shown.into_iter().map(|invoice| invoice.id).collect(), has_more, asked)
    }

    #[test]
    fn a_usual_page_takes_one_request_whatever_the_number_of_invoices() {
        for (limit, filtered) in [(24, false), (24, true), (100, true)] {
            for count in [0, 1, 24, 25, 100, 101, 10_000] {
                let none = vec![false; count];
                let (shown, has_more, asked) = pages(Page::new(limit, filtered, None), &none);
                assert_eq!(
                    (shown.len(), has_more, asked),
                    (count.min(limit), count > limit, 1),
                    "{count}"
                );
            }
        }
    }

    #[test]
    fn a_long_run_of_drafts_is_passed_in_big_steps() {
        let drafts: Vec<bool> = (0..400).map(|n| (20..320).contains(&n)).collect();
        let (shown, has_more, asked) = page(&drafts, 24, None);
        assert_eq!((shown.len(), has_more, asked), (24, true, 4));
    }

    #[test]
    fn drafts_alone_make_an_empty_last_page() {
        assert_eq!(page(&[true; 150], 24, None).0.len(), 0);
        assert!(!page(&[true; 150], 24, None).1);
    }

    proptest! {
        #[test]
        fn pages_are_full_while_more_follow_and_together_hold_every_invoice_once(
            drafts in prop::collection::vec(any::<bool>(), 0..300),
            limit in 1_usize..=100,
        ) {
            let mut all = Vec::new();
            let mut after = None;
            loop {
                let (mut shown, has_more, _) = page(&drafts, limit, after.take());
                after = shown.last().cloned();
                prop_assert!(!has_more || shown.len() == limit, "a short page while more follow");
                prop_assert!(has_more || all.is_empty() || !shown.is_empty(), "a page that promised more");
                all.append(&mut shown);
                if !has_more { break }
            }
            let expected: Vec<_> = (0..drafts.len()).filter(|n| !drafts[*n]).map(|n| format!("in_{n}")).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
