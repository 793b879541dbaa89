//! The document against the code: what it says is what there is, word for word.

use std::collections::BTreeSet;

use contract::{Checker, Document, Operation};
use devstack::functions::FUNCTIONS;
use serde_json::{Value, json};
use shared::api::error::{ApiError, Cause};
use shared::api::reply::Reply;
use shared::billing::subscription::NotChangeable;
use shared::stripe::{Decline, DeclineKind};

/// The published documentation, to the byte. It never changes.
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
fn the_routes_methods_and_scopes_are_those_of_the_functions() {
    let document = Document::load();
    let row = |one: Operation<'_>| {
        (one.method.to_owned(), one.path.to_owned(), one.scope(&document).to_owned())
    };
    let documented: BTreeSet<_> = document.operations().map(row).collect();
    let there = FUNCTIONS.iter().map(|function| {
        (function.method.to_owned(), function.path.to_owned(), function.scope.as_str().to_owned())
    });
    assert_eq!(documented, there.collect());
    assert_eq!(document.root()["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_statuses_and_codes_of_errors_are_those_of_the_code() {
    let document = Document::load();
    let mut documented = BTreeSet::new();
    for operation in document.operations() {
        for (status, code, _) in operation.errors(&document) {
            documented.insert((status, code.to_owned()));
        }
        let refusals = operation.responses(&document).into_keys().filter(|status| *status >= 400);
        let named: BTreeSet<u16> =
            operation.errors(&document).iter().map(|(status, ..)| *status).collect();
        assert_eq!(refusals.collect::<BTreeSet<_>>(), named, "{}", operation.id());
    }
    let there = ApiError::KINDS.iter().map(|(status, code)| (status.as_u16(), (*code).to_owned()));
    assert_eq!(documented, there.collect());
}

/// One of each, as the examples have them.
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
    vec![
        ApiError::Unauthenticated,
        ApiError::InsufficientScope { required, granted },
        ApiError::ActAsForbidden,
        ApiError::MalformedBody,
        ApiError::BodyTooLarge { longest: 16_384 },
        ApiError::UnsupportedMediaType,
        ApiError::validation("limit", "\"limit\" has to be a whole number from 1 to 100."),
        ApiError::UnknownPlan { message: unknown },
        ApiError::UrlNotAllowed { field: "returnUrl" },
        ApiError::IdempotencyInProgress,
        ApiError::IdempotencyKeyReused,
        ApiError::NoSubscription,
        ApiError::AlreadySubscribed,
        ApiError::AlreadyOnPlan,
        ApiError::NotChangeable(NotChangeable::Ending),
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
fn every_error_is_shown_as_the_code_words_it() {
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
fn the_published_examples_are_there_to_the_byte_and_no_schema_contradicts_them() {
    let checker = Checker::new(Document::load());
    let document = checker.document();
    for (path, bytes) in PUBLISHED {
        let operation = document.operations().find(|one| one.path == path).expect(path);
        let responses = operation.responses(document);
        let content = &responses.values().next().expect("success")["content"]["application/json"];
        let published: Value = serde_json::from_str(bytes).expect("JSON");
        assert_eq!(content["examples"]["published"]["value"], published, "{path}");
        assert!(TEXT.contains(&format!("value: {bytes}\n")), "{path}: not to the byte");
        let faults = contradictions(&checker, &content["schema"], &published);
        assert!(faults.is_empty(), "{path}: {faults:?}");
    }
    let count = TEXT.matches("published:\n").count();
    assert_eq!(count, PUBLISHED.len());
}

/// What a schema says against the fields that are there; what is left out is no matter.
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
                None => vec![format!("there is no {name}")],
            };
            fields.iter().flat_map(inner).collect()
        }
        Value::Array(items) => {
            items.iter().flat_map(|item| contradictions(checker, &schema["items"], item)).collect()
        }
        _ => checker.schema_faults(schema, value),
    }
}

#[test]
fn every_example_fits_its_schema() {
    let checker = Checker::new(Document::load());
    let document = checker.document();
    let (mut count, mut faults) = (0, Vec::new());
    for operation in document.operations() {
        let responses = operation.responses(document);
        let answers = responses.values().map(|one| &one["content"]["application/json"]);
        for content in answers.chain(operation.body()) {
            for (name, example) in content["examples"].as_object().expect("examples") {
                if name == "published" && *operation.path != *"/v1/billing/portal-session" {
                    continue;
                }
                let value = &document.resolve(example)["value"];
                let found = checker.schema_faults(&content["schema"], value);
                faults
                    .extend(found.iter().map(|fault| format!("{} {name}{fault}", operation.id())));
                count += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count > 100, "{count} examples were looked at");
}

/// An object that takes any field, or does not say which are there, would let an answer drift away.
#[test]
fn every_object_is_closed_and_names_what_is_always_there() {
    let document = Document::load();
    let schemas = document.root()["components"]["schemas"].as_object().expect("schemas");
    let mut open = Vec::new();
    for (name, schema) in schemas {
        look_for_open(name, schema, &mut open);
    }
    assert!(open.is_empty(), "{open:?}");
}

fn look_for_open(place: &str, schema: &Value, open: &mut Vec<String>) {
    if schema["type"] == "object" {
        if schema["additionalProperties"] != json!(false) {
            open.push(format!("{place} takes any field"));
        }
        let fields = schema["properties"].as_object().expect("fields");
        let required = schema["required"].as_array().map_or(0, Vec::len);
        if !place.ends_with("Request") && required != fields.len() {
            open.push(format!("{place} does not require all its fields"));
        }
        for (name, field) in fields {
            look_for_open(&format!("{place}.{name}"), field, open);
        }
    }
    if let Some(items) = schema.get("items") {
        look_for_open(&format!("{place}[]"), items, open);
    }
}

#[test]
fn a_faulty_answer_is_told_with_its_place() {
    let checker = Checker::new(Document::load());
    let headers = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-request-id", "1"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", "total;dur=1.0, auth;dur=1.0, stripe;dur=0.0;count=0"),
    ];
    let right = json!({ "url": "https://billing.stripe.com/p/session/1" }).to_string();
    let faults = |status: u16, headers: &[(&str, &str)], body: &str| {
        let (method, path) = ("POST", "/v1/billing/portal-session");
        checker.faults(&contract::Answer { method, path, status, headers, body }).join("; ")
    };
    assert_eq!(faults(201, &headers, &right), "");
    let refusal = json!({ "error": "validation", "message": "No.", "requestId": "1", "details": { "field": 1 } });
    let rows = [
        (faults(200, &headers, &right), "does not answer 200"),
        (faults(201, &headers[1..], &right), "content-type is not"),
        (faults(201, &headers[..4], &right), "no header Server-Timing"),
        (faults(201, &[&headers[..], &[("x-more", "1")]].concat(), &right), "header x-more is not"),
        (faults(201, &headers, "{}"), "\"url\" is a required property"),
        (faults(201, &headers, &json!({ "url": 1 }).to_string()), "body/url: 1 is not"),
        (faults(201, &headers, "<html>"), "not JSON"),
        (faults(422, &headers, &refusal.to_string()), "body/details/field: 1 is not"),
        (faults(429, &headers, &refusal.to_string()), "no header Retry-After"),
    ];
    for (told, expected) in rows {
        assert!(told.contains(expected), "{expected:?} in {told:?}");
    }
}
