//! What of Stripe's answers is looked at before it is passed on: ids that go into the path of a
//! request, and addresses that a person is sent to.
//!
//! Stripe is not expected to send others. But what stands between us and Stripe, or a mistake there,
//! should not be able to make us ask for something else, or send people elsewhere.

use hyper::Uri;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Price;
use crate::config::is_this_machine;

/// Whether the text has the form of an id of Stripe's, which leads nowhere else in a path. `-` is for
/// products and old customers, whose ids the operator may have chosen.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=255).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Whether people can be sent there: https, or http to the sandbox on this machine.
fn is_page(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let Some(uri) = text.parse::<Uri>().ok().filter(|_| is_plain) else { return false };
    let is_bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let is_safe = match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) => !host.is_empty(),
        (Some("http"), Some(host)) => is_this_machine(host),
        _ => false,
    };
    is_bare && is_safe
}

/// An id, or the answer is refused.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_id(&text) { Ok(text) } else { Err(D::Error::custom("an id that is none")) }
}

/// An address for people, or the answer is refused.
pub(super) fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_page(&text) { Ok(text) } else { Err(D::Error::custom("a URL that is not https")) }
}

/// An address for people; another one counts as none.
pub(super) fn maybe_page<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| is_page(text)))
}

/// The price of a subscription's item. One that does not recur is none: nobody could say whether it is
/// charged by use.
pub(super) fn recurring_price<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Price, D::Error> {
    let price = Price::deserialize(deserializer)?;
    let recurs = price.recurring.is_some();
    if recurs { Ok(price) } else { Err(D::Error::custom("an item whose price does not recur")) }
}

/// Null, where there is nothing; a field that is missing altogether refuses the answer.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::invoice::InvoiceParent;
    use super::super::{CheckoutSession, PortalSession, SubscriptionItem};
    use super::*;

    const NO_PAGES: [&str; 16] = [
        "",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "http://invoice.stripe.com/i/1",
        "http://127.0.0.1.example.com/",
        "http://169.254.169.254/latest/meta-data/",
        "//invoice.stripe.com/i/1",
        "/i/1",
        "ftp://invoice.stripe.com/",
        "file:///etc/passwd",
        "https://invoice.stripe.com@evil.example/",
        "https://evil.example\\@invoice.stripe.com/",
        "https://invoice.stripe.com/\nset-cookie: a=b",
        "https://invoice.stripe.com/ i",
        "https://",
        "HTTPS",
    ];

    #[test]
    fn only_https_is_a_page_or_the_sandbox_on_this_machine() {
        for page in [
            "https://invoice.stripe.com/i/acct_1/test_1?s=ap",
            "https://pay.stripe.com/invoice/acct_1/pdf?s=ap#x",
            "https://pay.cantila.example/c/pay/cs_test_1#fid",
            "http://127.0.0.1:12111/i/in_1",
            "http://localhost:12111/i/in_1",
            "http://host.docker.internal:12111/i/in_1",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in NO_PAGES {
            assert!(!is_page(other), "{other}");
        }
    }

    #[test]
    fn a_page_that_is_none_counts_as_absent_and_where_one_is_needed_the_answer_is_refused() {
        for other in NO_PAGES {
            let session =
                json!({ "id": "cs_1", "mode": "subscription", "expires_at": 1, "url": other });
            let session: CheckoutSession = serde_json::from_value(session).expect("a session");
            assert_eq!(session.url, None, "{other}");
            assert!(serde_json::from_value::<PortalSession>(json!({ "url": other })).is_err());
        }
        let null = json!({ "id": "cs_1", "mode": "subscription", "expires_at": 1, "url": null });
        assert!(serde_json::from_value::<CheckoutSession>(null).is_ok_and(|it| it.url.is_none()));
        let absent = json!({ "id": "cs_1", "mode": "subscription", "expires_at": 1 });
        assert!(serde_json::from_value::<CheckoutSession>(absent).is_ok_and(|it| it.url.is_none()));
    }

    #[test]
    fn an_item_whose_price_does_not_recur_is_refused() {
        let item = |recurring: Option<serde_json::Value>| {
            let mut price = json!({ "id": "price_1", "currency": "usd", "product": "prod_1", "unit_amount": 1 });
            if let Some(recurring) = recurring {
                price["recurring"] = recurring;
            }
            serde_json::from_value::<SubscriptionItem>(
                json!({ "id": "si_1", "current_period_start": 0, "current_period_end": 9, "price": price }),
            )
        };
        let monthly = json!({ "interval": "month", "interval_count": 1, "usage_type": "metered" });
        assert!(item(Some(monthly)).is_ok_and(|item| item.price.is_metered()));
        assert!(item(Some(serde_json::Value::Null)).is_err());
        assert!(item(None).is_err());
    }

    #[test]
    fn nothing_is_not_the_same_as_missing() {
        let parent = |parent| serde_json::from_value::<InvoiceParent>(parent);
        assert!(parent(json!({ "subscription_details": null })).is_ok());
        assert!(parent(json!({})).is_err());
    }

    #[test]
    fn an_id_that_could_lead_elsewhere_is_refused() {
        assert!(is_id("cus_Abc123") && is_id("cs_test_a1") && is_id("my-customer"));
        for other in [
            "",
            "cus_1/sources",
            "../v1/charges",
            "cus_1?a=b",
            "cus_1#",
            "cus 1",
            "cüs",
            "cus_1%2f",
        ] {
            assert!(!is_id(other), "{other}");
            let session = json!({ "id": other, "mode": "subscription", "expires_at": 1 });
            assert!(serde_json::from_value::<CheckoutSession>(session).is_err(), "{other}");
        }
        assert!(!is_id(&"a".repeat(256)));
    }
}
