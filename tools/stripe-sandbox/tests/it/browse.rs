//! Visitor without a browser: plain GETs and form posts to the sandbox's pages.

use crate::support::{Api, Form, Reply, encode};

pub const VISA: &str = "4242 4242 4242 4242";
pub const DECLINED: &str = "4000 0000 0000 0002";
pub const FAILS_LATER: &str = "4000 0000 0000 0341";
pub const ASKS_ALWAYS: &str = "4000 0027 6000 3184";
pub const ASKS_ONCE: &str = "4000 0025 0000 3155";

/// Returns the card form with this number.
pub fn card(number: &str) -> Vec<(&str, &str)> {
    vec![("number", number), ("expiry", "12 / 39"), ("cvc", "123"), ("name", "Ada Lovelace")]
}

impl Api {
    /// Requests a page by its path or its URL.
    pub fn open(&self, url: &str) -> Reply {
        let path = url.strip_prefix(self.url()).unwrap_or(url);
        let reply = self.raw("GET", path, &[], "").expect("a complete response");
        assert_page(&reply);
        reply
    }

    pub fn fill_in(&self, url: &str, form: Form<'_>) -> Reply {
        let path = url.strip_prefix(self.url()).unwrap_or(url);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = self.raw("POST", path, &headers, &encode(form)).expect("a complete response");
        assert_page(&reply);
        reply
    }
}

/// Asserts the rules for all pages: marked as a sandbox, one main, one h1, a language, no scripts.
#[track_caller]
fn assert_page(reply: &Reply) {
    if reply.status == 303 {
        assert!(reply.header("location").is_some());
        return;
    }
    let count = |what: &str| reply.text.matches(what).count();
    assert!(reply.text.contains("Sandbox – no real money"), "{}", reply.text);
    assert!(reply.text.contains("<html lang=\"en\">"));
    assert_eq!((count("<main"), count("<h1"), count("<script")), (1, 1, 0), "{}", reply.text);
    // Every visible input has its own label.
    for id in reply.text.split("<input id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(count(&format!("<label for=\"{id}\"")), 1, "{id}");
    }
    assert!(reply.header("content-security-policy").unwrap().contains("default-src 'none'"));
}

impl Reply {
    #[track_caller]
    pub fn shows(&self, status: u16, text: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert!(self.text.contains(text), "no {text:?} in {}", self.text);
    }

    /// Returns the target of a redirect.
    #[track_caller]
    pub fn redirect_target(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.header("location").unwrap()
    }
}
