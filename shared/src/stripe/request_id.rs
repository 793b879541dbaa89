//! Stripe's ID of a request to it.

use crate::values::is_path_segment;

/// Longest accepted ID. Stripe's have 18 characters.
const MAX_LENGTH: usize = 64;

/// Stripe's ID of a request, such as `req_1PqXyZ`, from the header `request-id` of the response.
///
/// It goes into a header and the log of ours, so a header of another form is no ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Reads the value of `request-id`; `None` if it is no ID of Stripe's.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() <= MAX_LENGTH
            && text.strip_prefix("req_").is_some_and(|rest| !rest.is_empty())
            && is_path_segment(text);
        is_id.then(|| Self(text.to_owned()))
    }

    /// Returns the ID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_stripe_are_read() {
        let longest = format!("req_{}", "a".repeat(MAX_LENGTH - 4));
        for good in ["req_1PqXyZ0123456789", "req_1", &longest] {
            assert_eq!(RequestId::parse(good).expect(good).as_str(), good);
        }
        let too_long = format!("{longest}a");
        let bad = [
            "",
            "req_",
            "req",
            "1",
            "sk_live_1",
            "req_1,req_2",
            "req_1 req_2",
            "req_\r\nx: 1",
            "req_é",
            "req_../x",
            "REQ_1",
            &too_long,
        ];
        for text in bad {
            assert_eq!(RequestId::parse(text), None, "{text}");
        }
    }
}
