//! State that the handlers share, and requests that cannot be handled.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{Html, IntoResponse, Response};
use maud::html;

use crate::api::Calls;
use crate::http::Http;
use crate::stack::{Account, Stack};
use crate::views::layout::Page;
use crate::views::problem;

/// Settings and the HTTP client.
pub struct Console {
    pub port: u16,
    pub stack_file: PathBuf,
    pub http: Http,
}

pub type Shared = Arc<Console>;

/// Response, or a page that says why there is none.
pub type Outcome = Result<Response, Problem>;

/// Requests that cannot be handled.
#[derive(Debug)]
pub enum Problem {
    /// Another name than this console's.
    ForeignHost,
    /// A form on another site's page.
    ForeignOrigin,
    /// No stack is running.
    NoStack(io::Error),
    UnknownPage,
    UnknownAccount(String),
    /// A form without a field, or with another value than its choices.
    MalformedForm(String),
    /// A clock has not advanced.
    Clock(String),
}

impl Console {
    /// Reads the description of the running stack. A restarted stack has other customers, so each page reads it again.
    pub fn stack(&self) -> Result<Stack, Problem> {
        Stack::read(&self.stack_file).map_err(Problem::NoStack)
    }

    /// Returns the URL of one of this console's pages.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }
}

impl Stack {
    pub fn find(&self, name: &str) -> Result<&Account, Problem> {
        self.account(name).ok_or_else(|| Problem::UnknownAccount(name.to_owned()))
    }
}

/// Returns a page with its requests.
pub fn respond(page: &Page, calls: &Calls) -> Response {
    (page.status, Html(page.render(&calls.in_order()).into_string())).into_response()
}

/// Redirects with GET.
pub fn see_other(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response()
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::MalformedForm(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::MalformedForm(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::ForeignHost => (
                421,
                "Unknown host",
                html! { p { "Open the console as " code { "http://localhost" } " with its port." } },
            ),
            Self::ForeignOrigin => (
                403,
                "Foreign form",
                html! { p { "The form is not one of the console’s. Open the page again, and submit its form." } },
            ),
            Self::NoStack(reason) => (
                503,
                "The stack is not running",
                html! {
                    p {
                        "Start it with " code { "make run" }
                        ", or wait until it has started, and load the page again."
                    }
                    p.small { "Reason: " (reason) }
                },
            ),
            Self::UnknownPage => (404, "Page not found", html! { p { "Check the address." } }),
            Self::UnknownAccount(name) => (
                404,
                "Account not found",
                html! { p { "The stack has no account “" (name) "”. Choose one from the list." } },
            ),
            Self::MalformedForm(reason) => (
                422,
                "Malformed form",
                html! { p { "Open the page again, and submit its form." } p.small { "Reason: " (reason) } },
            ),
            Self::Clock(reason) => (
                502,
                "The clock has not advanced",
                html! {
                    p { "Load the account’s page to see what its clock shows." }
                    p.small { "Reason: " (reason) }
                },
            ),
        };
        respond(&problem::page(status, title, &text), &Calls::default())
    }
}
