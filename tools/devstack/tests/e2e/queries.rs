//! Invalid query parameters: out of range, unknown, repeated; invalid cursors.

use serde_json::Value;

use crate::cases;
use crate::expected_error::assert_invalid;
use crate::harness::Harness;
use crate::invoice_fixtures::Plan;

cases![invalid_parameter_is_rejected_by_name, cursor_is_valid_only_for_its_own_account,];

const PATH: &str = "/v1/billing/invoices";

const BAD_CURSOR: &str = "\"cursor\" must be a nextCursor from a response to this account. Omit it to start from the newest invoice.";

fn invalid_parameter_is_rejected_by_name(harness: &Harness) {
    let limit = "\"limit\" must be an integer from 1 to 100.";
    let status = "\"status\" must be one of paid, open, void, uncollectible.";
    let known = "Use one of: limit, cursor, status.";
    let unknown = |name: &str| format!("There is no query parameter \"{name}\" here. {known}");
    let twice =
        |name: &str| format!("The query parameter \"{name}\" is given twice. Give it once.");
    let rows = [
        ("limit=0", "limit", limit.to_owned()),
        ("limit=101", "limit", limit.to_owned()),
        ("limit=abc", "limit", limit.to_owned()),
        ("limit=-1", "limit", limit.to_owned()),
        ("limit=1.0", "limit", limit.to_owned()),
        ("limit=%2B5", "limit", limit.to_owned()),
        ("limit=", "limit", limit.to_owned()),
        ("limit", "limit", limit.to_owned()),
        ("limit=99999999999999999999", "limit", limit.to_owned()),
        ("limit=5&limit=5", "limit", twice("limit")),
        ("limit=5&limit=6", "limit", twice("limit")),
        ("limit=5&status=paid&limit=6", "limit", twice("limit")),
        ("status=paid&status=open", "status", twice("status")),
        ("cursor=a&cursor=b", "cursor", twice("cursor")),
        ("status=draft", "status", status.to_owned()),
        ("status=", "status", status.to_owned()),
        ("status=PAID", "status", status.to_owned()),
        ("status=paid%20", "status", status.to_owned()),
        ("page=2", "page", unknown("page")),
        ("Limit=2", "Limit", unknown("Limit")),
        ("starting_after=in_1", "starting_after", unknown("starting_after")),
        ("limit%5B%5D=2", "limit[]", unknown("limit[]")),
        ("cursor=", "cursor", BAD_CURSOR.to_owned()),
    ];
    for account in ["overdue", "fresh"] {
        let key = &harness.account(account).keys.read;
        for (query, field, message) in &rows {
            let response = harness.get(&format!("{PATH}?{query}"), key, &[]);
            assert_invalid(&response, field, message);
        }
    }
    let key = &harness.account("overdue").keys.read;
    for path in ["/v1/billing/summary", "/v1/billing/info", "/v1/billing/dunning"] {
        let response = harness.get(&format!("{path}?limit=1"), key, &[]);
        let message = "There is no query parameter \"limit\" here. This endpoint takes none.";
        assert_invalid(&response, "limit", message);
    }
}

fn cursor_is_valid_only_for_its_own_account(harness: &Harness) {
    let plan = |name| Plan { name, count: 3, is_draft: |_| false };
    let [own, other] = ["cursor-own", "cursor-other"].map(|name| harness.stock(&plan(name)));
    let cursor = |key: &str| {
        let body = harness.get(&format!("{PATH}?limit=1"), key, &[]).json();
        body["nextCursor"].as_str().expect("a cursor").to_owned()
    };
    let (good, foreign) = (cursor(&own.account.key), cursor(&other.account.key));
    let send =
        |key: &str, cursor: &str| harness.get(&format!("{PATH}?limit=1&cursor={cursor}"), key, &[]);
    let next = send(&own.account.key, &good).json();
    assert_eq!(next["invoices"][0]["id"], Value::from(own.shown[1].as_str()));
    let altered = |at: usize| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let rows = [
        ("another account's", foreign),
        ("altered at the start", altered(0)),
        ("altered in the middle", altered(good.len() / 2)),
        // The last character also encodes padding; the one before it encodes only data.
        ("altered at the end", altered(good.len() - 2)),
        ("cut short", good[..good.len() - 4].to_owned()),
        ("with additional characters", format!("{good}AAAA")),
        ("in capitals", good.to_uppercase()),
        ("an invoice's id", own.shown[0].clone()),
        ("made up", "AAAA".to_owned()),
        ("not base64", "%20%F0%9F%92%B8".to_owned()),
        ("empty", String::new()),
        ("long", "A".repeat(4_000)),
    ];
    for (what, cursor) in rows {
        let response = send(&own.account.key, &cursor);
        assert_eq!(response.status, 422, "{what}: {}", response.body);
        assert_invalid(&response, "cursor", BAD_CURSOR);
    }
    // An account without a customer has no invoices, so no cursor is valid for it.
    let fresh = &harness.account("fresh").keys.read;
    assert_invalid(&send(fresh, &good), "cursor", BAD_CURSOR);
}
