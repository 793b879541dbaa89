//! The reference page: up to date, whole in itself, served, and good to use on a telephone.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::running::Running;
use crate::tools;
use crate::webdriver::{Browser, installed};

/// What is wrong with a page for people who see little, use no mouse, or hold a telephone.
const INSPECTION: &str = include_str!("../../../stripe-sandbox/tests/browser/inspect.js");

const PAGE: &str = include_str!("../../../../docs/api.html");

#[test]
fn the_page_is_made_from_the_document() {
    let made = contract::page::render();
    assert!(made == PAGE, "docs/api.html is not up to date: run `make docs`");
    assert!(PAGE.len() < 150_000, "{} bytes", PAGE.len());
}

/// Links to other places and what a browser would fetch from them.
#[test]
fn the_page_needs_nothing_but_itself() {
    for fetched in ["src=", "<link rel=\"stylesheet\"", "@import", "url(", "<iframe", "<object"] {
        assert!(!PAGE.contains(fetched), "{fetched}");
    }
    for part in PAGE.split("href=\"").skip(1) {
        assert!(part.starts_with('#') || part.starts_with("data:,"), "{part:.60}");
    }
    for part in PAGE.split("href=\"#").skip(1) {
        let anchor = part.split('"').next().unwrap_or_default();
        assert_eq!(PAGE.matches(&format!("id=\"{anchor}\"")).count(), 1, "#{anchor}");
    }
}

#[test]
fn the_local_stack_serves_the_page_and_keeps_to_the_documents_limits() {
    let running = Running::start("page");
    let answer = running.send("GET", "/docs", &[], "");
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(answer.body == PAGE, "another page is served");
    limits(&running);
    running.clean_up();
}

/// At each limit that the document names, and one beyond.
fn limits(running: &Running) {
    let document = contract::Document::load();
    let parameters = &document.root()["components"]["parameters"];
    let bound = |name: &str, key: &str| {
        usize::try_from(parameters[name]["schema"][key].as_u64().expect(key)).expect("small")
    };
    let bearer = format!("Bearer {}", running.account("metered").keys.admin);
    let status = |path: &str, key: &str, body: &str| {
        let mut headers =
            vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        if !key.is_empty() {
            headers.push(("idempotency-key", key));
        }
        let method = if body.is_empty() { "GET" } else { "POST" };
        running.send(method, &format!("/v1/billing/{path}"), &headers, body).status
    };
    let (least, most) = (bound("Limit", "minimum"), bound("Limit", "maximum"));
    for (limit, expected) in [(least, 200), (least - 1, 422), (most, 200), (most + 1, 422)] {
        assert_eq!(status(&format!("invoices?limit={limit}"), "", ""), expected, "limit {limit}");
    }
    let longest = bound("IdempotencyKey", "maxLength");
    for (length, expected) in [(longest, 201), (longest + 1, 422)] {
        assert_eq!(status("portal-session", &"k".repeat(length), "{}"), expected, "{length}");
    }
    let said = "at most 16384 bytes";
    assert!(
        document.root()["components"]["examples"]["body_too_large"]["value"]["message"]
            .as_str()
            .is_some_and(|message| message.contains(said))
    );
    for (length, expected) in [(16_384, 201), (16_385, 413)] {
        let body = format!("{{{}}}", " ".repeat(length - 2));
        assert_eq!(status("portal-session", "", &body), expected, "{length} bytes");
    }
}

/// At the widths of a telephone and of a desktop.
#[test]
fn in_a_browser_nothing_overflows_and_the_buttons_copy() {
    let (Some(chromium), Some(driver)) = (installed("chromium"), installed("chromedriver")) else {
        println!(
            "SKIPPED: the reference page in a browser: Debian's chromium and chromium-driver are needed"
        );
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference");
    std::fs::create_dir_all(&folder).expect("a folder");
    let running = Running::start("browser");
    let browser = Browser::start(&driver, &chromium, &folder);
    browser.open(&format!("{}/docs", running.about().api_url));
    for width in [390, 1280] {
        browser.width(width);
        assert_eq!(browser.ask(INSPECTION), json!([]), "at {width}");
        let wider = "document.documentElement.scrollWidth - innerWidth";
        assert!(browser.ask(wider).as_i64() <= Some(0), "it scrolls sideways at {width}");
        browser.ask("document.querySelectorAll('main details').forEach(one => one.open = true)");
        assert!(browser.ask(wider).as_i64() <= Some(0), "unfolded it scrolls sideways at {width}");
        browser.picture(&folder.join(format!("docs-{width}.png")));
    }
    assert_eq!(browser.ask("performance.getEntriesByType('resource').length"), json!(0));
    // The stack that serves the page is the one that its curl lines call.
    let setup = browser.ask("document.querySelector('figure.sh code').textContent");
    assert!(setup.as_str().is_some_and(|text| text.contains(&running.about().api_url)), "{setup}");
    browser.ask("document.execCommand = () => false");
    browser.ask("navigator.clipboard.writeText = async (text) => { window.copied = text; }");
    let button = "document.querySelector('#createCheckoutSession button.copy')";
    browser.ask(&format!("{button}.scrollIntoView({{ behavior: 'instant', block: 'center' }})"));
    browser.click("#createCheckoutSession button.copy");
    let said = format!("{button}.textContent");
    let tried = std::time::Instant::now();
    while browser.ask(&said) == json!("Copy") && tried.elapsed().as_secs() < 5 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(browser.ask(&said), json!("Copied"));
    let copied = browser.ask("window.copied");
    let line = copied.as_str().expect("a text");
    assert!(line.starts_with("curl -s \"$API/v1/billing/checkout-session\""), "{line}");
    // And what is copied works.
    let mut shell = Command::new("bash");
    shell.args(["-c", &line.replace("$(uuidgen)", "copied")]);
    shell.env("API", &running.about().api_url).env("KEY", &running.account("fresh").keys.admin);
    let answer: Value = serde_json::from_str(&tools::run(&mut shell)).expect("JSON");
    assert_eq!(answer["uiMode"], "hosted", "{answer}");
    drop(browser);
    running.clean_up();
}
