//! Pages of invoices: they are full while more follow, contain every invoice once, and no drafts.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{at, day};
use crate::harness::Harness;
use crate::invoice_fixtures::Plan;
use crate::operator::OwnAccount;
use crate::stripe::text;

cases![
    pages_are_full_and_contain_every_invoice_once,
    manual_invoice_is_shown_in_each_status,
    status_filter_shows_only_its_invoices,
];

const PATH: &str = "/v1/billing/invoices";

/// Accounts by their number of finalized invoices. Their drafts lie where a page could be wrong: at either end, in a row
/// longer than a page, and between the invoices.
const PLANS: [Plan; 7] = [
    Plan { name: "invoices-0", count: 0, is_draft: |_| false },
    Plan { name: "invoices-0-drafts", count: 30, is_draft: |_| true },
    Plan { name: "invoices-1", count: 3, is_draft: |index| index != 1 },
    Plan { name: "invoices-24", count: 54, is_draft: |index| index < 30 },
    Plan { name: "invoices-25", count: 65, is_draft: |index| (1..41).contains(&index) },
    Plan { name: "invoices-100", count: 150, is_draft: |index| index % 3 == 2 },
    Plan { name: "invoices-1000", count: 1_100, is_draft: |index| index % 11 == 5 },
];

/// Number of finalized invoices of each account, and number of requests to Stripe for the first 24.
const COUNTS: [(usize, usize); 7] =
    [(0, 1), (0, 1), (1, 1), (24, 2), (25, 2), (100, 2), (1_000, 1)];

/// Returns the IDs of one page and the cursor of the next.
fn page(harness: &Harness, key: &str, query: &str) -> (Vec<String>, Option<String>) {
    let response = harness.get(&format!("{PATH}{query}"), key, &[]);
    assert_eq!(response.status, 200, "{query}: {}", response.body);
    let body = response.json();
    let ids = body["invoices"].as_array().expect("a list").iter();
    let cursor = body["nextCursor"].as_str().map(str::to_owned);
    assert_eq!(body["hasMore"], cursor.is_some(), "{query}");
    (ids.map(|invoice| text(invoice, "id")).collect(), cursor)
}

/// Reads all pages of `limit` and checks their lengths.
fn walk(harness: &Harness, key: &str, limit: usize, filter: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let after = cursor.map(|cursor: String| format!("&cursor={cursor}")).unwrap_or_default();
        let (mut ids, next) = page(harness, key, &format!("?limit={limit}{filter}{after}"));
        assert!(ids.len() <= limit, "{} of {limit}", ids.len());
        assert!(next.is_none() || ids.len() == limit, "a short page while more follow");
        assert!(!ids.is_empty() || all.is_empty(), "an empty page after `hasMore`");
        all.append(&mut ids);
        cursor = next;
        if cursor.is_none() {
            return all;
        }
    }
}

fn pages_are_full_and_contain_every_invoice_once(harness: &Harness) {
    for (plan, (count, requests)) in PLANS.iter().zip(COUNTS) {
        let stock = harness.stock(plan);
        let (name, key) = (plan.name, &stock.account.key);
        assert_eq!(stock.shown.len(), count, "{name}");
        let (first, _) = page(harness, key, "");
        assert_eq!(first, stock.shown[..count.min(24)], "{name}, as many as without a limit");
        // Many pages of one invoice would take too long.
        for limit in [1, 24, 100].into_iter().filter(|limit| *limit > 1 || count < 100) {
            assert_eq!(walk(harness, key, limit, ""), stock.shown, "{name} by {limit}");
        }
        let paid = walk(harness, key, 24, "&status=paid");
        assert_eq!(paid, stock.shown, "{name}, paid");
        // A page takes one request to Stripe, or a few if it skips drafts.
        harness.forget_stored_reads();
        let timing = harness.get(PATH, key, &[]);
        let count = timing.header("server-timing").rsplit('=').next().map(str::to_owned);
        assert_eq!(count, Some(requests.to_string()), "{name}");
    }
}

/// Invoices of 10.00 in every status: the requests that lead there, and the status in the API.
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

/// Creates an account with those invoices. Returns it with their IDs, statuses and creation times, newest first.
fn mixed(harness: &Harness, handle: &str) -> (OwnAccount, Vec<(String, &'static str, i64)>) {
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

fn manual_invoice_is_shown_in_each_status(harness: &Harness) {
    let (account, made) = mixed(harness, "invoices-by-hand");
    let prefix = text(&harness.stripe(&format!("/invoices/{}", made[0].0)), "number");
    let prefix = prefix.split('-').next().unwrap_or_default();
    let shown: Vec<_> = made.iter().filter(|(_, status, _)| *status != "draft").collect();
    let entry = |(index, (id, status, created)): (usize, &&(String, &str, i64))| {
        let (paid, due) = match *status {
            "paid" => ("10.00", "0.00"),
            "open" => ("0.00", "10.00"),
            _ => ("0.00", "0.00"),
        };
        let payment = if *status == "paid" { "paid" } else { "none" };
        let paid_at = if *status == "paid" { json!("<at>") } else { Value::Null };
        json!({
            "number": format!("{prefix}-{:04}", shown.len() - index), "status": status,
            "amount": "10.00", "hostedUrl": "<url>", "id": id, "currency": "USD",
            "amountPaid": paid, "amountDue": due, "payment": payment, "tax": "0.00", "createdAt": at(*created),
            "periodStart": day(*created), "periodEnd": day(*created), "dueDate": null, "paidAt": paid_at,
            "pdfUrl": "<url>", "reason": "manual",
        })
    };
    let entries: Vec<Value> = shown.iter().enumerate().map(entry).collect();
    let body = json!({ "invoices": entries, "hasMore": false, "nextCursor": null });
    expect(&harness.get(PATH, &account.key, &[]), 200, &body);
}

fn status_filter_shows_only_its_invoices(harness: &Harness) {
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
