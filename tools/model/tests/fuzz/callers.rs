//! Random events of callers: headers, bodies, queries, cursors, quotes, keys.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use model::{Endpoint, Reply, runtime};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::fixture::{Fixture, check, config};
use crate::mutation::{Mutation, mutated, mutations};

/// Limit of Stripe calls in a request, above any endpoint's number.
const MOST_CALLS: u32 = 40;

/// Events that run first.
const CORPUS: [&str; 8] = [
    include_str!("corpus/bare.json"),
    include_str!("corpus/base64.json"),
    include_str!("corpus/cookies.json"),
    include_str!("corpus/deep.json"),
    include_str!("corpus/duplicates.json"),
    include_str!("corpus/headers.json"),
    include_str!("corpus/query.json"),
    include_str!("corpus/quote.json"),
];

/// Returns a valid event for the endpoint, with a quote or cursor if the endpoint takes one.
fn event(fixture: &Fixture, endpoint: Endpoint, tokens: &Tokens) -> Value {
    let mut request = fixture.request(endpoint);
    if endpoint == Endpoint::Change {
        request.body["quote"] = json!(tokens.quote);
    }
    let query = match endpoint {
        Endpoint::Invoices => format!("limit=1&status=paid&cursor={}", tokens.cursor),
        _ => String::new(),
    };
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/v1/billing", "rawQueryString": query,
        "headers": {
            "authorization": format!("Bearer {}", fixture.bearer), "content-type": "application/json",
            "idempotency-key": "once", "x-cantila-act-as": "",
        },
        "isBase64Encoded": false, "body": request.body.to_string(),
        "requestContext": {
            "http": { "method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "requestId": "r", "stage": "$default", "timeEpoch": 0,
        },
    })
}

struct Tokens {
    quote: String,
    cursor: String,
}

impl Tokens {
    async fn of(fixture: &Fixture) -> Self {
        let preview = fixture.process.send(&fixture.request(Endpoint::Preview), 1).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let quote = text(&preview.json()["quote"]);
        assert!(!quote.is_empty(), "{}", preview.body);
        let tokens = Self { quote, cursor: String::new() };
        // A second invoice, so that there is a second page.
        let change = fixture.process.send(&fixture.request(Endpoint::Change), 2).await;
        assert_eq!(change.status, 200, "{}", change.body);
        let mut page = event(fixture, Endpoint::Invoices, &tokens);
        page["rawQueryString"] = json!("limit=1");
        let page = send(fixture, Endpoint::Invoices, &page).await;
        let cursor = text(&page.json()["nextCursor"]);
        assert!(!cursor.is_empty(), "{}", page.body);
        Self { cursor, ..tokens }
    }
}

async fn send(fixture: &Fixture, endpoint: Endpoint, event: &Value) -> Reply {
    fixture.process.send_event(endpoint, event.to_string()).await
}

/// Change of a valid event.
#[derive(Clone, Debug)]
enum Twist {
    /// Mutations of the event.
    Event(Vec<Mutation>),
    /// Mutations of the body.
    Body(Vec<Mutation>),
    /// Text in place of the body, Base64 or not.
    Text(String, bool),
    Query(String),
    Header(&'static str, String),
    /// Replaced character of the quote or cursor.
    Token(prop::sample::Index, char),
    /// Body with nested lists of this depth.
    Deep(u32),
}

fn twist() -> impl Strategy<Value = Twist> {
    let names = vec![
        "authorization",
        "content-type",
        "idempotency-key",
        "x-cantila-act-as",
        "content-length",
        "cookie",
    ];
    let value = prop_oneof![
        any::<String>(),
        "[ -~]{0,300}",
        prop::sample::select(vec![
            "Bearer sk_live_",
            "application/json; charset=latin1",
            "acc_1",
            "\u{0}"
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        4 => mutations().prop_map(Twist::Event),
        4 => mutations().prop_map(Twist::Body),
        2 => (any::<String>(), any::<bool>()).prop_map(|(text, base64)| Twist::Text(text, base64)),
        2 => "[a-z=&%+0-9\\[\\]é;]{0,60}".prop_map(Twist::Query),
        1 => "limit=-?[0-9]{0,25}&cursor=[A-Za-z0-9_-]{0,80}".prop_map(Twist::Query),
        3 => (prop::sample::select(names), value).prop_map(|(name, value)| Twist::Header(name, value)),
        3 => (any::<prop::sample::Index>(), any::<char>()).prop_map(|(at, to)| Twist::Token(at, to)),
        1 => (1..20_000_u32).prop_map(Twist::Deep),
    ]
}

impl Twist {
    fn of(&self, mut event: Value) -> Value {
        match self {
            Self::Event(mutations) => return mutated(event, mutations),
            Self::Body(mutations) => {
                let body = event["body"].as_str().unwrap_or("{}");
                let body = serde_json::from_str(body).expect("JSON");
                event["body"] = json!(mutated(body, mutations).to_string());
            }
            Self::Text(text, base64) => {
                event["body"] = json!(text);
                event["isBase64Encoded"] = json!(base64);
            }
            Self::Query(query) => event["rawQueryString"] = json!(query),
            Self::Header(name, value) => event["headers"][*name] = json!(value),
            Self::Token(at, to) => {
                for field in ["body", "rawQueryString"] {
                    let text = event[field].as_str().unwrap_or_default();
                    // The token, if any, is at the end.
                    let tail = text.len().min(80);
                    let index = text.len() - tail + at.index(tail.max(1));
                    let twisted =
                        text.char_indices().map(|(n, own)| if n == index { *to } else { own });
                    event[field] = json!(twisted.collect::<String>());
                }
            }
            Self::Deep(depth) => {
                let depth = usize::try_from(*depth).expect("small");
                event["body"] = json!(format!("{{\"plan\":{}", "[".repeat(depth)));
            }
        }
        event
    }
}

#[test]
fn any_event_gets_a_response_of_the_contract() {
    let runtime = runtime();
    let fixture = runtime.block_on(Fixture::new());
    let tokens = runtime.block_on(Tokens::of(&fixture));
    let seen = RefCell::new(BTreeMap::<String, u32>::new());
    let one = |endpoint: Endpoint, event: &Value| {
        fixture.calls.store(0, Ordering::Relaxed);
        let reply = runtime.block_on(send(&fixture, endpoint, event));
        let name = format!("{endpoint:?} {} {}", reply.status, reply.error());
        *seen.borrow_mut().entry(name).or_default() += 1;
        let calls = fixture.calls.load(Ordering::Relaxed);
        if calls > MOST_CALLS {
            return Err(format!("{calls} calls"));
        }
        // Stripe has no fault, so a 5xx is a bug.
        if reply.status >= 500 {
            return Err(format!("{} {}", reply.status, reply.body));
        }
        check(&reply)
    };
    for text in CORPUS {
        for endpoint in Endpoint::ALL {
            let text = text.replace("THE_KEY", &fixture.bearer).replace("THE_QUOTE", &tokens.quote);
            let event = serde_json::from_str(&text).expect("JSON");
            one(endpoint, &event).unwrap_or_else(|why| panic!("{endpoint:?} {text}: {why}"));
        }
    }
    let input = (prop::sample::select(Endpoint::ALL.to_vec()), twist());
    let outcome = TestRunner::new(config(2_500)).run(&input, |(endpoint, twist)| {
        let event = twist.of(event(&fixture, endpoint, &tokens));
        one(endpoint, &event).map_err(TestCaseError::fail)
    });
    println!("{:#?}", seen.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
