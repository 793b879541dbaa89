//! Pages of invoices: full while more follow, every invoice once, drafts never.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;
use crate::operator::Own;
use crate::stock::Plan;
use crate::stripe::text;
use crate::when::{at, day};

cases![
    pages_are_full_while_more_follow_and_together_hold_every_invoice_once,
    an_invoice_made_by_hand_is_shown_whole_in_each_status,
    a_status_shows_its_own_invoices_alone_page_by_page,
];

const PATH: &str = "/v1/billing/invoices";

/// Accounts by the number of invoices that are shown; beside those they have drafts in places
/// where a page could come out wrong: at either end, in a row longer than a page, and all over.
const PLANS: [Plan; 7] = [
    Plan { name: "invoices-0", count: 0, is_draft: |_| false },
    Plan { name: "invoices-0-drafts", count: 30, is_draft: |_| true },
    Plan { name: "invoices-1", count: 3, is_draft: |index| index != 1 },
    Plan { name: "invoices-24", count: 54, is_draft: |index| index < 30 },
    Plan { name: "invoices-25", count: 65, is_draft: |index| (1..41).contains(&index) },
    Plan { name: "invoices-100", count: 150, is_draft: |index| index % 3 == 2 },
    Plan { name: "invoices-1000", count: 1_100, is_draft: |index| index % 11 == 5 },
];

/// How many invoices each of them shows, and how often Stripe is asked for the first 24.
const COUNTS: [(usize, usize); 7] =
    [(0, 1), (0, 1), (1, 1), (24, 2), (25, 2), (100, 2), (1_000, 1)];

/// One page, and the way to the next.
fn page(harness: &Harness, key: &str, query: &str) -> (Vec<String>, Option<String>) {
    let answer = harness.get(&format!("{PATH}{query}"), key, &[]);
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let body = answer.json();
    let ids = body["invoices"].as_array().expect("a list").iter();
    let cursor = body["nextCursor"].as_str().map(str::to_owned);
    assert_eq!(body["hasMore"], cursor.is_some(), "{query}");
    (ids.map(|invoice| text(invoice, "id")).collect(), cursor)
}

/// All pages of `limit`, and whether each is as long as it has to be.
fn walk(harness: &Harness, key: &str, limit: usize, filter: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let after = cursor.map(|cursor: String| format!("&cursor={cursor}")).unwrap_or_default();
        let (mut ids, next) = page(harness, key, &format!("?limit={limit}{filter}{after}"));
        assert!(ids.len() <= limit, "{} of {limit}", ids.len());
        assert!(next.is_none() || ids.len() == limit, "a short page while more follow");
        assert!(!ids.is_empty() || all.is_empty(), "an empty page that was promised");
        all.append(&mut ids);
        cursor = next;
        if cursor.is_none() {
            return all;
        }
    }
}

fn pages_are_full_while_more_follow_and_together_hold_every_invoice_once(harness: &Harness) {
    for (plan, (count, requests)) in PLANS.iter().zip(COUNTS) {
        let stock = harness.stock(plan);
        let (name, key) = (plan.name, &stock.account.key);
        assert_eq!(stock.shown.len(), count, "{name}");
        let (first, _) = page(harness, key, "");
        assert_eq!(first, stock.shown[..count.min(24)], "{name}, as many as without a limit");
        // Many pages of one would only take longer.
        for limit in [1, 24, 100].into_iter().filter(|limit| *limit > 1 || count < 100) {
            assert_eq!(walk(harness, key, limit, ""), stock.shown, "{name} by {limit}");
        }
        let paid = walk(harness, key, 24, "&status=paid");
        assert_eq!(paid, stock.shown, "{name}, paid");
        // However many invoices there are, a page is one request to Stripe, or a few past drafts.
        let timing = harness.get(PATH, key, &[]);
        let count = timing.header("server-timing").rsplit('=').next().map(str::to_owned);
        assert_eq!(count, Some(requests.to_string()), "{name}");
    }
}

