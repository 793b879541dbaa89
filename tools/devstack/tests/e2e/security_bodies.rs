//! Mass assignment and open redirects: unknown fields and misleading URLs are rejected and change nothing.

use devstack::functions::FUNCTIONS;
use serde_json::{Value, json};

use crate::cases;
use crate::harness::{Harness, Request};
use crate::payer::{CHECKOUT, JSON, PORTAL, Start, with};

cases![unknown_and_malformed_fields_are_rejected_and_change_nothing, misleading_url_is_rejected,];

/// Fields of Stripe's endpoints, or of values that only the operator or the API key determines.
const FOREIGN: [&str; 44] = [
    "account",
    "accountId",
    "customer",
    "customer_email",
    "parent",
    "scope",
    "key",
    "subscription",
    "subscription_data",
    "subscriptionId",
    "price",
    "prices",
    "priceId",
    "items",
    "line_items",
    "amount",
    "unit_amount",
    "currency",
    "quantity",
    "discounts",
    "coupon",
    "promotion_code",
    "trial_end",
    "trial_period_days",
    "proration_date",
    "prorationDate",
    "proration_behavior",
    "payment_behavior",
    "billing_cycle_anchor",
    "cancel_at",
    "collection_method",
    "off_session",
    "metadata",
    "metadata[cantila_account]",
    "cantila_operation",
    "expand",
    "mode",
    "automatic_tax",
    "configuration",
    "on_behalf_of",
    "transfer_data",
    "success_url",
    "return_url",
    "flow_data",
];

/// Names with a special meaning to some parsers.
const ODD: [&str; 14] = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "$where",
    "plan[]",
    "plan.name",
    "PLAN",
    "Plan",
    "plan ",
    " plan",
    "plan\\u0000",
    "pl\\u0430n",
    "",
];

/// Returns bodies with known fields in invalid forms.
fn twisted(sample: &Value) -> Vec<String> {
    let inner = sample.to_string();
    let mut all = vec![
        json!({ "body": sample }).to_string(),
        json!({ "data": sample, "plan": "agency" }).to_string(),
        format!("[{inner}]"),
        format!("{{\"plan\":{inner}}}"),
        r#"{"plan":{"$ne":null}}"#.to_owned(),
        r#"{"plan":["agency"]}"#.to_owned(),
        r#"{"plan":"agency","plan":"hobby"}"#.to_owned(),
        r#"{"plan":"agency","pl\u0061n":"hobby"}"#.to_owned(),
        r#"{"interval":null,"interval":"year","plan":"agency"}"#.to_owned(),
    ];
    for value in ["1", "true", "{}", "[]", "-1", "1e3"] {
        all.push(format!("{{\"plan\":{value}}}"));
    }
    all
}

