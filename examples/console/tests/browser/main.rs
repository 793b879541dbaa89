//! The console in front of a fake API, by itself and in a real browser: Debian's chromium and chromium-driver. The
//! browser's test is skipped if they are not installed.
//!
//! Screenshots of all pages are written to `target/tmp/console`.

mod console;
mod fake_api;
#[allow(dead_code, reason = "the tests of the sandbox's pages use more of it")]
#[path = "../../../../tools/stripe-sandbox/tests/browser/webdriver.rs"]
mod webdriver;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use console::Console;
use fake_api::FakeApi;
use webdriver::{Browser, installed};

/// Longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(30);

/// Elements beyond the edge of the screen, except in what scrolls.
const CUT_OFF: &str = "[...document.querySelectorAll('body *')].filter((one) => \
    !one.closest('.scroll, .hidden, .skip') && one.getClientRects().length \
    && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 150))";

const VIOLATIONS: &str = "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => \
    violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 150)}`)))";

struct Visitor {
    browser: Browser,
    console: Console,
    api: FakeApi,
    /// Source of axe-core, if it is installed.
    axe: Option<String>,
    folder: PathBuf,
}

fn start(name: &str) -> (FakeApi, Console, PathBuf) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder");
    let api = FakeApi::start();
    let file = folder.join("stack.json");
    fs::write(&file, api.stack().to_string()).expect("a file");
    let console = Console::start(&file);
    (api, console, folder)
}

#[test]
fn foreign_requests_are_refused() {
    let (_api, console, folder) = start("console-guard");
    let host = format!("host: {}", console.url.trim_start_matches("http://"));
    let own = format!("origin: {}", console.url);
    let status = |request: &str, headers: &[&str]| {
        let response = console.send(request, headers);
        response.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok())
    };
    assert_eq!(status("GET /", &[&host]), Some(200));
    assert_eq!(status("GET /", &["host: evil.example"]), Some(421));
    let form = ["content-type: application/x-www-form-urlencoded", "content-length: 0"];
    let post = |headers: &[&str]| status("POST /accounts/acme/portal", &[&form, headers].concat());
    assert_eq!(post(&[&host, &own]), Some(303));
    assert_eq!(post(&[&host, "origin: https://evil.example"]), Some(403));
    assert_eq!(post(&[&host, "sec-fetch-site: cross-site"]), Some(403));
    assert_eq!(post(&[&host]), Some(403));
    assert_eq!(status("GET /accounts/nobody", &[&host]), Some(404));
    assert_eq!(status("GET /accounts/acme/invoices/in_nothing", &[&host]), Some(404));
    assert_eq!(status("POST /clock", &[&form[..], &[&host, &own]].concat()), Some(422));
    fs::write(folder.join("stack.json"), "").expect("a file");
    let response = console.send("GET /", &[&host]);
    assert!(response.starts_with("HTTP/1.1 503 ") && response.contains("make run"), "{response}");
    assert!(response.contains("frame-ancestors 'none'"), "{response}");
}

#[test]
fn customer_can_see_and_change_the_plan_in_a_browser() {
    let (Some(chromium), Some(driver)) = (installed("chromium"), installed("chromedriver")) else {
        println!("SKIPPED: the console in a browser: needs Debian's chromium and chromium-driver");
        return;
    };
    let (api, console, folder) = start("console");
    let axe = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tools/contract/node/node_modules/axe-core/axe.min.js"
    );
    let axe = fs::read_to_string(axe).ok();
    if axe.is_none() {
        println!("SKIPPED: axe on the console's pages: `make setup` installs it with Node.js");
    }
    let browser = Browser::start(&driver, &chromium, &folder);
    let visitor = Visitor { browser, console, api, axe, folder };
    change_the_plan(&visitor);
    see_every_outcome(&visitor);
    pay_and_subscribe(&visitor);
    advance_the_clock(&visitor);
    see_failures(&visitor);
}

fn change_the_plan(visitor: &Visitor) {
    visitor.open("/");
    visitor.reads("Never subscribed");
    visitor.look("accounts");
    visitor.browser.click("a[href='/accounts/acme']");
    visitor.reads("41.20 USD");
    visitor.look("account");
    visitor.browser.click("a[href='/accounts/acme/invoices/in_1Example']");
    visitor.reads("Invoice CANT-0001");
    visitor.look("invoice");
    visitor.open("/accounts/acme");
    visitor.browser.click("a[href*='plan=agency']");
    visitor.reads("18.42 USD");
    visitor.look("preview");
    visitor.browser.click(".confirm button");
    visitor.reads("The plan has changed from pro to agency.");
    visitor.look("changed");
    let sent = visitor.api.last("acme", "POST /v1/billing/plan-change");
    assert_eq!(
        sent.body,
        json!({
            "plan": "agency", "interval": "month", "effective": "now", "quote": "v1.cXVvdGU.bWFj", "maxAmount": null
        })
    );
    assert!(sent.key.is_some_and(|key| key.starts_with("console-")), "no idempotency key");
}

