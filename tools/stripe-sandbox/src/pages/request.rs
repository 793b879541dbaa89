//! Requests to pages, and their responses.

use maud::Markup;

use super::layout;

/// Request to a page.
pub struct PageRequest<'a> {
    pub post: bool,
    /// Path segments after the first.
    pub path: Vec<&'a str>,
    pub query: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
}

impl PageRequest<'_> {
    pub fn form_value(&self, name: &str) -> &str {
        self.form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub enum PageResponse {
    Page(u16, Markup),
    /// 303: the browser follows with a GET.
    Redirect(String),
}

impl PageResponse {
    pub fn ok(page: Markup) -> PageResponse {
        PageResponse::Page(200, page)
    }

    pub fn not_found(what: &str) -> PageResponse {
        let text = "The link is incomplete, or the sandbox was reset after it was created.";
        PageResponse::Page(404, layout::message(what, text, None))
    }
}
