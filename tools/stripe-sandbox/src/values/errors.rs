//! API errors with Stripe's status, type, code, message and parameter.

use serde_json::{Map, Value, json};

/// Error response of a request. Boxed, because every `Result` carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<Body>);

#[derive(Clone, Debug, PartialEq)]
struct Body {
    status: u16,
    kind: &'static str,
    message: String,
    fields: Map<String, Value>,
}

pub type Result<T> = std::result::Result<T, ApiError>;

/// Codes for which Stripe sends no `doc_url`.
const WITHOUT_PAGE: &[&str] = &["subscription_payment_intent_requires_action"];

impl ApiError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> ApiError {
        ApiError(Box::new(Body { status, kind, message: message.into(), fields: Map::new() }))
    }

    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "invalid_request_error", message)
    }

    pub fn missing_param(param: &str) -> ApiError {
        ApiError::invalid(format!("Missing required param: {param}."))
            .code("parameter_missing")
            .param(param)
    }

    /// Names all parameters in the message and the first one in `param`.
    pub fn unknown_params(params: &[String]) -> ApiError {
        let plural = if params.len() > 1 { "s" } else { "" };
        ApiError::invalid(format!("Received unknown parameter{plural}: {}", params.join(", ")))
            .code("parameter_unknown")
            .param(params.first().map_or("", String::as_str))
    }

    /// Error for a parameter that Stripe has and this sandbox does not implement. Ignoring it would
    /// hide the difference.
    pub fn not_imitated(param: &str) -> ApiError {
        ApiError::invalid(format!("stripe-sandbox does not imitate the parameter: {param}"))
            .code("sandbox_not_imitated")
            .param(param)
    }

    /// 404: no object has the ID in the path.
    pub fn no_such(kind: &str, id: &str) -> ApiError {
        let mut error = ApiError::no_such_param(kind, id, "id");
        error.0.status = 404;
        error
    }

    /// 400: no object has the ID in a parameter.
    pub fn no_such_param(kind: &str, id: &str, param: &str) -> ApiError {
        ApiError::invalid(format!("No such {kind}: '{id}'")).code("resource_missing").param(param)
    }

    pub fn unknown_url(method: &str, path: &str) -> ApiError {
        let hint = if path.ends_with('/') {
            " If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code."
        } else {
            ""
        };
        let message = format!(
            "Unrecognized request URL ({method}: {path}).{hint} Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
        );
        ApiError::new(404, "invalid_request_error", message)
    }

    pub fn unauthorized(message: impl Into<String>) -> ApiError {
        ApiError::new(401, "invalid_request_error", message)
    }

    pub fn forbidden(message: impl Into<String>) -> ApiError {
        ApiError::new(403, "invalid_request_error", message)
    }

    pub fn conflict(message: impl Into<String>) -> ApiError {
        ApiError::new(409, "invalid_request_error", message)
    }

    pub fn idempotency(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "idempotency_error", message)
    }

    /// 402: a payment failed.
    pub fn card(code: &str, message: impl Into<String>) -> ApiError {
        ApiError::new(402, "card_error", message).code(code)
    }

    pub fn with_status(status: u16, message: impl Into<String>) -> ApiError {
        let kind = if status >= 500 { "api_error" } else { "invalid_request_error" };
        ApiError::new(status, kind, message)
    }

    pub fn rate_limit() -> ApiError {
        ApiError::with_status(
            429,
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        )
        .code("rate_limit")
    }

    pub fn code(self, code: &str) -> ApiError {
        self.field("code", code.into())
    }

    pub fn param(self, param: &str) -> ApiError {
        self.field("param", param.into())
    }

    /// Adds a key to the error object, such as `decline_code` or `payment_intent`.
    pub fn field(mut self, key: &str, value: Value) -> ApiError {
        self.0.fields.insert(key.to_owned(), value);
        self
    }

    pub fn status(&self) -> u16 {
        self.0.status
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn code_word(&self) -> &str {
        self.0.fields.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the error object; `log_url` is the page that shows the request.
    pub fn to_json(&self, log_url: &str) -> Value {
        let mut error = self.0.fields.clone();
        error.insert("type".into(), self.0.kind.into());
        error.insert("message".into(), self.0.message.as_str().into());
        let documented = |code: &&str| !WITHOUT_PAGE.contains(code);
        if let Some(code) = error.get("code").and_then(Value::as_str).filter(documented) {
            let url = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
            error.insert("doc_url".into(), url.into());
        }
        error.insert("request_log_url".into(), log_url.into());
        json!({ "error": error })
    }
}
