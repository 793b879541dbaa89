//! The base URL of Stripe's API.

use hyper::Uri;

/// Reads the base URL of Stripe's API: an https origin, or an http one on this machine, so that a
/// deployed stack cannot send its key in clear text.
pub fn base_url(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let is_secure = match uri.scheme_str()? {
        "https" => true,
        "http" => is_this_machine(uri.host()?),
        _ => false,
    };
    let is_origin = !uri.authority()?.as_str().contains('@')
        && uri.path_and_query().is_none_or(|rest| rest == "/");
    (is_secure && is_origin).then_some(uri)
}

/// Returns whether a host is this machine. `sam local`'s containers call it `host.docker.internal`.
pub(super) fn is_this_machine(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "localhost" | "[::1]" | "host.docker.internal")
}
