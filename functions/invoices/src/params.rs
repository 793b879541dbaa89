//! The query parameters.

use shared::ApiError;
use shared::api::query::Query;
use shared::stripe::views::InvoiceStatus;

/// Default length of a page.
const DEFAULT_LIMIT: usize = 24;

/// Longest page, which is Stripe's too.
const MAX_LIMIT: usize = 100;

/// The query parameters of a request.
#[derive(Debug, PartialEq)]
pub struct Params {
    pub limit: usize,
    pub cursor: Option<String>,
    pub status: Option<InvoiceStatus>,
}

impl Params {
    /// Names of the parameters.
    pub const NAMES: [&str; 3] = ["limit", "cursor", "status"];

    /// Reads the parameters. Values out of range are refused.
    pub fn of(query: &Query) -> Result<Self, ApiError> {
        Ok(Self {
            limit: query.get("limit").map_or(Ok(DEFAULT_LIMIT), limit)?,
            cursor: query.get("cursor").map(str::to_owned),
            status: query.get("status").map(status).transpose()?,
        })
    }

    /// Returns the error for a malformed or foreign cursor.
    pub fn bad_cursor() -> ApiError {
        let message = "\"cursor\" must be a nextCursor from a response to this account. Omit it to start from the newest invoice.";
        ApiError::validation("cursor", message)
    }
}

fn limit(text: &str) -> Result<usize, ApiError> {
    // Rust accepts "+5" as a number, which means " 5" in a URL.
    let number =
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
        ApiError::validation(
            "limit",
            format!("\"limit\" must be an integer from 1 to {MAX_LIMIT}."),
        )
    })
}

fn status(text: &str) -> Result<InvoiceStatus, ApiError> {
    InvoiceStatus::SHOWN.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        let all = InvoiceStatus::SHOWN.map(InvoiceStatus::as_str).join(", ");
        ApiError::validation("status", format!("\"status\" must be one of {all}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_parameter_has_its_default() {
        let params = Params::of(&Query::parse("")).expect("nothing wrong");
        assert_eq!(params, Params { limit: 24, cursor: None, status: None });
    }

    #[test]
    fn given_parameter_is_used() {
        let params =
            Params::of(&Query::parse("limit=100&status=open&cursor=abc")).expect("nothing wrong");
        let status = Some(InvoiceStatus::Open);
        assert_eq!(params, Params { limit: 100, cursor: Some("abc".to_owned()), status });
    }

    #[test]
    fn value_out_of_range_is_refused_by_name() {
        let bad = ["0", "101", "-1", "1.5", "", "ten", "%2B5", "99999999999999999999", "1%20"];
        let bad = bad.map(|limit| (format!("limit={limit}"), "limit"));
        let statuses =
            ["draft", "", "Paid", "all"].map(|status| (format!("status={status}"), "status"));
        for (query, field) in bad.into_iter().chain(statuses) {
            match Params::of(&Query::parse(&query)) {
                Err(ApiError::Validation { field: named, .. }) => {
                    assert_eq!(named, field, "{query}");
                }
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
