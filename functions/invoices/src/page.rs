//! Builds a page without drafts from Stripe's pages with drafts.
//!
//! Hidden drafts must neither shorten a page while more invoices follow nor make the last page claim
//! more. So the first request asks for a few more invoices than the page needs, and further requests
//! follow only if those do not suffice.

use shared::stripe::views::{Invoice, InvoiceStatus, List};

/// Number of invoices requested beyond the page: one tells whether more follow, the others replace
/// drafts. An account has a draft for an hour at each renewal, and more only while it is unpaid.
const SLACK: usize = 10;

/// Length of a short page: with more lengths, fewer requests could use the same stored read.
const SHORT_PAGE: usize = 24 + SLACK;

/// Length of Stripe's longest page.
const MAX_PAGE: usize = 100;

/// A page that is being built.
pub struct Page {
    limit: usize,
    /// Whether Stripe filters by status: then it sends no drafts, and its `has_more` is exact.
    filtered: bool,
    shown: Vec<Invoice>,
    /// Whether a request was sent before.
    requested: bool,
    after: Option<String>,
    stripe_has_more: bool,
}

/// The next request to Stripe.
#[derive(Debug, PartialEq)]
pub struct PageRequest<'a> {
    pub limit: i64,
    pub after: Option<&'a str>,
}

impl Page {
    /// Creates an empty page of `limit` invoices after the one with the ID `after`.
    pub fn new(limit: usize, filtered: bool, after: Option<String>) -> Self {
        Self { limit, filtered, shown: Vec::new(), requested: false, after, stripe_has_more: true }
    }

    /// Returns the next request; `None` once the page is complete.
    pub fn next_request(&self) -> Option<PageRequest<'_>> {
        let wanted = if self.filtered { self.limit } else { self.limit + 1 };
        if !self.stripe_has_more || self.shown.len() >= wanted {
            return None;
        }
        let first = self.limit + if self.filtered { 0 } else { SLACK };
        // There are unusually many drafts, so read the longest pages from here on.
        let is_short = !self.requested && first <= SHORT_PAGE;
        let limit = if is_short { SHORT_PAGE } else { MAX_PAGE };
        Some(PageRequest {
            limit: i64::try_from(limit).unwrap_or(100),
            after: self.after.as_deref(),
        })
    }

    /// Adds the response.
    pub fn add(&mut self, list: List<Invoice>) {
        self.requested = true;
        // An empty page that claims more would repeat without end.
        self.stripe_has_more = list.has_more && !list.data.is_empty();
        self.after = list.data.last().map(|invoice| invoice.id.clone()).or(self.after.take());
        self.shown
            .extend(list.data.into_iter().filter(|invoice| invoice.status != InvoiceStatus::Draft));
    }

    /// Returns the page, and whether more invoices follow.
    pub fn finish(mut self) -> (Vec<Invoice>, bool) {
        let has_more = self.shown.len() > self.limit || (self.filtered && self.stripe_has_more);
        self.shown.truncate(self.limit);
        (self.shown, has_more)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::response::tests::invoice;

    /// Returns Stripe's list, in which the n-th newest invoice is a draft if `drafts[n]`.
    fn stripe(drafts: &[bool], request: &PageRequest<'_>) -> List<Invoice> {
        let from =
            request.after.map_or(0, |id| id[3..].parse::<usize>().expect("an id of ours") + 1);
        let to = (from + usize::try_from(request.limit).expect("positive")).min(drafts.len());
        let one = |n: usize| {
            invoice(
                &serde_json::json!({ "id": format!("in_{n}"), "status": if drafts[n] { "draft" } else { "paid" } }),
            )
        };
        List { data: (from..to).map(one).collect(), has_more: to < drafts.len() }
    }

    /// Returns a page as the handler builds it, and the number of requests.
    fn page(drafts: &[bool], limit: usize, after: Option<String>) -> (Vec<String>, bool, usize) {
        let filtered = !drafts.contains(&true);
        pages(Page::new(limit, filtered, after), drafts)
    }

    fn pages(mut page: Page, drafts: &[bool]) -> (Vec<String>, bool, usize) {
        let mut requests = 0;
        while let Some(request) = page.next_request() {
            let list = stripe(drafts, &request);
            page.add(list);
            requests += 1;
        }
        let (shown, has_more) = page.finish();
        (shown.into_iter().map(|invoice| invoice.id).collect(), has_more, requests)
    }

    #[test]
    fn page_without_drafts_takes_one_request() {
        for (limit, filtered) in [(24, false), (24, true), (100, true)] {
            for count in [0, 1, 24, 25, 100, 101, 10_000] {
                let none = vec![false; count];
                let (shown, has_more, requests) = pages(Page::new(limit, filtered, None), &none);
                assert_eq!(
                    (shown.len(), has_more, requests),
                    (count.min(limit), count > limit, 1),
                    "{count}"
                );
            }
        }
    }

    #[test]
    fn many_drafts_are_skipped_in_long_pages() {
        let drafts: Vec<bool> = (0..400).map(|n| (20..320).contains(&n)).collect();
        let (shown, has_more, requests) = page(&drafts, 24, None);
        assert_eq!((shown.len(), has_more, requests), (24, true, 4));
    }

    #[test]
    fn drafts_only_make_an_empty_last_page() {
        assert_eq!(page(&[true; 150], 24, None).0.len(), 0);
        assert!(!page(&[true; 150], 24, None).1);
    }

    proptest! {
        #[test]
        fn pages_are_full_and_contain_each_invoice_once(
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
