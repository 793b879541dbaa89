//! Broken object-level authorization: IDs, handles and tokens of another account give no access.
//!
//! The cases create two accounts with all kinds of objects, and send every ID, handle and token of one in every place that
//! takes such a value, with the other's key.

use std::collections::BTreeSet;

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::expected_error::{ACT_AS_FORBIDDEN, assert_error};
use crate::harness::{Harness, Request};
use crate::payer::{CHANGE, PORTAL, PREVIEW, Payer, Start, with};
use crate::stripe::text;

cases![
    ids_of_another_account_give_no_access,
    same_idempotency_key_of_two_accounts_is_independent,
    another_accounts_id_and_an_unknown_id_get_the_same_response,
];

const INVOICES: &str = "/v1/billing/invoices";

/// Account, and its IDs, handles and tokens.
struct Side {
    payer: Payer,
    names: Vec<String>,
    /// Every string in its objects at Stripe and in its own responses.
    texts: BTreeSet<String>,
}

impl Side {
    /// Creates an account with a plan change, a balance, a cursor, a quote and a portal session.
    fn new(harness: &Harness, handle: &str, to: &str, person: &str, credit: i64) -> Self {
        let payer = harness.payer(handle, Start::on("starter"));
        let key = &payer.account.key;
        let changed = payer.change(harness, &json!({ "plan": to }));
        assert_eq!(changed.status, 200, "{}", changed.body);
        let person = [
            ("name", person),
            ("email", &*format!("{person}@{handle}.example")),
            ("phone", &*format!("555-{person}")),
        ];
        harness.stripe_post(&format!("/customers/{}", payer.customer.id), &person);
        harness.credit(&payer.customer.id, credit, "usd");
        let page = harness.get(&format!("{INVOICES}?limit=1"), key, &[]).json();
        let quote = payer.preview(harness, &json!({ "plan": "pro" }));
        let portal = harness.post_once(PORTAL, key, &format!("{handle}-0001"), &json!({})).json();
        let mut texts = BTreeSet::new();
        for path in [
            format!("/customers/{}", payer.customer.id),
            format!("/subscriptions/{}?expand[]=latest_invoice", payer.subscription),
            format!("/invoices?limit=100&customer={}", payer.customer.id),
            format!("/payment_methods?customer={}", payer.customer.id),
            format!("/payment_intents?customer={}", payer.customer.id),
        ] {
            collect(&harness.stripe(&path), &mut texts);
        }
        let own = [&page, &quote, &portal, &changed.json()];
        for response in own {
            collect(response, &mut texts);
        }
        texts.extend([payer.account.id.clone(), payer.account.handle.clone()]);
        let invoice = &page["invoices"][0];
        let item = text(&payer.at_stripe(harness)["items"]["data"][0], "id");
        let names = vec![
            payer.account.id.clone(),
            payer.account.handle.clone(),
            payer.customer.id.clone(),
            payer.subscription.clone(),
            item,
            text(invoice, "id"),
            text(invoice, "number"),
            text(invoice, "hostedUrl"),
            text(&page, "nextCursor"),
            text(&quote, "quote"),
            text(&portal, "url"),
            format!("{handle}-0001"),
        ];
        Self { payer, names, texts }
    }

    /// Returns the texts that only this account's responses contain: IDs, tokens, addresses, names.
    fn marks<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let is_telling = |text: &&str| text.len() >= 8 && !text.contains(' ') && !is_moment(text);
        let only = self.texts.difference(&other.texts).map(String::as_str);
        // Everyone may read the catalogue.
        let is_catalogue = |text: &str| {
            ["price_", "prod_", "cantila_", "mtr_"].iter().any(|prefix| text.starts_with(prefix))
        };
        only.filter(is_telling).filter(|text| !is_catalogue(text)).chain(["4321.09"]).collect()
    }
}

