//! Where a caller may send a customer back to: only within the operator's own origins, or this
//! API would be a way to dress a foreign page up as ours.

use hyper::Uri;

use crate::respond::ApiError;

/// The origins that return URLs may lie in, such as `https://console.cantila.example`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// Of an absolute https URL, or an http one to this machine.
    fn of(text: &str) -> Option<Self> {
        // What a browser reads differently from a parser must not get through.
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        // A user name before the host makes one host look like another.
        if authority.as_str().contains('@') {
            return None;
        }
        let host = uri.host()?.to_ascii_lowercase();
        let local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        let default = match uri.scheme_str()? {
            "https" => 443,
            "http" if local => 80,
            _ => return None,
        };
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => {
                // Rust would take "+443" for a number, which no browser does.
                port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?
            }
            _ => default,
        };
        Some(Self { scheme: uri.scheme_str()?.to_owned(), host, port })
    }
}

impl Origins {
    /// Reads a list with commas; `None` where an entry is no origin.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let origin = |entry: &str| {
            let is_bare = entry.trim_end_matches('/').matches('/').count() == 2
                && !entry.contains(['?', '#', '*']);
            Origin::of(entry).filter(|_| is_bare)
        };
        entries.map(origin).collect::<Option<_>>().map(Self)
    }

    /// Whether customers can be sent back nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that the field's text is a URL at all.
    ///
    /// # Errors
    /// `validation`.
    pub fn well_formed(field: &'static str, text: &str) -> Result<(), ApiError> {
        let message =
            || format!("\"{field}\" has to be an absolute https URL (http only on localhost).");
        Origin::of(text).map(|_| ()).ok_or_else(|| ApiError::validation(field, message()))
    }

    /// Checks that a URL lies within the origins.
    ///
    /// # Errors
    /// `url_not_allowed`.
    pub fn check(&self, field: &'static str, url: &str) -> Result<(), ApiError> {
        let origin = Origin::of(url);
        let allowed = origin.is_some_and(|origin| self.0.contains(&origin));
        if allowed { Ok(()) } else { Err(ApiError::UrlNotAllowed { field }) }
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
    fn only_urls_within_the_origins_pass() {
        let cases = [
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
    fn an_entry_that_is_no_origin_is_refused() {
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
        fn no_text_makes_it_panic_and_none_passes_by_chance(text: String) {
            prop_assert!(origins().check("returnUrl", &text).is_err());
            let _ = Origins::parse(&text);
        }
    }
}
