//! A visit to a page, and its reply.

use maud::Markup;

use super::layout;

/// What a page is asked for.
pub struct Visit<'a> {
    pub post: bool,
    /// The path after its first part.
    pub path: Vec<&'a str>,
    pub query: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
}

impl Visit<'_> {
    pub fn field(&self, name: &str) -> &str {
        self.form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    pub fn asks(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub enum Reply {
    Page(u16, Markup),
    /// See other: the browser follows with a GET.
    Go(String),
}

impl Reply {
    pub fn ok(page: Markup) -> Reply {
        Reply::Page(200, page)
    }

    pub fn not_found(what: &str) -> Reply {
        let text = "The link is not complete, or the sandbox has been reset since it was made.";
        Reply::Page(404, layout::message(what, text, None))
    }
}
