use super::ApiError as E;
use super::*;
use crate::api::reply::Reply;

#[test]
fn error_has_its_status_code_details_and_headers_and_no_cause() {
    let cause = || Cause::from("rk_test_secret in a cause");
    let none = || Value::Null;
    let field = |name: &str| json!({ "field": name });
    let decline = Decline {
        code: Some("card_declined".to_owned()),
        decline_code: Some("insufficient_funds".to_owned()),
        kind: crate::stripe::DeclineKind::Soft,
        message: "Not enough.".to_owned(),
    };
    let scopes = (Scope::Admin, Scope::Read);
    let ending = NotChangeable::Ending;
    let plan = json!({ "plan": "pro" });
    let url = Some("https://x".to_owned());
    let text = |message: &str| message.to_owned();
    let retry = |seconds: &'static str| Some(("retry-after", seconds));
    let declined = json!({ "declineCode": "insufficient_funds", "kind": "soft" });
    let cases = [
        (E::Unauthenticated, 401, "unauthenticated", none(), Some(("www-authenticate", "Bearer"))),
        (E::StripeKeySent, 401, "unauthenticated", none(), Some(("www-authenticate", "Bearer"))),
        (
            E::InsufficientScope { required: scopes.0, granted: scopes.1 },
            403,
            "insufficient_scope",
            json!({ "required": "admin", "granted": "read" }),
            None,
        ),
        (E::ActAsForbidden, 403, "act_as_forbidden", none(), None),
        (E::NotFound, 404, "not_found", none(), None),
        (E::validation("limit", "a number"), 422, "validation", field("limit"), None),
        (E::MalformedBody { line: 1, column: 2 }, 400, "malformed_body", none(), None),
        (E::BodyTooLarge { longest: 9 }, 413, "body_too_large", none(), None),
        (E::UnsupportedMediaType, 415, "unsupported_media_type", none(), None),
        (E::UnknownPlan { message: text("None.") }, 422, "unknown_plan", field("plan"), None),
        (E::UrlNotAllowed { field: "url" }, 422, "url_not_allowed", field("url"), None),
        (E::IdempotencyInProgress, 409, "idempotency_in_progress", none(), retry("1")),
        (E::IdempotencyKeyReused, 422, "idempotency_key_reused", none(), None),
        (E::NoSubscription, 409, "no_subscription", none(), None),
        (E::AlreadySubscribed, 409, "already_subscribed", none(), None),
        (E::AlreadyOnPlan, 409, "already_on_plan", none(), None),
        (E::NoPendingChange, 409, "no_pending_change", none(), None),
        (
            E::NotChangeable(ending),
            409,
            "subscription_not_changeable",
            json!({ "reason": "ending" }),
            None,
        ),
        (
            E::QuoteChanged { preview: Box::new(plan.clone()) },
            409,
            "quote_changed",
            json!({ "preview": plan }),
            None,
        ),
        (E::QuoteExpired, 410, "quote_expired", none(), None),
        (E::PaymentFailed(Box::new(decline)), 402, "payment_failed", declined, None),
        (
            E::PaymentActionRequired { url },
            402,
            "payment_action_required",
            json!({ "url": "https://x" }),
            None,
        ),
        (
            E::RateLimited { retry_after: 7, cause: cause() },
            429,
            "rate_limited",
            none(),
            retry("7"),
        ),
        (E::Stripe(cause()), 502, "stripe_error", none(), None),
        (E::StripeUnavailable(cause()), 503, "stripe_unavailable", none(), retry("2")),
        (E::Unavailable(cause()), 503, "unavailable", none(), retry("2")),
        (E::Timeout, 504, "timeout", none(), None),
        (E::Internal(cause()), 500, "internal", none(), None),
    ];
    for (error, status, code, details, header) in cases {
        check(&error, status, code, &details, header);
    }
}

#[test]
fn refusal_of_stripe_names_what_is_missing() {
    let cause = Cause::from("rk_test_secret in a cause");
    let setting = crate::stripe::Setting::Portal;
    let cases = [
        (
            E::AlreadyCanceling { cancel_at: None },
            409,
            "already_canceling",
            json!({ "cancelAt": null }),
        ),
        (
            E::NotConfigured { setting, cause },
            409,
            "not_configured",
            json!({ "setting": "portal" }),
        ),
        (
            E::TaxLocationRequired,
            422,
            "tax_location_required",
            json!({ "flow": "customer_update" }),
        ),
    ];
    for (error, status, code, details) in cases {
        check(&error, status, code, &details, None);
    }
}

/// Asserts that the reply of an error has these parts and not its cause.
#[track_caller]
fn check(
    error: &E,
    status: u16,
    code: &str,
    details: &Value,
    header: Option<(&'static str, &'static str)>,
) {
    let message = error.to_string();
    assert!(!message.contains("secret"), "{code}: {message}");
    let reply = Reply::of_error(error, "req-1");
    assert_eq!(reply.status(), status, "{code}");
    let body: Value = serde_json::from_str(reply.body()).expect(code);
    let expected = json!({
        "error": code, "message": message, "requestId": "req-1", "details": details,
    });
    assert_eq!(body, expected);
    let headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
        .collect();
    let expected: Vec<_> = header.into_iter().collect();
    assert_eq!(headers, expected, "{code}");
}
