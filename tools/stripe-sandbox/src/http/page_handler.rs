//! Handler of the HTML pages.

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::{Body, full_body};
use super::exchange::ApiRequest;
use super::requests_page;
use super::respond::plain;
use super::state::{ServerState, real_now};
use crate::endpoint::form;
use crate::pages::request::{PageRequest, PageResponse};
use crate::pages::{checkout, invoice, layout, portal};
use crate::world::World;

pub fn handle(state: &ServerState, request: &ApiRequest) -> Response<Body> {
    find_page_response(state, request)
        .unwrap_or_else(|| plain(404, "stripe-sandbox has no such page."))
}

/// Returns the response of a page, or None if the path has no page.
fn find_page_response(state: &ServerState, request: &ApiRequest) -> Option<Response<Body>> {
    let mut path: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
    let page: Option<fn(&mut World, &PageRequest<'_>) -> PageResponse> = match path.first().copied()
    {
        Some("c") => Some(checkout::handle),
        Some("i") => Some(invoice::handle),
        Some("p") => Some(portal::handle),
        None | Some("requests") => None,
        Some(_) => return None,
    };
    path = path.split_off(path.len().min(1));
    let (Ok(query), Ok(form)) = (form::pairs(&request.query), form::pairs(&request.body)) else {
        let text = "The form could not be read. Go back and submit it again.";
        return Some(respond(PageResponse::Page(400, layout::message("Try again", text, None))));
    };
    let post = match request.method.as_str() {
        "GET" | "HEAD" => false,
        "POST" => true,
        _ => return None,
    };
    let request = PageRequest { post, path, query, form };
    let Some(page) = page else {
        return Some(respond(requests_page::handle(&state.log(), &request)));
    };
    let mut world = state.world();
    world.catch_up(real_now());
    Some(respond(page(&mut world, &request)))
}

fn respond(reply: PageResponse) -> Response<Body> {
    let (status, body, target) = match reply {
        PageResponse::Page(status, page) => (status, page.into_string(), None),
        PageResponse::Redirect(target) => (303, String::new(), Some(target)),
    };
    let mut response = Response::new(full_body(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set_headers(response.headers_mut(), target.as_deref());
    response
}

fn set_headers(headers: &mut HeaderMap, target: Option<&str>) {
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        // No scripts. `form-action` would also block the redirect back to the shop.
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(target) = target.and_then(|target| HeaderValue::from_str(&ascii(target)).ok()) {
        headers.insert("location", target);
    }
}

/// Percent-encodes a URL for a header, which allows only ASCII.
fn ascii(url: &str) -> String {
    url.bytes()
        .map(|byte| match byte {
            0x21..=0x7E => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