fn see_every_outcome(visitor: &Visitor) {
    visitor.preview("changed", "now");
    visitor.browser.click(".confirm button");
    visitor.reads("The price has changed");
    visitor.look("price-changed");
    visitor.browser.click(".confirm button");
    visitor.reads("The plan has changed");
    for (account, effective, text) in [
        ("declined", "now", "The payment was declined"),
        ("bank", "now", "Your bank wants you to confirm the payment"),
        ("processing", "now", "The payment is processing"),
        ("acme", "period_end", "The change is scheduled"),
    ] {
        visitor.preview(account, effective);
        visitor.browser.click(".confirm button");
        visitor.reads(text);
        visitor.look(&format!("{account}-{effective}"));
    }
}

fn pay_and_subscribe(visitor: &Visitor) {
    visitor.open("/accounts/overdue");
    visitor.reads("Pay invoice CANT-0002");
    visitor.look("overdue");
    visitor.open("/accounts/fresh");
    visitor.browser.click("form[action='/accounts/fresh/checkout'] button");
    visitor.reads("Stripe's page");
    let sent = visitor.api.last("fresh", "POST /v1/billing/checkout-session").body;
    let back = sent["successUrl"].as_str().expect("a URL");
    assert_eq!(back, format!("{}/billing/welcome?account=fresh", visitor.console.url));
    visitor.browser.open(back);
    visitor.reads("Continue to fresh");
    visitor.look("welcome");
    visitor.open("/accounts/acme");
    visitor.browser.click("form[action='/accounts/acme/portal'] button");
    visitor.reads("Stripe's page");
    visitor.open("/billing");
    visitor.reads("Choose it from the list");
    visitor.look("unknown-account");
}

fn advance_the_clock(visitor: &Visitor) {
    visitor.open("/accounts/acme");
    visitor.reads("12 Jun 2026, 09:30 UTC");
    visitor.browser.click("form[action='/accounts/acme/clock'] button");
    visitor.reads("13 Jun 2026, 09:30 UTC");
    visitor.open("/accounts/overdue");
    visitor.browser.click("form[action='/accounts/overdue/clock'] button");
    visitor.reads("14 Jun 2026, 09:30 UTC");
}

fn see_failures(visitor: &Visitor) {
    visitor.open("/accounts/unavailable");
    visitor.reads("Stripe could not be reached");
    visitor.look("unavailable");
    visitor.open("/accounts/nobody");
    visitor.reads("Account not found");
    visitor.look("not-found");
}

impl Visitor {
    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.console.url));
    }

    fn preview(&self, account: &str, effective: &str) {
        self.open(&format!(
            "/accounts/{account}/change?plan=agency&interval=month&effective={effective}"
        ));
        self.reads("Change to agency");
    }

    /// Waits for a page with this text.
    #[track_caller]
    fn reads(&self, text: &str) {
        let start = Instant::now();
        loop {
            let main = self.browser.evaluate("document.querySelector('main')?.innerText");
            let main = main.as_str().unwrap_or_default();
            if main.contains(text) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "no {text:?} in {main}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Checks the page on a phone in light colors and on a desktop in dark ones: axe finds nothing, nothing sticks out,
    /// and no key is in it.
    #[track_caller]
    fn look(&self, name: &str) {
        if let Some(axe) = &self.axe {
            self.browser.evaluate(axe.trim_end().trim_end_matches(';'));
        }
        for (width, theme) in [(390, "light"), (1280, "dark")] {
            self.browser.width(width);
            let feature = json!([{ "name": "prefers-color-scheme", "value": theme }]);
            self.browser.devtools("Emulation.setEmulatedMedia", &json!({ "features": feature }));
            if self.axe.is_some() {
                let found = self.browser.evaluate(VIOLATIONS);
                assert_eq!(found, json!([]), "axe on {name} at {width}, {theme}");
            }
            assert_eq!(self.browser.evaluate(CUT_OFF), json!([]), "{name} at {width}");
            self.browser.screenshot(&self.folder.join(format!("{name}-{width}-{theme}.png")));
        }
        let source = self.browser.evaluate("document.documentElement.outerHTML");
        assert!(!source.to_string().contains("sk_test_"), "a key in {name}");
    }
}
