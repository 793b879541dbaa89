//! How fresh a GET's response is, in its body and headers.
//!
//! Sources: `etag`, `if-none-match` RFC 9110 §8.8 and §13.1.2; `age` RFC 9111 §5.1; `cache-status` RFC 9211.

use lambda_http::http::header::{AGE, CACHE_CONTROL, ETAG, VARY};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};

use super::reply::Reply;
use crate::stripe::{Freshness, Source};
use crate::values::{Timestamp, sha256_hex};

/// Header with the time of `asOf`.
const AS_OF: HeaderName = HeaderName::from_static("x-as-of");

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Beginning of each field that tells the time of a part, as serialized. Within a text its quotes would be escaped.
const FIELD: &str = "\"asOf\":\"";

/// Length of a time such as `2026-06-28T09:30:00Z`.
const TIME: usize = 20;

/// Number of hexadecimal digits of an entity tag.
const TAG: usize = 32;

impl Reply {
    /// Adds `asOf` and `stale` to a successful GET, if it is JSON, and its headers. It becomes 304 without a body if `if_none_match`
    /// names its entity tag.
    #[must_use]
    pub(crate) fn with_freshness(self, freshness: Freshness, if_none_match: Option<&str>) -> Self {
        self.with_freshness_at(freshness, if_none_match, Timestamp::now())
    }

    fn with_freshness_at(
        mut self,
        Freshness { as_of, source }: Freshness,
        if_none_match: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let stale = source == Source::LastKnown;
        let object = self.body.strip_suffix('}').unwrap_or(&self.body);
        let before = if object.ends_with('{') { "" } else { "," };
        let time = as_of.date_time().to_string();
        let body = if self.is_json() {
            format!("{object}{before}\"asOf\":\"{time}\",\"stale\":{stale}}}")
        } else {
            self.body.clone()
        };
        let tag = tag(&body);
        let age = (now.seconds() - as_of.seconds()).max(0);
        let headers = [
            (CACHE_CONTROL, "private, no-cache".to_owned()),
            (ETAG, tag.clone()),
            (AGE, age.to_string()),
            (CACHE_STATUS, source.cache_status().to_owned()),
            (AS_OF, time),
            (VARY, "authorization, x-cantila-act-as, accept, origin".to_owned()),
        ];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)));
        self.headers.extend(headers);
        self.source = Some(source);
        self.body = body;
        if if_none_match.is_some_and(|tags| matches(tags, &tag)) {
            self.status = StatusCode::NOT_MODIFIED;
            self.body = String::new();
        }
        self
    }
}

impl Source {
    /// Returns the value of `cache-status`.
    pub(crate) fn cache_status(self) -> &'static str {
        match self {
            Self::Stored => "billing; hit",
            Self::Stripe => "billing; fwd=miss",
            Self::Requested => "billing; fwd=request",
            Self::LastKnown => "billing; hit; detail=stale",
        }
    }
}

/// Returns the weak entity tag of a body: the same for bodies that differ only in `asOf`.
fn tag(body: &str) -> String {
    let mut parts = body.split(FIELD);
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.get(TIME..).unwrap_or(part));
    let text: Vec<&str> = std::iter::once(first).chain(rest).collect();
    format!("W/\"{}\"", &sha256_hex(text.join(FIELD))[..TAG])
}

/// Returns whether `if-none-match` names the tag, compared weakly.
fn matches(tags: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.split(',').any(|one| one.trim() == "*" || opaque(one) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    fn reply(body: &Value, source: Source, as_of: i64, if_none_match: Option<&str>) -> Reply {
        let freshness = Freshness { as_of: at(as_of), source };
        Reply::ok(body).expect("a reply").with_freshness_at(freshness, if_none_match, at(100))
    }

    fn header(reply: &Reply, name: &str) -> String {
        reply.header(name).unwrap_or_default().to_owned()
    }

    #[test]
    fn body_and_headers_tell_the_freshness() {
        let cases = [
            (Source::Stored, 40, "billing; hit", false, "60"),
            (Source::Stripe, 99, "billing; fwd=miss", false, "1"),
            (Source::Requested, 130, "billing; fwd=request", false, "0"),
            (Source::LastKnown, -900, "billing; hit; detail=stale", true, "1000"),
        ];
        for (source, as_of, status, stale, age) in cases {
            let reply = reply(&json!({ "plan": "pro" }), source, as_of, None);
            let time = at(as_of).date_time().to_string();
            let expected = json!({ "plan": "pro", "asOf": time, "stale": stale });
            assert_eq!(serde_json::from_str::<Value>(reply.body()).ok(), Some(expected));
            assert_eq!(header(&reply, "cache-control"), "private, no-cache");
            assert_eq!(header(&reply, "cache-status"), status);
            assert_eq!(header(&reply, "age"), age);
            assert_eq!(header(&reply, "x-as-of"), time);
            assert_eq!(header(&reply, "vary"), "authorization, x-cantila-act-as, accept, origin");
            assert_eq!(reply.status(), 200);
        }
    }

    #[test]
    fn body_that_is_not_json_stays_as_it_is() {
        let freshness = Freshness { as_of: at(1), source: Source::Stored };
        let csv = || Reply::csv("a,b\r\n".to_owned());
        let reply = csv().with_freshness_at(freshness, None, at(100));
        assert_eq!((reply.status(), reply.body()), (200, "a,b\r\n"));
        assert_eq!(header(&reply, "content-type"), "text/csv; charset=utf-8; header=present");
        assert_eq!(header(&reply, "x-as-of"), "1970-01-01T00:00:01Z");
        let tag = header(&reply, "etag");
        assert_eq!(csv().with_freshness_at(freshness, Some(&tag), at(100)).status(), 304);
    }

    #[test]
    fn tag_ignores_times_and_nothing_else() {
        let of = |body: Value, as_of| header(&reply(&body, Source::Stored, as_of, None), "etag");
        let body = |plan: &str, time: i64| json!({ "plan": plan, "estimate": { "asOf": at(time).date_time().to_string() } });
        let tag = of(body("pro", 1), 1);
        assert_eq!(tag, of(body("pro", 2), 3));
        assert_ne!(tag, of(body("agency", 1), 1));
        assert_ne!(of(json!({ "a": "\"asOf\":\"x" }), 1), of(json!({ "a": "\"asOf\":\"y" }), 1));
        let stale = reply(&body("pro", 1), Source::LastKnown, 1, None);
        assert_ne!(tag, header(&stale, "etag"));
    }

    #[test]
    fn known_tag_gives_304_with_the_same_headers() {
        let body = json!({ "plan": "pro" });
        let full = reply(&body, Source::Stored, 1, None);
        let tag = header(&full, "etag");
        let strong = tag.trim_start_matches("W/").to_owned();
        for known in [tag.clone(), strong, "*".to_owned(), format!("\"a\", {tag}")] {
            let reply = reply(&body, Source::Stored, 1, Some(&known));
            assert_eq!((reply.status(), reply.body()), (304, ""), "{known}");
            assert_eq!(reply.headers, full.headers, "{known}");
        }
        let other = reply(&body, Source::Stored, 1, Some("\"a\""));
        assert_eq!((other.status(), other.body()), (200, full.body()));
    }
}