/// Invoices of 10.00 in every status, as (Stripe's way there, our status).
const WAYS: [(&[&str], &str); 9] = [
    (&["/finalize", "/pay?paid_out_of_band=true"], "paid"),
    (&["/finalize"], "open"),
    (&[], "draft"),
    (&["/finalize", "/void"], "void"),
    (&["/finalize", "/mark_uncollectible"], "uncollectible"),
    (&["/finalize", "/void"], "void"),
    (&[], "draft"),
    (&["/finalize"], "open"),
    (&["/finalize", "/pay?paid_out_of_band=true"], "paid"),
];

/// An account with those invoices; and their ids with their statuses and the moment at which they
/// were made, newest first.
fn mixed(harness: &Harness, handle: &str) -> (Own, Vec<(String, &'static str, i64)>) {
    let customer = text(&harness.stripe_post("/customers", &[]), "id");
    let mut made = Vec::new();
    for (way, status) in WAYS {
        let form = [("customer", &*customer), ("currency", "usd"), ("auto_advance", "false")];
        let invoice = harness.stripe_post("/invoices", &form);
        let (id, created) = (text(&invoice, "id"), invoice["created"].as_i64());
        let item =
            [("customer", &*customer), ("invoice", &id), ("amount", "1000"), ("currency", "usd")];
        harness.stripe_post("/invoiceitems", &item);
        for step in way {
            let (step, form) = step.split_once('?').unwrap_or((step, ""));
            let form: Vec<_> = form.split_once('=').into_iter().collect();
            harness.stripe_post(&format!("/invoices/{id}{step}"), &form);
        }
        made.insert(0, (id, status, created.expect("a moment")));
    }
    (harness.account_of(handle, Some(&customer)), made)
}

fn an_invoice_made_by_hand_is_shown_whole_in_each_status(harness: &Harness) {
    let (account, made) = mixed(harness, "invoices-by-hand");
    let prefix = text(&harness.stripe(&format!("/invoices/{}", made[0].0)), "number");
    let prefix = prefix.split('-').next().unwrap_or_default();
    let shown: Vec<_> = made.iter().filter(|(_, status, _)| *status != "draft").collect();
    let entry = |(index, (id, status, created)): (usize, &&(String, &str, i64))| {
        let (paid, due) = match *status {
            "paid" => ("10.00", "0.00"),
            _ => ("0.00", "10.00"),
        };
        let paid_at = if *status == "paid" { json!("<at>") } else { Value::Null };
        json!({
            "number": format!("{prefix}-{:04}", shown.len() - index), "status": status,
            "amount": "10.00", "hostedUrl": "<url>", "id": id, "currency": "USD",
            "amountPaid": paid, "amountDue": due, "tax": "0.00", "createdAt": at(*created),
            "periodStart": day(*created), "periodEnd": day(*created), "dueDate": null, "paidAt": paid_at,
            "pdfUrl": "<url>", "reason": "manual",
        })
    };
    let entries: Vec<Value> = shown.iter().enumerate().map(entry).collect();
    let body = json!({ "invoices": entries, "hasMore": false, "nextCursor": null });
    expect(&harness.get(PATH, &account.key, &[]), 200, &body);
}

fn a_status_shows_its_own_invoices_alone_page_by_page(harness: &Harness) {
    let (account, made) = mixed(harness, "invoices-by-status");
    for status in ["paid", "open", "void", "uncollectible"] {
        let of_status = made.iter().filter(|(_, its, _)| *its == status);
        let expected: Vec<String> = of_status.map(|(id, ..)| id.clone()).collect();
        let filter = format!("&status={status}");
        for limit in [1, 2, 24] {
            assert_eq!(walk(harness, &account.key, limit, &filter), expected, "{status}");
        }
    }
    let shown = made.iter().filter(|(_, status, _)| *status != "draft");
    let expected: Vec<String> = shown.map(|(id, ..)| id.clone()).collect();
    assert_eq!(walk(harness, &account.key, 2, ""), expected);
}
