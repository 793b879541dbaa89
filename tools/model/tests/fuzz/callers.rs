//! What callers send: events, headers, bodies, queries, cursors, quotes, tokens.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use model::{Endpoint, Reply, runtime};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::fixture::{Rich, check, config};
use crate::mutation::{Mutation, mutated, mutations};

/// More than any endpoint asks of Stripe for one request here.
const MOST_CALLS: u32 = 40;

/// Events that were interesting once, one a file.
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

/// A right event for the endpoint, with a token of ours where there can be one.
fn event(rich: &Rich, endpoint: Endpoint, tokens: &Tokens) -> Value {
    let mut request = rich.request(endpoint);
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
            "authorization": format!("Bearer {}", rich.bearer), "content-type": "application/json",
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
    async fn of(rich: &Rich) -> Self {
        let preview = rich.process.ask(&rich.request(Endpoint::Preview), 1).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let quote = text(&preview.json()["quote"]);
        assert!(!quote.is_empty(), "{}", preview.body);
        let tokens = Self { quote, cursor: String::new() };
        // Two invoices, so that there is a second page.
        let change = rich.process.ask(&rich.request(Endpoint::Change), 2).await;
        assert_eq!(change.status, 200, "{}", change.body);
        let mut page = event(rich, Endpoint::Invoices, &tokens);
        page["rawQueryString"] = json!("limit=1");
        let page = ask(rich, Endpoint::Invoices, &page).await.expect("an event");
        let cursor = text(&page.json()["nextCursor"]);
        assert!(!cursor.is_empty(), "{}", page.body);
        Self { cursor, ..tokens }
    }
}

/// None for what is no event of API Gateway's at all, which is refused before us.
async fn ask(rich: &Rich, endpoint: Endpoint, event: &Value) -> Option<Reply> {
    let event = serde_json::from_value(event.clone()).ok()?;
    Some(rich.process.event(endpoint, event).await)
}

/// What is made of an event before it is sent.
#[derive(Clone, Debug)]
enum Twist {
    /// Anything of the event.
    Event(Vec<Mutation>),
    /// Anything of the body.
    Body(Vec<Mutation>),
    /// A body that may be no JSON.
    Text(String, bool),
    Query(String),
    Header(&'static str, String),
    /// A piece of the quote or cursor, put somewhere else.
    Token(prop::sample::Index, char),
    /// So deep.
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
                    // In the last characters there is the token, if there is one.
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
fn whatever_a_caller_sends_gets_an_answer_of_the_contract() {
    let runtime = runtime();
    let rich = runtime.block_on(Rich::new());
    let tokens = runtime.block_on(Tokens::of(&rich));
    let seen = RefCell::new(BTreeMap::<String, u32>::new());
    let one = |endpoint: Endpoint, event: &Value| {
        rich.asked.store(0, Ordering::Relaxed);
        let Some(reply) = runtime.block_on(ask(&rich, endpoint, event)) else {
            *seen.borrow_mut().entry("no event".to_owned()).or_default() += 1;
            return Ok(());
        };
        let name = format!("{endpoint:?} {} {}", reply.status, reply.error());
        *seen.borrow_mut().entry(name).or_default() += 1;
        let calls = rich.asked.load(Ordering::Relaxed);
        if calls > MOST_CALLS {
            return Err(format!("{calls} calls"));
        }
        // Stripe is well, so no failure is anybody's but ours.
        if reply.status >= 500 {
            return Err(format!("{} {}", reply.status, reply.body));
        }
        check(&reply)
    };
    for text in CORPUS {
        for endpoint in Endpoint::ALL {
            let text = text.replace("THE_KEY", &rich.bearer).replace("THE_QUOTE", &tokens.quote);
            let event = serde_json::from_str(&text).expect("JSON");
            one(endpoint, &event).unwrap_or_else(|why| panic!("{endpoint:?} {text}: {why}"));
        }
    }
    let input = (prop::sample::select(Endpoint::ALL.to_vec()), twist());
    let outcome = TestRunner::new(config(2_500)).run(&input, |(endpoint, twist)| {
        let event = twist.of(event(&rich, endpoint, &tokens));
        one(endpoint, &event).map_err(TestCaseError::fail)
    });
    println!("{:#?}", seen.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
