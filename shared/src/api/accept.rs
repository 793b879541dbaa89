//! The `accept` header (RFC 9110 §12.5.1).

use lambda_http::http::HeaderMap;
use lambda_http::http::header::ACCEPT;

/// Returns whether the caller prefers this media type, in lower case, to JSON. Wildcards mean JSON.
pub(crate) fn prefers(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(String, u32)> = values.flat_map(|value| value.split(',')).map(range).collect();
    let weight = |name: &str| {
        let found = ranges.iter().find(|(range, _)| range == name);
        found.map_or(0, |(_, weight)| *weight)
    };
    weight(media_type) > weight("application/json")
}

/// Reads a media range, such as `text/csv;q=0.5`: its name, and its weight in thousandths.
fn range(text: &str) -> (String, u32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    (name, weight.map_or(1_000, thousandths))
}

/// Reads a weight such as `0.5`. A malformed one counts as 0.
fn thousandths(text: &str) -> u32 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_weight = matches!(whole, "0" | "1") && decimals.len() <= 3;
    let weight = is_weight.then(|| format!("{whole}{decimals:0<3}").parse().ok()).flatten();
    weight.filter(|weight| *weight <= 1_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn csv_is_preferred_where_it_has_more_weight_than_json() {
        let cases = [
            ("text/csv", true),
            ("Text/CSV; charset=utf-8", true),
            ("text/csv, */*", true),
            ("text/csv;q=0.5, */*;q=0.8", true),
            ("application/json;q=0.2, text/csv;q=0.5", true),
            ("application/json, text/csv", false),
            ("text/csv;q=0", false),
            ("text/csv;q=much", false),
            ("text/csv;q=1.5", false),
            ("text/csv;q=-1", false),
            ("text/*", false),
            ("*/*", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]);
            assert_eq!(prefers(&headers, "text/csv"), expected, "{value}");
        }
        assert!(!prefers(&HeaderMap::new(), "text/csv"));
    }
}
