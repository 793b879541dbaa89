//! What is neither the API nor the sandbox's own: the pages.

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::{Body, whole};
use super::exchange::Incoming;
use super::requests_page;
use super::respond::plain;
use super::shared::{Shared, real_now};
use crate::endpoint::form;
use crate::pages::visit::{Reply, Visit};
use crate::pages::{checkout, invoice, layout, portal};
use crate::world::World;

pub fn handle(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    answer(shared, incoming).unwrap_or_else(|| plain(404, "stripe-sandbox has no such page."))
}

/// Answers what is a page's address; None for any other.
fn answer(shared: &Shared, incoming: &Incoming) -> Option<Response<Body>> {
    let mut path: Vec<&str> = incoming.path.split('/').filter(|part| !part.is_empty()).collect();
    let page: Option<fn(&mut World, &Visit<'_>) -> Reply> = match path.first().copied() {
        Some("c") => Some(checkout::visit),
        Some("i") => Some(invoice::visit),
        Some("p") => Some(portal::visit),
        None | Some("requests") => None,
        Some(_) => return None,
    };
    path = path.split_off(path.len().min(1));
    let (Ok(query), Ok(form)) = (form::pairs(&incoming.query), form::pairs(&incoming.body)) else {
        let text = "The form did not arrive as it should.";
        return Some(respond(Reply::Page(400, layout::message("Try again", text, None))));
    };
    let post = match incoming.method.as_str() {
        "GET" | "HEAD" => false,
        "POST" => true,
        _ => return None,
    };
    let visit = Visit { post, path, query, form };
    let Some(page) = page else {
        return Some(respond(requests_page::visit(&shared.log(), &visit)));
    };
    let mut world = shared.world();
    world.catch_up(real_now());
    Some(respond(page(&mut world, &visit)))
}

fn respond(reply: Reply) -> Response<Body> {
    let (status, body, target) = match reply {
        Reply::Page(status, page) => (status, page.into_string(), None),
        Reply::Go(target) => (303, String::new(), Some(target)),
    };
    let mut response = Response::new(whole(body));
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
        // No scripts at all. `form-action` would also forbid the way back to the shop.
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

/// A header takes ASCII only; a URL may have been given with more.
fn ascii(url: &str) -> String {
    url.bytes()
        .map(|byte| match byte {
            0x21..=0x7E => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
