//! Reference page of the API. The local gateway serves it at `/docs`.

use std::path::PathBuf;

use hyper::StatusCode;

use crate::stack::root;

/// Page around the document and Scalar's bundle.
const TEMPLATE: &str = include_str!("../../contract/page.html");

/// Page without the bundle, which `make setup` installs where there is Node.
const NOT_INSTALLED: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>Reference page not installed</title><main><h1>The reference page is not installed</h1>\
    <p>Install Node 20 or later with npm, run <code>make setup</code>, and reload this page.</p>\
    <p>The contract is <code>openapi.yaml</code>.</p></main></html>\n";

/// Returns the reference page: one HTML file with `openapi.yaml` and Scalar in it.
///
/// # Errors
/// The file that cannot be read, with the reason.
pub fn page() -> Result<String, String> {
    let read = |file: PathBuf| {
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let scalar =
        "tools/contract/node/node_modules/@scalar/api-reference/dist/browser/standalone.js";
    let document = read(root().join("openapi.yaml"))?;
    let scalar = read(root().join(scalar))?.replace("</script", "<\\/script");
    Ok(TEMPLATE.replacen("{{document}}", &document, 1).replacen("{{scalar}}", &scalar, 1))
}

/// Returns the status and the page, or one that says how to install it.
pub(crate) fn response() -> (StatusCode, String) {
    page().map_or_else(
        |_| (StatusCode::SERVICE_UNAVAILABLE, NOT_INSTALLED.to_owned()),
        |page| (StatusCode::OK, page),
    )
}
