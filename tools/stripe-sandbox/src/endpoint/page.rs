//! Pagination parameters and list objects.

use serde_json::{Value, json};

use super::params::Params;
use crate::values::errors::{ApiError, Result};
use crate::world::store::{Cursor, Edge};

const DEFAULT_LIMIT: usize = 10;

pub fn cursor(params: &mut Params) -> Result<Cursor> {
    let limit = params.integer_in("limit", 1..=100)?.and_then(|limit| usize::try_from(limit).ok());
    let edge = match (params.text("starting_after")?, params.text("ending_before")?) {
        (None, None) => Edge::Start,
        (Some(id), None) => Edge::After(id),
        (None, Some(id)) => Edge::Before(id),
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "Received both starting_after and ending_before parameters. Please pass in only one.",
            ));
        }
    };
    Ok(Cursor { limit: limit.unwrap_or(DEFAULT_LIMIT), edge })
}

pub fn unknown_cursor(kind: &str, cursor: &Cursor) -> ApiError {
    match &cursor.edge {
        Edge::After(id) => ApiError::no_such_param(kind, id, "starting_after"),
        Edge::Before(id) => ApiError::no_such_param(kind, id, "ending_before"),
        Edge::Start => ApiError::invalid("Invalid cursor"),
    }
}

pub fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": Value::Array(data) })
}

/// Returns a list inside another object: the first ten entries, their total number, and the URL of
/// the list.
pub fn embedded(url: &str, mut data: Vec<Value>) -> Value {
    let has_more = data.len() > DEFAULT_LIMIT;
    let total_count = data.len();
    data.truncate(DEFAULT_LIMIT);
    let mut list = list(url, data, has_more);
    list["total_count"] = total_count.into();
    list
}

/// Returns one page of an ordered list, such as an invoice's lines.
pub fn slice(url: &str, data: Vec<Value>, cursor: &Cursor, kind: &str) -> Result<Value> {
    let place = |id: &str| {
        data.iter().position(|entry| entry["id"] == *id).ok_or_else(|| unknown_cursor(kind, cursor))
    };
    let (from, to) = match &cursor.edge {
        Edge::Start => (0, cursor.limit),
        Edge::After(id) => (place(id)? + 1, place(id)? + 1 + cursor.limit),
        Edge::Before(id) => (place(id)?.saturating_sub(cursor.limit), place(id)?),
    };
    let has_more = if matches!(cursor.edge, Edge::Before(_)) { from > 0 } else { to < data.len() };
    Ok(list(url, data.into_iter().skip(from).take(to - from).collect(), has_more))
}
