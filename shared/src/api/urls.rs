//! Return URLs of checkout and portal.
//!
//! A caller may send customers back only to the operator's own origins. Otherwise an attacker could lead
//! customers from a genuine Stripe page to a phishing page.

use url::{Host, Url};

use super::error::ApiError;

/// Longest return URL in characters. Stripe refuses longer ones ("URL must be 5000 characters or less").
const MAX_LENGTH: usize = 5_000;

/// The origins that return URLs may have, such as `https://console.cantila.example`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<url::Origin>);

/// Reads an absolute https URL, or an http one to localhost, as browsers do (<https://url.spec.whatwg.org>).
fn parse(text: &str) -> Option<Url> {
    // Browsers drop or rewrite these characters. A URL with one of them is a mistake, or hides its host.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !is_plain || text.len() > MAX_LENGTH {
        return None;
    }
    let url = Url::parse(text).ok()?;
    // Browsers also accept capitals in the scheme and other numbers of slashes, which Stripe refuses.
    let rest = text.strip_prefix(url.scheme())?.strip_prefix("://")?;
    if rest.starts_with('/') {
        return None;
    }
    let is_local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let is_allowed = url.scheme() == "https" || url.scheme() == "http" && is_local;
    // A user name makes one host look like another.
    let has_user = !url.username().is_empty() || url.password().is_some();
    (is_allowed && !has_user).then_some(url)
}

impl Origins {
    /// Reads a comma-separated list; `None` if an entry is no origin.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origin = |entry: &str| {
            let url = parse(entry)?;
            let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            (is_origin && !entry.contains('*')).then(|| url.origin())
        };
        entries.map(origin).collect::<Option<_>>().map(Self)
    }

    /// Returns whether no return URL is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that a field is a URL that can be allowed at all.
    ///
    /// # Errors
    /// `validation`.
    pub fn well_formed(field: &'static str, text: &str) -> Result<(), ApiError> {
        let message = || {
            format!(
                "\"{field}\" must be an absolute https URL (http only on localhost) of at most {MAX_LENGTH} characters."
            )
        };
        parse(text).map(drop).ok_or_else(|| ApiError::validation(field, message()))
    }

    /// Checks that a URL has one of the origins.
    ///
    /// # Errors
    /// `url_not_allowed`.
    pub fn check(&self, field: &'static str, url: &str) -> Result<(), ApiError> {
        let is_allowed = parse(url).is_some_and(|url| self.0.contains(&url.origin()));
        if is_allowed { Ok(()) } else { Err(ApiError::UrlNotAllowed { field }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origins() -> Origins {
        Origins::parse("https://console.cantila.example, http://localhost:3000,").unwrap()
    }

    #[test]
    fn only_urls_of_the_origins_are_allowed() {
        let longest = format!("https://console.cantila.example/{}", "a".repeat(MAX_LENGTH - 32));
        let too_long = format!("{longest}a");
        let cases = [
            (longest.as_str(), Ok(())),
            (too_long.as_str(), Err("validation")),
            ("Https://console.cantila.example/", Err("validation")),
            ("Http://localhost:3000/", Err("validation")),
            ("HTTPS://console.cantila.example/", Err("validation")),
            ("https://console.cantila.example", Ok(())),
            ("https://console.cantila.example/billing?x=1#y", Ok(())),
            ("https://CONSOLE.cantila.example:443/", Ok(())),
            ("http://localhost:3000/done", Ok(())),
            ("http://localhost:3001/done", Err("url_not_allowed")),
            ("https://console.cantila.example:8443/", Err("url_not_allowed")),
            ("https://console.cantila.example.evil.example/", Err("url_not_allowed")),
            ("https://evil.example/https://console.cantila.example", Err("url_not_allowed")),
            ("https://cantila.example/", Err("url_not_allowed")),
            ("http://console.cantila.example/", Err("validation")),
            ("https://console.cantila.example@evil.example/", Err("validation")),
            ("https://evil.example\\@console.cantila.example/", Err("validation")),
            ("https:/console.cantila.example/", Err("validation")),
            ("https:console.cantila.example/", Err("validation")),
            ("https:///console.cantila.example/", Err("validation")),
            ("//console.cantila.example/", Err("validation")),
            ("/billing", Err("validation")),
            ("console.cantila.example", Err("validation")),
            ("javascript:alert(1)", Err("validation")),
            ("https://console.cantila.example/a b", Err("validation")),
            ("https://cönsole.example/", Err("validation")),
            ("http://localhost:+3000/", Err("validation")),
            ("http://localhost:65536/", Err("validation")),
            ("", Err("validation")),
        ];
        for (url, expected) in cases {
            let checked = Origins::well_formed("returnUrl", url)
                .and_then(|()| origins().check("returnUrl", url));
            assert_eq!(checked.map_err(|error| error.kind().1), expected, "{url}");
        }
    }

    #[test]
    fn malformed_origin_is_refused() {
        for bad in [
            "console.cantila.example",
            "https://a.example/path",
            "http://a.example",
            "https://a.example?x",
            "*",
            "https://*.a.example",
        ] {
            assert_eq!(Origins::parse(bad), None, "{bad}");
        }
        assert_eq!(Origins::parse(""), Some(Origins::default()));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_never_allowed(text: String) {
            prop_assert!(origins().check("returnUrl", &text).is_err());
            let _ = Origins::parse(&text);
        }
    }
}