fn unknown_and_malformed_fields_are_rejected_and_change_nothing(harness: &Harness) {
    let payer = harness.payer("assigned", Start::on("pro"));
    let before = payer.ledger(harness);
    let written = writes(harness);
    let bearer = ("authorization", format!("Bearer {}", payer.account.key));
    let mut requests = Vec::new();
    for function in FUNCTIONS {
        let Some(sample) = function.sample else { continue };
        let sample: Value = serde_json::from_str(sample).expect("JSON");
        let inner = sample.to_string();
        let inner = inner.trim_start_matches('{').trim_end_matches('}');
        let comma = if inner.is_empty() { "" } else { "," };
        let names = FOREIGN.iter().chain(&ODD);
        let added = names.flat_map(|name| {
            let values = [r#""x""#, "null", "1", r#"{"a":{"b":["c"]}}"#];
            let at = name.len() % values.len();
            [values[at], values[(at + 1) % 4]].map(|value| {
                // Before the valid fields as well as after them.
                if at.is_multiple_of(2) {
                    format!("{{\"{name}\":{value}{comma}{inner}}}")
                } else {
                    format!("{{{inner}{comma}\"{name}\":{value}}}")
                }
            })
        });
        for body in added.chain(twisted(&sample)) {
            requests.push(Request {
                method: function.method,
                url: format!("{}{}", harness.about().api_url, function.path),
                headers: vec![bearer.clone(), (JSON.0, JSON.1.to_owned())],
                body,
            });
        }
    }
    let said: Vec<_> = requests.iter().map(|one| format!("{} {}", one.url, one.body)).collect();
    for (response, said) in harness.send_all(requests).iter().zip(&said) {
        let error = response.json()["error"].as_str().map(str::to_owned);
        assert_eq!(
            (response.status, error.as_deref()),
            (422, Some("validation")),
            "{said}: {}",
            response.body
        );
    }
    assert_eq!(writes(harness), written, "nothing was sent to Stripe");
    assert_eq!(payer.ledger(harness), before);
    assert!(said.len() > 500, "{} bodies", said.len());
}

/// Returns the ID of the functions' last writing request to Stripe.
fn writes(harness: &Harness) -> Option<Value> {
    let log = harness.sandbox("GET", "/requests", &Value::Null);
    let entries = log["requests"].as_array().expect("a list").iter();
    let is_write = |entry: &&Value| {
        entry["method"] != "GET"
            && entry["key"].as_str().is_some_and(|key| key.starts_with("rk_"))
            && entry["path"] != "/v1/invoices/create_preview"
    };
    entries.filter(is_write).map(|entry| entry["request_id"].clone()).next()
}

/// URLs that mislead browsers or naive checks. `localhost:3000` is the only allowed origin.
const TRICKS: &[&str] = &[
    // Another host in disguise.
    "http://localhost:3000@evil.example/",
    "http://localhost:3000:x@evil.example/",
    "http://evil.example#@localhost:3000/",
    "http://evil.example?http://localhost:3000/",
    "http://evil.example/http://localhost:3000/",
    "http://evil.example\\\\@localhost:3000/",
    "http://localhost:3000\\\\@evil.example/",
    "http:\\\\\\\\localhost:3000/",
    "http://localhost:3000%40evil.example/",
    "http://localhost%2f@evil.example:3000/",
    "http://localhost:3000.evil.example/",
    "http://localhost.evil.example:3000/",
    "http://evil-localhost:3000/",
    "http://localhost.:3000/",
    "http://.localhost:3000/",
    "http://localhost%00.evil.example:3000/",
    "http://localhost%2eevil.example:3000/",
    "https://console.cantila.example.evil.example/",
    // Lookalikes: full-width, Cyrillic, Kelvin sign, a full stop of another script, punycode.
    "http://ｌocalhost:3000/",
    "http://lосalhost:3000/",
    "http://localhost。evil.example:3000/",
    "http://xn--lcalhost-2fg:3000/",
    "http://localhost\\u200b:3000/",
    "http://\\u202elocalhost:3000/",
    // Other ports and schemes of the same host.
    "http://localhost/",
    "http://localhost:3001/",
    "http://localhost:30000/",
    "http://localhost:+3000/",
    "http://localhost:3000x/",
    "http://localhost:65536/",
    "http://localhost:-1/",
    "http://localhost:/",
    "https://localhost:3000/",
    "ws://localhost:3000/",
    "ftp://localhost:3000/",
    "file://localhost:3000/etc/passwd",
    "blob:http://localhost:3000/1",
    "view-source:http://localhost:3000/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//http://localhost:3000/",
    "javascript://localhost:3000/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "mailto:a@localhost",
    // A missing or incomplete scheme.
    "//localhost:3000/",
    "///localhost:3000/",
    "////evil.example/",
    "/\\\\evil.example/",
    "/billing",
    "billing",
    "localhost:3000/",
    "http:/localhost:3000/",
    "http:localhost:3000/",
    "http:///localhost:3000/",
    "http//localhost:3000/",
    "://localhost:3000/",
    "http://",
    "http://:3000/",
    // Spaces and control characters.
    " http://localhost:3000/",
    "http://localhost:3000/ ",
    "http://localhost:3000/a b",
    "http://local host:3000/",
    "\\thttp://localhost:3000/",
    "ht\\ttp://localhost:3000/",
    "http://localhost:3000/\\r\\nset-cookie: a=b",
    "http://localhost:3000/\\u0000",
    "http://localhost:3000\\n.evil.example/",
    "\\u0001javascript:alert(1)",
    "\\ufeffhttp://localhost:3000/",
    // Other names of this machine, and the instance metadata service.
    "http://2130706433:3000/",
    "http://0x7f000001:3000/",
    "http://0177.0.0.1:3000/",
    "http://127.1:3000/",
    "http://127.0.0.1:3000/",
    "http://[::1]:3000/",
    "http://[::ffff:127.0.0.1]:3000/",
    "http://[0:0:0:0:0:0:0:1]:3000/",
    "http://0.0.0.0:3000/",
    "http://[::1]",
    "http://169.254.169.254/latest/meta-data/",
];

fn misleading_url_is_rejected(harness: &Harness) {
    let places = [
        (CHECKOUT, json!({ "plan": "pro" }), "successUrl"),
        (CHECKOUT, json!({ "plan": "pro" }), "cancelUrl"),
        (CHECKOUT, json!({ "plan": "pro", "uiMode": "embedded" }), "returnUrl"),
        (PORTAL, json!({}), "returnUrl"),
    ];
    let account = harness.admin_of("redirected", None);
    let bearer = ("authorization", format!("Bearer {}", account.key));
    let request = |path: &str, body: String| Request {
        method: "POST",
        url: format!("{}{path}", harness.about().api_url),
        headers: vec![bearer.clone(), (JSON.0, JSON.1.to_owned())],
        body,
    };
    let written = writes(harness);
    for (index, (path, body, field)) in places.iter().enumerate() {
        // Every URL in the portal's field and in one of checkout's three.
        let is_meant = |turn: usize| *path == PORTAL || turn % 3 == index;
        let tricks: Vec<_> = TRICKS
            .iter()
            .enumerate()
            .filter(|(turn, _)| is_meant(*turn))
            .map(|(_, url)| url)
            .collect();
        let requests = tricks.iter().map(|url| {
            // Inserted into the JSON as text, because the table has JSON escapes.
            request(
                path,
                with(body, field, "URL").to_string().replace("URL\"", &format!("{url}\"")),
            )
        });
        for (response, url) in harness.send_all(requests.collect()).iter().zip(&tricks) {
            let body = response.json();
            assert_eq!(
                (response.status, &body["details"]["field"]),
                (422, &json!(field)),
                "{url}: {body}"
            );
            let error = body["error"].as_str();
            assert!(matches!(error, Some("validation" | "url_not_allowed")), "{url}: {body}");
        }
    }
    assert_eq!(writes(harness), written, "nothing was sent to Stripe");
    // The allowed origin is accepted in any notation.
    for url in ["http://localhost:3000", "http://LOCALHOST:3000/a?b=//evil.example#@evil.example"] {
        let response = harness.post(PORTAL, &account.key, &json!({ "returnUrl": url }));
        assert_eq!(response.status, 201, "{url}: {}", response.body);
    }
}
