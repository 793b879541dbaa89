//! Deserializers that validate IDs, which become parts of request paths, and URLs, which customers
//! follow.
//!
//! Stripe is not expected to send malformed ones. The check keeps a proxy or a fault in between from
//! redirecting our requests or our customers.

use hyper::Uri;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::price::Price;
use crate::stripe::base_url::is_this_machine;
use crate::values::is_path_segment;

/// Returns whether customers may be sent to the URL: https, or http to the sandbox on this machine.
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

/// Reads an ID. A malformed one makes the response malformed.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_path_segment(&text) { Ok(text) } else { Err(D::Error::custom("a malformed ID")) }
}

/// Reads a URL for customers. An unsafe one makes the response malformed.
pub(super) fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_page(&text) { Ok(text) } else { Err(D::Error::custom("an unsafe URL")) }
}

/// Reads a URL for customers. An unsafe one counts as absent.
pub(super) fn optional_page<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| is_page(text)))
}

/// Reads the price of a subscription item. One that does not recur makes the response malformed, because
/// it does not tell whether it bills usage.
pub(super) fn recurring_price<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Price, D::Error> {
    let price = Price::deserialize(deserializer)?;
    let recurs = price.recurring.is_some();
    if recurs { Ok(price) } else { Err(D::Error::custom("a price that does not recur")) }
}

/// Reads a nullable field that must be present.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::customer::{CheckoutSession, PortalSession};
    use super::super::invoice::InvoiceParent;
    use super::super::subscription::SubscriptionItem;
    use super::*;

    const UNSAFE: [&str; 16] = [
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
    fn only_https_and_this_machine_are_safe() {
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
        for other in UNSAFE {
            assert!(!is_page(other), "{other}");
        }
    }

    #[test]
    fn unsafe_url_is_dropped_or_refused() {
        for other in UNSAFE {
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
    fn item_with_a_one_time_price_is_refused() {
        let item = |recurring: Option<serde_json::Value>| {
            let mut price = json!({
                "id": "price_1", "currency": "usd", "product": "prod_1",
                "tiers_mode": null, "transform_quantity": null, "unit_amount_decimal": "1",
            });
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
    fn missing_field_differs_from_null() {
        let parent = |parent| serde_json::from_value::<InvoiceParent>(parent);
        assert!(parent(json!({ "subscription_details": null })).is_ok());
        assert!(parent(json!({})).is_err());
    }

    #[test]
    fn id_with_a_path_is_refused() {
        assert!(
            is_path_segment("cus_Abc123")
                && is_path_segment("cs_test_a1")
                && is_path_segment("my-customer")
        );
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
            assert!(!is_path_segment(other), "{other}");
            let session = json!({ "id": other, "mode": "subscription", "expires_at": 1 });
            assert!(serde_json::from_value::<CheckoutSession>(session).is_err(), "{other}");
        }
        assert!(!is_path_segment(&"a".repeat(256)));
    }
}