/// Whether a text is a day or a moment, of which two accounts may have the same.
fn is_moment(text: &str) -> bool {
    text.len() >= 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && &text[4..5] == "-"
}

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(texts.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

/// A request with one of the other's names in one place, and what it should be answered with.
struct Attempt {
    what: String,
    name: String,
    request: Request,
    statuses: &'static [u16],
}

/// Parameters and fields that take object IDs in other APIs.
const FOREIGN: [&str; 5] = ["account", "customer", "subscription", "invoice", "id"];

/// Headers that identify the caller in other systems.
const HEADERS: [&str; 5] =
    ["stripe-account", "x-account-id", "x-forwarded-user", "x-amzn-oidc-identity", "cookie"];

/// Returns one of the names in turn; the API rejects or ignores the name whatever its value.
fn in_turn<const N: usize>(all: [&'static str; N], turn: usize) -> &'static str {
    all[turn % N]
}

fn attempts(
    harness: &Harness,
    key: &str,
    function: &'static Function,
    (turn, name): (usize, &str),
) -> Vec<Attempt> {
    let bearer = ("authorization", format!("Bearer {key}"));
    let sample = function.sample.unwrap_or_default();
    let request = |path: &str, more: Option<(&'static str, String)>, body: String| Request {
        method: function.method,
        url: format!("{}{path}", harness.about().api_url),
        headers: std::iter::once(bearer.clone())
            .chain((!body.is_empty()).then(|| ("content-type", "application/json".to_owned())))
            .chain(more)
            .collect(),
        body,
    };
    let mut all = Vec::new();
    let mut add = |place: &str, request: Request, statuses: &'static [u16]| {
        let what = format!("{} with {name} in {place}", function.name);
        all.push(Attempt { what, name: name.to_owned(), request, statuses });
    };
    let path = &*function.example_path();
    let act_as = Some(("x-cantila-act-as", name.to_owned()));
    add("act-as", request(path, act_as, sample.to_owned()), &[403]);
    let bytes: Vec<_> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let encoded = bytes.concat();
    for parameter in ["cursor", in_turn(FOREIGN, turn)] {
        let path = format!("{path}?{parameter}={encoded}");
        add(parameter, request(&path, None, sample.to_owned()), &[422]);
    }
    add("the path", request(&format!("{path}/{encoded}"), None, String::new()), &[404]);
    if function.method == "GET" {
        let header = in_turn(HEADERS, turn);
        let statuses: &[u16] = if function.needs_id() { &[404] } else { &[200] };
        add(header, request(path, Some((header, name.to_owned())), String::new()), statuses);
        return all;
    }
    if sample.is_empty() {
        return all;
    }
    let base: Value = serde_json::from_str(sample).expect("JSON");
    for field in ["plan", "quote", "returnUrl", "successUrl", in_turn(FOREIGN, turn)] {
        let body = with(&base, field, name).to_string();
        add(field, request(path, None, body), &[409, 422]);
    }
    all
}

fn ids_of_another_account_give_no_access(harness: &Harness) {
    let mine = Side::new(harness, "objects-mine", "agency", "Ada", -123_409);
    let theirs = Side::new(harness, "objects-theirs", "agency", "Belinda", -432_109);
    let marks = theirs.marks(&mine);
    for known in [&theirs.payer.customer.id, &theirs.payer.subscription, &theirs.payer.account.id] {
        assert!(marks.contains(&known.as_str()), "{known} in {marks:?}");
    }
    assert!(marks.len() > 20, "{marks:?}");
    let before = [&mine, &theirs].map(|side| side.payer.ledger(harness));
    let attempts: Vec<_> = FUNCTIONS
        .iter()
        .flat_map(|function| theirs.names.iter().enumerate().map(move |name| (function, name)))
        .flat_map(|(function, name)| {
            attempts(harness, &mine.payer.account.key, function, (name.0, name.1))
        })
        .collect();
    let (requests, expected): (Vec<_>, Vec<_>) = attempts
        .into_iter()
        .map(|Attempt { what, name, request, statuses }| (request, (what, name, statuses)))
        .unzip();
    let responses = harness.send_all(requests);
    for (response, (what, name, statuses)) in responses.iter().zip(&expected) {
        assert!(
            statuses.contains(&response.status),
            "{what}: {} {}",
            response.status,
            response.body
        );
        // The response may quote the sent value or its beginning, and nothing else of the other account.
        let quoted = name.get(..64).unwrap_or(name);
        let whole = format!("{:?} {}", response.headers, response.body);
        let whole = whole.replace(name.as_str(), "").replace(quoted, "");
        let leaked = marks.iter().find(|mark| whole.contains(**mark));
        assert_eq!(leaked, None, "{what}: {}", response.body);
    }
    assert_eq!([&mine, &theirs].map(|side| side.payer.ledger(harness)), before);
    assert!(responses.len() > 500, "{} requests", responses.len());
}

fn same_idempotency_key_of_two_accounts_is_independent(harness: &Harness) {
    let [first, second] = ["same-key-a", "same-key-b"].map(|name| harness.admin_of(name, None));
    let checkout = json!({ "plan": "pro" });
    for (path, body) in [(PORTAL, json!({})), (crate::payer::CHECKOUT, checkout)] {
        let key = format!("the-same{}", path.replace('/', "-"));
        let responses =
            [&first, &second].map(|account| harness.post_once(path, &account.key, &key, &body));
        for response in &responses {
            assert_eq!((response.status, response.header("idempotent-replayed")), (201, ""));
        }
        let [first, second] = responses.map(|response| text(&response.json(), "url"));
        assert_ne!(first, second, "{path}");
    }
}

/// Returns an unknown value of the same form.
fn made_up(name: &str) -> String {
    let turn = |byte: u8| match byte {
        b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => byte + 1,
        b'9' => b'0',
        b'z' => b'a',
        b'Z' => b'A',
        other => other,
    };
    let (prefix, rest) = match name.split_once('_') {
        Some((prefix, rest)) => (format!("{prefix}_"), rest),
        None => (String::new(), name),
    };
    prefix + &rest.bytes().map(|byte| char::from(turn(byte))).collect::<String>()
}

fn another_accounts_id_and_an_unknown_id_get_the_same_response(harness: &Harness) {
    let key = harness.account("overdue").keys.admin.clone();
    let other = harness.account("agency");
    let agency = json!({ "plan": "pro" });
    let quote = text(&harness.post(PREVIEW, &other.keys.admin, &agency).json(), "quote");
    let page =
        harness.get(&format!("{INVOICES}?limit=1"), &harness.account("metered").keys.read, &[]);
    let cursor = page.json()["nextCursor"].as_str().map_or_else(|| quote.clone(), str::to_owned);
    let gist = |response: &Response, name: &str| {
        let mut body = response.json();
        body["requestId"] = "".into();
        let mut headers: Vec<_> =
            response.headers.keys().map(|name| name.as_str().to_owned()).collect();
        headers.sort();
        (response.status, body.to_string().replace(name, "<name>"), headers)
    };
    for name in [&other.id, &other.handle, &"client".to_owned()] {
        let send = |name: &str| {
            let response = harness.get(INVOICES, &key, &[("x-cantila-act-as", name)]);
            assert_error(&response, ACT_AS_FORBIDDEN);
            gist(&response, name)
        };
        assert_eq!(send(name), send(&made_up(name)));
    }
    let send =
        |name: &str| gist(&harness.get(&format!("{INVOICES}?cursor={name}"), &key, &[]), name);
    assert_eq!(send(&cursor), send(&made_up(&cursor)));
    let send = |name: &str| {
        let own = harness.account("metered");
        let body = json!({ "plan": "agency", "quote": name });
        gist(&harness.post(CHANGE, &own.keys.admin, &body), name)
    };
    let foreign = text(
        &harness.post(PREVIEW, &other.keys.admin, &json!({ "plan": "starter" })).json(),
        "quote",
    );
    assert_eq!(send(&foreign), send(&made_up(&foreign)));
    let own = harness.get(INVOICES, &harness.account("metered").keys.read, &[]);
    expect(&harness.get(INVOICES, &harness.account("metered").keys.read, &[]), 200, &own.json());
}
