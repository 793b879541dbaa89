//! The reference page: self-contained, served at `/docs`, and accessible at the widths of a phone and a desktop.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::running::Running;
use crate::tools;
use crate::webdriver::{Browser, installed};

/// Longest wait for the page to show something.
const PATIENCE: Duration = Duration::from_secs(90);

/// Longest time in which the page's controls change their state.
const SETTLING: Duration = Duration::from_secs(30);

#[test]
fn local_stack_serves_the_page() {
    let running = Running::start("page");
    let response = running.send("GET", "/docs", &[], "");
    assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
    if let Ok(page) = devstack::docs::page() {
        assert_eq!(response.status, 200);
        assert!(response.body == page, "another page is served");
    } else {
        assert_eq!(response.status, 503);
        assert!(response.body.contains("make setup"), "{}", response.body);
    }
    limits(&running);
    running.clean_up();
}

/// Checks each limit of the document, and the value beyond it.
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
    let response = &document.root()["components"]["responses"]["BodyTooLarge"]["description"];
    assert_eq!(response, "The body is larger than 16384 bytes.");
    for (length, expected) in [(16_384, 201), (16_385, 413)] {
        let body = format!("{{{}}}", " ".repeat(length - 2));
        assert_eq!(status("portal-session", "", &body), expected, "{length} bytes");
    }
}

#[test]
fn page_is_accessible_and_sends_requests_in_a_browser() {
    let (Some(chromium), Some(driver)) = (installed("chromium"), installed("chromedriver")) else {
        println!(
            "SKIPPED: the reference page in a browser: needs Debian's chromium and chromium-driver"
        );
        return;
    };
    let Some(packages) = tools::node("the reference page in a browser") else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reference");
    fs::create_dir_all(&folder).expect("a folder");
    let axe = fs::read_to_string(packages.join("node_modules/axe-core/axe.min.js"));
    let page = Page {
        running: Running::start("browser"),
        browser: Browser::start(&driver, &chromium, &folder),
        axe: axe.expect("`make setup` installs axe"),
    };
    for width in [390, 1280] {
        page.browser.width(width);
        page.open();
        page.render_everything();
        for theme in ["light", "dark"] {
            page.set_theme(theme);
            page.check(&format!("the page at {width}, {theme}"));
        }
        page.browser.screenshot(&folder.join(format!("docs-{width}.png")));
        page.search("dunning");
        page.check(&format!("the search at {width}"));
        page.open();
        page.send_a_request();
        page.check(&format!("the request at {width}"));
        page.browser.screenshot(&folder.join(format!("docs-request-{width}.png")));
    }
    drop(page.browser);
    page.running.clean_up();
}

struct Page {
    running: Running,
    browser: Browser,
    /// Source of axe-core.
    axe: String,
}

impl Page {
    fn open(&self) {
        self.browser.open(&format!("{}/docs", self.running.about().api_url));
        self.browser.evaluate("sessionStorage.clear()");
        self.until("document.querySelectorAll('main h2').length > 3");
    }

    /// Waits until an expression is true.
    #[track_caller]
    fn until(&self, expression: &str) {
        let start = Instant::now();
        while self.browser.evaluate(expression) != json!(true) {
            assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {expression}");
            sleep(Duration::from_millis(100));
        }
    }

    /// Scrolls through the page, which renders an operation when it comes into view.
    fn render_everything(&self) {
        let end = "(scrollBy({ top: 600, behavior: 'instant' }), \
            scrollY + innerHeight >= document.documentElement.scrollHeight - 1)";
        let mut times_at_the_end = 0;
        while times_at_the_end < 5 {
            times_at_the_end =
                if self.browser.evaluate(end) == json!(true) { times_at_the_end + 1 } else { 0 };
            sleep(Duration::from_millis(50));
        }
    }

    fn set_theme(&self, theme: &str) {
        self.browser.evaluate("document.body.classList.remove('light-mode', 'dark-mode')");
        self.browser.evaluate(&format!("document.body.classList.add('{theme}-mode')"));
        // Colors change in a transition.
        sleep(Duration::from_millis(500));
    }

    /// Asserts that axe finds nothing, that nothing scrolls sideways, and that the page has loaded nothing.
    #[track_caller]
    fn check(&self, state: &str) {
        self.browser.evaluate(self.axe.trim_end().trim_end_matches(';'));
        // Text that is fading in has less contrast.
        self.until(
            "document.getAnimations().every(({ playState, effect }) => \
            playState !== 'running' || effect.getTiming().iterations === Infinity)",
        );
        let found = "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => \
            nodes.map(({ html }) => `${id}: ${html.slice(0, 150)}`)))";
        // Colors of a control that is still changing its state can be too faint for a moment.
        let start = Instant::now();
        let mut violations = self.browser.evaluate(found);
        while violations != json!([]) && start.elapsed() < SETTLING {
            sleep(Duration::from_millis(500));
            violations = self.browser.evaluate(found);
        }
        assert_eq!(violations, json!([]), "axe on {state}");
        let wider = self.browser.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert!(wider.as_i64() <= Some(0), "{state} scrolls sideways by {wider}");
        let loaded = "performance.getEntriesByType('resource').map(({ name }) => name)\
            .filter((name) => !name.startsWith(location.origin + '/v1/'))";
        assert_eq!(self.browser.evaluate(loaded), json!([]), "{state} loaded something");
    }

    fn click(&self, name: &str) {
        let found = format!(
            "[...document.querySelectorAll('button')].find((one) => \
            one.checkVisibility() && one.textContent.trim().startsWith('{name}'))"
        );
        self.until(&format!("!!{found}"));
        self.browser.evaluate(&format!("{found}.click()"));
    }

    fn search(&self, text: &str) {
        self.browser.evaluate(
            "document.dispatchEvent(new KeyboardEvent('keydown', \
            { key: 'k', code: 'KeyK', ctrlKey: true, bubbles: true }))",
        );
        self.until("!!document.querySelector('[role=dialog] input')");
        self.browser.write("[role=dialog] input", text);
        self.until(
            "[...document.querySelectorAll('[role=dialog] a, [role=dialog] [role=option]')]\
            .some((one) => one.textContent.includes('/v1/billing/dunning'))",
        );
    }

    /// Enters a key and sends the first operation's request from the page.
    fn send_a_request(&self) {
        // The first operation shows the published example once it comes into view.
        self.until(
            "(scrollBy({ top: 300, behavior: 'instant' }), \
            document.querySelector('main').textContent.includes('Published example'))",
        );
        self.click("Test Request");
        let input = "[role=dialog] input[placeholder=Token]";
        self.until(&format!("!!document.querySelector('{input}')"));
        self.browser.write(input, &self.running.account("metered").keys.read);
        self.click("Send");
        let dialog = "document.querySelector('[role=dialog]').textContent";
        self.until(&format!("{dialog}.includes('200')"));
        self.until(&format!("{dialog}.includes('\"subscriptionId\"')"));
    }
}
