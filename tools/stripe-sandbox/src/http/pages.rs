//! What is neither the API nor the sandbox's own: the pages.

use hyper::Response;

use super::body::Body;
use super::dispatch::Incoming;
use super::server::plain;
use super::shared::Shared;

pub fn handle(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    crate::pages::answer(shared, incoming)
        .unwrap_or_else(|| plain(404, "stripe-sandbox has no such page."))
}
