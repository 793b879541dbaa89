//! The request log as a page; every other page is in `pages`.

use axum::body::Body;
use axum::http::{HeaderValue, Response};

use super::dispatch::Incoming;
use super::log::Entry;
use super::server::{Shared, plain};

pub fn handle(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    let path = incoming.path.trim_end_matches('/');
    match (incoming.method.as_str(), path) {
        ("GET", "") => html(&request_log(shared)),
        _ => crate::pages::answer(shared, incoming)
            .unwrap_or_else(|| plain(404, "stripe-sandbox has no such page.")),
    }
}

fn html(body: &str) -> Response<Body> {
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>stripe-sandbox</title>\
         <style>body{{font:15px/1.5 system-ui;margin:2rem auto;max-width:70rem;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #ddd}}\
         .banner{{background:#fff3c4;border:1px solid #e0b000;padding:.6rem 1rem;border-radius:.4rem}}</style>\
         <p class=banner>This is <strong>stripe-sandbox</strong>, a local stand-in for Stripe. Nothing here is real money.</p>{body}</html>"
    );
    let mut response = Response::new(Body::from(page));
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn request_log(shared: &Shared) -> String {
    let log = shared.log();
    let row = |entry: &Entry| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            entry.status,
            escape(&entry.method),
            escape(&entry.path),
            entry.request_id,
            escape(entry.message.as_deref().unwrap_or_default()),
        )
    };
    let rows: Vec<String> = log.recent().take(200).map(row).collect();
    let rows = rows.concat();
    format!(
        "<h1>Requests</h1><table><tr><th>status<th>method<th>path<th>request<th>message</tr>{rows}</table>\
         <p>As JSON: <a href=/_sandbox/requests>/_sandbox/requests</a></p>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
