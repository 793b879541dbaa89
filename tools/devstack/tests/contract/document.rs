//! The document against the code: routes, scopes, errors and examples.

use std::collections::BTreeSet;

use contract::{Checker, Document, Operation};
use devstack::functions::FUNCTIONS;
use serde_json::{Value, json};
use shared::Timestamp;
use shared::api::error::{ApiError, Cause};
use shared::api::reply::Reply;
use shared::billing::subscription::NotChangeable;
use shared::stripe::{Decline, DeclineKind, Setting};

/// Published examples, byte for byte. They never change.
const PUBLISHED: [(&str, &str); 5] = [
    (
        "/v1/billing/summary",
        r#"{ "plan": "pro", "status": "active", "currentPeriodEnd": "2026-06-28", "estimate": { "currency": "USD", "amount": "41.20" } }"#,
    ),
    (
        "/v1/billing/invoices",
        r#"{ "invoices": [ { "number": "CANT-0001", "status": "paid", "amount": "35.00", "hostedUrl": "https://invoice.stripe.com/..." } ] }"#,
    ),
    ("/v1/billing/checkout-session", r#"{ "url": "https://checkout.stripe.com/c/pay/cs_..." }"#),
    ("/v1/billing/portal-session", r#"{ "url": "https://billing.stripe.com/p/session/..." }"#),
    (
        "/v1/billing/plan-change/preview",
        r#"{ "plan": "agency", "prorationAmount": "18.42", "currency": "USD" }"#,
    ),
];

const TEXT: &str = include_str!("../../../../openapi.yaml");

#[test]
fn document_has_the_routes_methods_and_scopes_of_the_functions() {
    let document = Document::load();
    let row = |one: Operation<'_>| {
        (one.method.to_owned(), one.path.to_owned(), one.scope(&document).to_owned())
    };
    let documented: BTreeSet<_> = document.operations().map(row).collect();
    let implemented = FUNCTIONS.iter().map(|function| {
        (function.method.to_owned(), function.path.to_owned(), function.scope.as_str().to_owned())
    });
    assert_eq!(documented, implemented.collect());
    assert_eq!(document.root()["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn document_has_the_statuses_and_codes_of_the_errors() {
    let document = Document::load();
    let mut documented = BTreeSet::new();
    for operation in document.operations() {
        for (status, code, _) in operation.errors(&document) {
            documented.insert((status, code.to_owned()));
        }
        let statuses = operation.responses(&document).into_keys().filter(|status| *status >= 400);
        let named: BTreeSet<u16> =
            operation.errors(&document).iter().map(|(status, ..)| *status).collect();
        assert_eq!(statuses.collect::<BTreeSet<_>>(), named, "{}", operation.id());
    }
    let implemented =
        ApiError::KINDS.iter().map(|(status, code)| (status.as_u16(), (*code).to_owned()));
    assert_eq!(documented, implemented.collect());
}

/// Returns one error of each kind, with the values of the examples.
fn samples(preview: &Value) -> Vec<ApiError> {
    let cause = || Cause::from("a cause");
    let (required, granted) = (shared::Scope::Admin, shared::Scope::Read);
    let decline = Decline {
        code: Some("card_declined".to_owned()),
        decline_code: Some("insufficient_funds".to_owned()),
        kind: DeclineKind::Soft,
        message: "Your card has insufficient funds.".to_owned(),
    };
    let page = "https://invoice.stripe.com/i/acct_1Example/test_Authenticate".to_owned();
    let unknown = "There is no plan \"gold\". Plans: hobby, starter, pro, agency.".to_owned();
    let ends = Timestamp::parse("2026-06-28T09:30:00Z").expect("a time");
    vec![
        ApiError::Unauthenticated,
        ApiError::InsufficientScope { required, granted },
        ApiError::ActAsForbidden,
        ApiError::NotFound,
        ApiError::MalformedBody { line: 1, column: 16 },
        ApiError::BodyTooLarge { longest: 16_384 },
        ApiError::UnsupportedMediaType,
        ApiError::validation("limit", "\"limit\" must be an integer from 1 to 100."),
        ApiError::UnknownPlan { message: unknown },
        ApiError::UrlNotAllowed { field: "returnUrl" },
        ApiError::IdempotencyInProgress,
        ApiError::ChangeInProgress,
        ApiError::IdempotencyKeyReused,
        ApiError::NoSubscription,
        ApiError::AlreadySubscribed,
        ApiError::AlreadyOnPlan,
        ApiError::NoPendingChange,
        ApiError::NotChangeable(NotChangeable::Ending),
        ApiError::AlreadyCanceling { cancel_at: Some(ends.date()) },
        ApiError::NotConfigured { setting: Setting::Portal, cause: cause() },
        ApiError::TaxLocationRequired,
        ApiError::QuoteChanged { preview: Box::new(preview.clone()) },
        ApiError::QuoteExpired,
        ApiError::PaymentFailed(Box::new(decline)),
        ApiError::PaymentActionRequired { url: Some(page) },
        ApiError::RateLimited { retry_after: 2, cause: cause() },
        ApiError::Stripe(cause()),
        ApiError::StripeUnavailable(cause()),
        ApiError::Unavailable(cause()),
        ApiError::Timeout,
        ApiError::Internal(cause()),
    ]
}

#[test]
fn each_error_has_an_example_with_the_body_of_the_code() {
    let document = Document::load();
    let examples = &document.root()["components"]["examples"];
    let mut shown = BTreeSet::new();
    for error in samples(&examples["preview"]["value"]) {
        let (status, code) = error.kind();
        let example = &examples[code]["value"];
        let request_id = example["requestId"].as_str().expect(code);
        let body: Value =
            serde_json::from_str(Reply::of_error(&error, request_id).body()).expect("JSON");
        assert_eq!(body, *example, "{code}");
        shown.insert((status.as_u16(), code));
    }
    let all = ApiError::KINDS.iter().map(|(status, code)| (status.as_u16(), *code));
    assert_eq!(shown, all.collect());
}

#[test]
fn published_examples_are_unchanged_and_fit_the_schemas() {
    let checker = Checker::new(Document::load());
    let document = checker.document();
    for (path, bytes) in PUBLISHED {
        let operation = document.operations().find(|one| one.path == path).expect(path);
        let responses = operation.responses(document);
        let content = &responses.values().next().expect("success")["content"]["application/json"];
        let published: Value = serde_json::from_str(bytes).expect("JSON");
        assert_eq!(content["examples"]["published"]["value"], published, "{path}");
        assert!(TEXT.contains(&format!("value: {bytes}\n")), "{path}: the bytes differ");
        let violations = contradictions(&checker, &content["schema"], &published);
        assert!(violations.is_empty(), "{path}: {violations:?}");
    }
    let count = TEXT.matches("published:\n").count();
    assert_eq!(count, PUBLISHED.len());
}

/// Returns the violations of a schema by the fields that a value has. Missing fields are none.
fn contradictions(checker: &Checker, schema: &Value, value: &Value) -> Vec<String> {
    let document = checker.document();
    let schema = document.resolve(schema);
    if let Some(all) = schema["oneOf"].as_array() {
        let each = all.iter().map(|one| contradictions(checker, one, value));
        return each.min_by_key(Vec::len).unwrap_or_default();
    }
    match value {
        Value::Object(fields) => {
            let inner = |(name, value): (&String, &Value)| match schema["properties"].get(name) {
                Some(field) => contradictions(checker, field, value),
                None => vec![format!("{name} is not in the schema")],
            };
            fields.iter().flat_map(inner).collect()
        }
        Value::Array(items) => {
            items.iter().flat_map(|item| contradictions(checker, &schema["items"], item)).collect()
        }
        _ => checker.schema_violations(schema, value),
    }
}

#[test]
fn each_example_fits_its_schema() {
    let checker = Checker::new(Document::load());
    let document = checker.document();
    let (mut count, mut violations) = (0, Vec::new());
    for operation in document.operations() {
        let responses = operation.responses(document);
        let contents = responses.values().map(|one| &one["content"]["application/json"]);
        for content in contents.chain(operation.body()) {
            // A 304 has no content.
            for (name, example) in content["examples"].as_object().into_iter().flatten() {
                if name == "published" && *operation.path != *"/v1/billing/portal-session" {
                    continue;
                }
                let value = &document.resolve(example)["value"];
                let found = checker.schema_violations(&content["schema"], value);
                violations
                    .extend(found.iter().map(|one| format!("{} {name}{one}", operation.id())));
                count += 1;
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(count > 100, "only {count} examples were checked");
}

/// An open object, or an optional field, would let a response change unnoticed.
#[test]
fn each_object_is_closed_and_requires_its_fields() {
    let document = Document::load();
    let schemas = document.root()["components"]["schemas"].as_object().expect("schemas");
    let mut open = Vec::new();
    for (name, schema) in schemas {
        find_open(name, schema, &mut open);
    }
    assert!(open.is_empty(), "{open:?}");
}

fn find_open(place: &str, schema: &Value, open: &mut Vec<String>) {
    if schema["type"] == "object" {
        if schema["additionalProperties"] != json!(false) {
            open.push(format!("{place} allows any field"));
        }
        let fields = schema["properties"].as_object().expect("fields");
        let required = schema["required"].as_array().map_or(0, Vec::len);
        if !place.ends_with("Request") && required != fields.len() {
            open.push(format!("{place} does not require all its fields"));
        }
        for (name, field) in fields {
            find_open(&format!("{place}.{name}"), field, open);
        }
    }
    if let Some(items) = schema.get("items") {
        find_open(&format!("{place}[]"), items, open);
    }
}

/// Generators name types by their titles.
#[test]
fn titles_are_unique() {
    let document = Document::load();
    let mut titles = Vec::new();
    find_titles(&document.root()["components"]["schemas"], &mut titles);
    let unique: BTreeSet<_> = titles.iter().collect();
    assert_eq!(unique.len(), titles.len(), "{titles:?}");
}

fn find_titles<'a>(value: &'a Value, titles: &mut Vec<&'a str>) {
    titles.extend(value.get("title").and_then(Value::as_str));
    match value {
        Value::Object(fields) => fields.values().for_each(|field| find_titles(field, titles)),
        Value::Array(items) => items.iter().for_each(|item| find_titles(item, titles)),
        _ => {}
    }
}

#[test]
fn checker_reports_each_violation_with_its_place() {
    let checker = Checker::new(Document::load());
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-request-id", "1"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", "total;dur=1.0, auth;dur=1.0, stripe;dur=0.0;count=0"),
    ];
    let valid = json!({ "url": "https://billing.stripe.com/p/session/1" }).to_string();
    let violations = |status: u16, headers: &[(&str, &str)], body: &str| {
        let (method, path) = ("POST", "/v1/billing/portal-session");
        checker.violations(&contract::Response { method, path, status, headers, body }).join("; ")
    };
    assert_eq!(violations(201, &headers, &valid), "");
    let error = |code: &str, details: Value| {
        json!({ "error": code, "message": "No.", "requestId": "1", "details": details }).to_string()
    };
    let field = error("validation", json!({ "field": 1 }));
    let details = error("malformed_body", json!({}));
    let more = [&headers[..], &[("x-more", "1")]].concat();
    let rows = [
        (violations(200, &headers, &valid), "has no response 200"),
        (violations(201, &headers[1..], &valid), "content-type is not"),
        (violations(201, &headers[..4], &valid), "no header Server-Timing"),
        (violations(201, &more, &valid), "header x-more is not"),
        (violations(201, &headers, "{}"), "\"url\" is a required property"),
        (violations(201, &headers, &json!({ "url": 1 }).to_string()), "body/url: 1 is not"),
        (violations(201, &headers, "<html>"), "not JSON"),
        (violations(422, &headers, &field), "body/details/field: 1 is not"),
        (violations(429, &headers, &field), "no header Retry-After"),
        (violations(400, &headers, &details), "body/details: null was expected"),
    ];
    for (reported, expected) in rows {
        assert!(reported.contains(expected), "{expected:?} in {reported:?}");
    }
}
