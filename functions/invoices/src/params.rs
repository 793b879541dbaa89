//! The query parameters.

use shared::stripe::views::InvoiceStatus;
use shared::{ApiError, Query};

/// Invoices a page where the caller does not say.
const DEFAULT_LIMIT: usize = 24;

/// Stripe's own longest page.
const LONGEST_LIMIT: usize = 100;

/// What the caller asked for.
#[derive(Debug, PartialEq)]
pub struct Params {
    pub limit: usize,
    pub cursor: Option<String>,
    pub status: Option<InvoiceStatus>,
}

impl Params {
    /// The parameters that there are.
    pub const NAMES: [&str; 3] = ["limit", "cursor", "status"];

    /// Reads them; what is out of range is refused, not clamped.
    pub fn of(query: &Query) -> Result<Self, ApiError> {
        Ok(Self {
            limit: query.get("limit").map_or(Ok(DEFAULT_LIMIT), limit)?,
            cursor: query.get("cursor").map(str::to_owned),
            status: query.get("status").map(status).transpose()?,
        })
    }

    /// The cursor is not one of this account's.
    pub fn bad_cursor() -> ApiError {
        let message = "\"cursor\" has to be a nextCursor from an answer to this account. To start from the newest invoice, leave it out.";
        ApiError::validation("cursor", message)
    }
}

fn limit(text: &str) -> Result<usize, ApiError> {
    // Digits alone: Rust would take "+5" for a number, which a URL means as " 5".
    let number =
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.filter(|limit| (1..=LONGEST_LIMIT).contains(limit)).ok_or_else(|| {
        ApiError::validation(
            "limit",
            format!("\"limit\" has to be a whole number from 1 to {LONGEST_LIMIT}."),
        )
    })
}

fn status(text: &str) -> Result<InvoiceStatus, ApiError> {
    InvoiceStatus::SHOWN.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        let all = InvoiceStatus::SHOWN.map(InvoiceStatus::as_str).join(", ");
        ApiError::validation("status", format!("\"status\" has to be one of {all}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let params = Params::of(&Query::parse("")).expect("nothing wrong");
        assert_eq!(params, Params { limit: 24, cursor: None, status: None });
    }

    #[test]
    fn what_is_given_is_taken() {
        let params =
            Params::of(&Query::parse("limit=100&status=open&cursor=abc")).expect("nothing wrong");
        let status = Some(InvoiceStatus::Open);
        assert_eq!(params, Params { limit: 100, cursor: Some("abc".to_owned()), status });
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
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
