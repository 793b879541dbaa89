//! The reference page: one file with nothing outside of it, readable without JavaScript and on a telephone.

mod curl;
mod fields;
mod operation;
mod sheet;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use pulldown_cmark::{Options, Parser};
use sheet::{Sheet, list, text};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Nothing may be loaded from anywhere, whatever gets into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// What every curl line below it needs.
const SETUP: &str = "export API=http://127.0.0.1:9100\nexport KEY=sk_test_…";

/// The whole page.
#[must_use]
pub fn render() -> String {
    let document = &Sheet::load();
    let info = &document.root()["info"];
    let title = text(&info["title"]);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="content-security-policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                meta name="description" content=(text(&info["summary"]));
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the reference" }
                header.top {
                    p.name { (title) span.version { (text(&info["version"])) } }
                    details.menu { summary { "Contents" } (contents(document)) }
                }
                div.frame {
                    nav.side aria-label="Contents" { (contents(document)) }
                    main #main { (body(document)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

fn body(document: &Sheet) -> Markup {
    let info = &document.root()["info"];
    html! {
        section.intro {
            h1 { (text(&info["title"])) }
            p.lead { (text(&info["summary"])) }
            (markdown(text(&info["description"])))
            h2 #curl { "Trying it" }
            p {
                "The curl lines below take the API's address and a key from the shell. "
                code { "make run" } " starts everything on your machine and prints keys of every scope."
            }
            (copyable("sh", "Shell", SETUP))
        }
        @for tag in list(&document.root()["tags"]) {
            @let name = text(&tag["name"]);
            section.tag {
                h2 id=(anchor(name)) { (name) }
                (markdown(text(&tag["description"])))
                @for operation in document.calls().filter(|one| text(&one.value["tags"][0]) == name) {
                    (operation::section(document, operation))
                }
            }
        }
        section.tag {
            h2 #all-errors { "All errors" }
            (operation::all_errors(document))
        }
    }
}

fn contents(document: &Sheet) -> Markup {
    html! {
        ul {
            li { a href="#main" { "Conventions" } }
            li { a href="#curl" { "Trying it" } }
            @for tag in list(&document.root()["tags"]) {
                @let name = text(&tag["name"]);
                li {
                    a href={ "#" (anchor(name)) } { (name) }
                    ul {
                        @for operation in document.calls().filter(|one| text(&one.value["tags"][0]) == name) {
                            li {
                                a href={ "#" (operation.id()) } {
                                    span.verb.(operation.method.to_ascii_lowercase()) { (operation.method) }
                                    " " (operation.path.trim_start_matches("/v1/billing/"))
                                }
                            }
                        }
                    }
                }
            }
            li { a href="#all-errors" { "All errors" } }
        }
    }
}

/// A block of text with a button that copies it; the button shows only where it works.
fn copyable(kind: &str, label: &str, code: &str) -> Markup {
    html! {
        figure.code.(kind) {
            figcaption {
                span { (label) }
                button.copy type="button" hidden aria-label={ "Copy: " (label) } { "Copy" }
            }
            pre tabindex="0" { code { (code) } }
        }
    }
}

fn markdown(source: &str) -> Markup {
    let mut html = String::new();
    // Headings of the document are below the page's own.
    pulldown_cmark::html::push_html(&mut html, Parser::new_ext(source, Options::ENABLE_TABLES));
    let html = html.replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>");
    PreEscaped(html.replace("</table>", "</table></div>"))
}

/// A line of text with `code` in it.
fn inline(source: &str) -> Markup {
    let html = markdown(source).into_string();
    let bare = html.trim().strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    PreEscaped(bare.map_or(html.clone(), str::to_owned))
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}
