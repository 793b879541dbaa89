use super::*;
use crate::api::reply::Reply;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn error_has_its_status_code_details_and_headers_and_no_cause() {
    let cause = || Cause::from("rk_test_secret in a cause");
    let none = Value::Null;
    let decline = Decline {
        code: Some("card_declined".to_owned()),
        decline_code: Some("insufficient_funds".to_owned()),
        kind: crate::stripe::DeclineKind::Soft,
        message: "Not enough.".to_owned(),
    };
    let cases = [
        (
            ApiError::Unauthenticated,
            401,
            "unauthenticated",
            none.clone(),
            Some(("www-authenticate", "Bearer")),
        ),
        (
            ApiError::InsufficientScope { required: Scope::Admin, granted: Scope::Read },
            403,
            "insufficient_scope",
            json!({ "required": "admin", "granted": "read" }),
            None,
        ),
        (ApiError::ActAsForbidden, 403, "act_as_forbidden", none.clone(), None),
        (
            ApiError::validation("limit", "limit is a number"),
            422,
            "validation",
            json!({ "field": "limit" }),
            None,
        ),
        (ApiError::MalformedBody, 400, "malformed_body", none.clone(), None),
        (ApiError::BodyTooLarge { longest: 9 }, 413, "body_too_large", none.clone(), None),
        (ApiError::UnsupportedMediaType, 415, "unsupported_media_type", none.clone(), None),
        (
            ApiError::UnknownPlan { message: "None.".to_owned() },
            422,
            "unknown_plan",
            json!({ "field": "plan" }),
            None,
        ),
        (
            ApiError::UrlNotAllowed { field: "returnUrl" },
            422,
            "url_not_allowed",
            json!({ "field": "returnUrl" }),
            None,
        ),
        (
            ApiError::IdempotencyInProgress,
            409,
            "idempotency_in_progress",
            none.clone(),
            Some(("retry-after", "1")),
        ),
        (ApiError::IdempotencyKeyReused, 422, "idempotency_key_reused", none.clone(), None),
        (ApiError::NoSubscription, 409, "no_subscription", none.clone(), None),
        (ApiError::AlreadySubscribed, 409, "already_subscribed", none.clone(), None),
        (ApiError::AlreadyOnPlan, 409, "already_on_plan", none.clone(), None),
        (
            ApiError::NotChangeable(NotChangeable::Ending),
            409,
            "subscription_not_changeable",
            json!({ "reason": "ending" }),
            None,
        ),
        (
            ApiError::QuoteChanged { preview: Box::new(json!({ "plan": "pro" })) },
            409,
            "quote_changed",
            json!({ "preview": { "plan": "pro" } }),
            None,
        ),
        (ApiError::QuoteExpired, 410, "quote_expired", none.clone(), None),
        (
            ApiError::PaymentFailed(Box::new(decline)),
            402,
            "payment_failed",
            json!({ "declineCode": "insufficient_funds", "kind": "soft" }),
            None,
        ),
        (
            ApiError::PaymentActionRequired { url: Some("https://x".to_owned()) },
            402,
            "payment_action_required",
            json!({ "url": "https://x" }),
            None,
        ),
        (
            ApiError::RateLimited { retry_after: 7, cause: cause() },
            429,
            "rate_limited",
            none.clone(),
            Some(("retry-after", "7")),
        ),
        (ApiError::Stripe(cause()), 502, "stripe_error", none.clone(), None),
        (
            ApiError::StripeUnavailable(cause()),
            503,
            "stripe_unavailable",
            none.clone(),
            Some(("retry-after", "2")),
        ),
        (
            ApiError::Unavailable(cause()),
            503,
            "unavailable",
            none.clone(),
            Some(("retry-after", "2")),
        ),
        (ApiError::Timeout, 504, "timeout", none.clone(), None),
        (ApiError::Internal(cause()), 500, "internal", none, None),
    ];
    for (error, status, code, details, header) in cases {
        let message = error.to_string();
        assert!(!message.contains("secret"), "{code}: {message}");
        let reply = Reply::of_error(&error, "req-1");
        assert_eq!(reply.status.as_u16(), status, "{code}");
        let body: Value = serde_json::from_str(&reply.body).expect(code);
        // The whole body, so that a field added by accident fails too.
        assert_eq!(
            body,
            json!({ "error": code, "message": message, "requestId": "req-1", "details": details })
        );
        let headers: Vec<_> = reply
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("text")))
            .collect();
        assert_eq!(headers, Vec::from_iter(header), "{code}");
    }
}
