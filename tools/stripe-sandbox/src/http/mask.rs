//! Masks secrets in logged parameters and bodies.

use super::auth::masked;

/// JSON fields with secrets.
const SECRET_FIELDS: &[&str] = &["\"client_secret\":\"", "\"secret\":\""];
/// URL paths that are followed by a secret.
const SECRET_PATHS: &[&str] = &["/p/session/", "/c/embed/"];

/// Returns a parameter's value with secrets masked.
pub fn param(key: &str, value: &str) -> String {
    let last = key.trim_end_matches(']').rsplit('[').next().unwrap_or(key);
    match last {
        "client_secret" | "cvc" | "number" | "key" | "token" => masked(value),
        _ => text(value),
    }
}

/// Returns a text with secrets masked. It need not be valid JSON.
pub fn text(text: &str) -> String {
    let mut shown = text.to_owned();
    for (marks, ends) in
        [(SECRET_FIELDS, &['"'][..]), (SECRET_PATHS, &['"', '/', '?', '&', ' '][..])]
    {
        for mark in marks {
            shown = mask_after(&shown, mark, ends);
        }
    }
    shown
}

fn mask_after(text: &str, mark: &str, ends: &[char]) -> String {
    let mut parts = text.split(mark);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(ends).unwrap_or(part.len());
        shown.extend([mark, &masked(&part[..end]), &part[end..]]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_any_text() {
        let body = r#"{"client_secret":"pi_1abc_secret_5678","url":"http://127.0.0.1:1/p/session/abcdefghijklmnop","x":"cut off /p/session/qrstuvwxyz0123"#;
        let shown = text(body);
        for secret in ["1abc_secret", "abcdefghijkl", "qrstuvwxyz"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("\"x\":\"cut off /p/session/"), "{shown}");
        assert_eq!(param("card[number]", "4242424242424242"), "42424242****4242");
        assert_eq!(param("metadata[team]", "a b"), "a b");
    }
}
