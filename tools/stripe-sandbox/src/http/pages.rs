//! Pages for people: the request log, and what the links in invoices lead to.

use axum::body::Body;
use axum::http::{HeaderValue, Response};

use super::dispatch::Incoming;
use super::log::Entry;
use super::server::{Shared, plain, real_now};
use crate::model::invoice::{Invoice, Line};

pub fn handle(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    let path = incoming.path.trim_end_matches('/');
    match (incoming.method.as_str(), path) {
        ("GET", "") => html(&request_log(shared)),
        ("GET", path) if path.starts_with("/i/") => {
            let mut world = shared.world();
            world.catch_up(real_now());
            let token = path.trim_start_matches("/i/").trim_end_matches("/pdf");
            let id = token.split_once('.').map_or(token, |(id, _)| id);
            match world.invoices().get(id).filter(|invoice| token.ends_with(&invoice.token)) {
                Some(invoice) => html(&invoice_page(invoice)),
                None => plain(404, "No such invoice."),
            }
        }
        _ => plain(404, "stripe-sandbox has no such page."),
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

fn invoice_page(invoice: &Invoice) -> String {
    let money = |amount: i64| escape(&invoice.currency.format(amount.into()));
    let row = |line: &Line| {
        let description = escape(line.description.as_deref().unwrap_or_default());
        format!("<tr><td>{description}</td><td>{}</td></tr>", money(line.amount))
    };
    let rows: Vec<String> = invoice.lines.iter().map(row).collect();
    let rows = rows.concat();
    format!(
        "<h1>Invoice {}</h1><p>Status: <strong>{}</strong></p><table>{rows}<tr><th>Total<th>{}</tr>\
         <tr><th>Due<th>{}</tr></table>",
        escape(invoice.number.as_deref().unwrap_or("(draft)")),
        invoice.status.as_str(),
        money(invoice.totals.total),
        money(invoice.amount_remaining()),
    )
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
