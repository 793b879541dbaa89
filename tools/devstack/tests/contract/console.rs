//! The example console on a running stack, in a browser. Its own tests show each page and outcome with a fake API.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::running::Running;
use crate::webdriver::{Browser, installed};

/// Longest wait for a page to show something.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn customer_subscribes_and_changes_the_plan_on_the_console() {
    let (Some(chromium), Some(driver)) = (installed("chromium"), installed("chromedriver")) else {
        println!(
            "SKIPPED: the example console in a browser: needs Debian's chromium and chromium-driver"
        );
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("console");
    fs::create_dir_all(&folder).expect("a folder");
    let running = Running::with_console("console");
    let url = running.about().console_url.clone().expect("a console");
    let visitor = Visitor { browser: Browser::start(&driver, &chromium, &folder), url };
    subscribe(&visitor);
    change_the_plan(&visitor);
    recover(&visitor);
    drop(visitor.browser);
    running.clean_up();
}

fn subscribe(visitor: &Visitor) {
    visitor.open("/");
    visitor.reads("Never subscribed");
    visitor.open("/accounts/fresh");
    visitor.click("form[action='/accounts/fresh/checkout'] input[value=pro] ~ button");
    visitor.reads("Subscribe to Pro");
    visitor.pay();
    visitor.reads("Continue to fresh");
    visitor.reads("Pro Active");
}

fn change_the_plan(visitor: &Visitor) {
    visitor.open("/accounts/fresh");
    visitor.click("a[href*='plan=agency&interval=month']");
    visitor.reads("Change to agency");
    visitor.click(".confirm button");
    visitor.reads("The plan has changed from pro to agency.");
    visitor.open("/accounts/fresh/change?plan=starter&interval=month&effective=period_end");
    visitor.click(".confirm button");
    visitor.reads("The change is scheduled");
    visitor.open("/accounts/fresh?fresh=1");
    visitor.click("form[action='/accounts/fresh/change/drop'] button");
    visitor.reads("The plan stays agency.");
}

/// Advances the clock of an overdue account, and pays its invoice.
fn recover(visitor: &Visitor) {
    visitor.open("/accounts/overdue");
    visitor.reads("Payment overdue");
    visitor.click("form[action='/accounts/overdue/clock'] button");
    visitor.until("location.search === '?fresh=1'", "the advanced clock");
    visitor.click(".notice .button");
    visitor.reads("Payment due");
    visitor.pay();
    visitor.reads("Paid");
    visitor.open("/accounts/overdue?fresh=1");
    visitor.reads("Starter Active");
}

struct Visitor {
    browser: Browser,
    url: String,
}

impl Visitor {
    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.url));
    }

    /// Clicks an element as soon as it is there.
    #[track_caller]
    fn click(&self, css: &str) {
        self.until(&format!("!!document.querySelector({css:?})"), css);
        self.browser.click(css);
    }

    /// Fills in the card form of the sandbox's page, and submits it with the Enter key.
    fn pay(&self) {
        let fields = [
            ("#number", "4242424242424242"),
            ("#expiry", "12/39"),
            ("#cvc", "123"),
            ("#name", "Ada\n"),
        ];
        for (field, text) in fields {
            self.browser.write(field, text);
        }
    }

    /// Waits for a page with this text.
    #[track_caller]
    fn reads(&self, text: &str) {
        self.until(&format!("document.querySelector('main')?.innerText.includes({text:?})"), text);
    }

    #[track_caller]
    fn until(&self, expression: &str, what: &str) {
        let start = Instant::now();
        while self.browser.evaluate(expression) != true {
            let page = self.browser.evaluate("document.body?.innerText");
            assert!(start.elapsed() < PATIENCE, "no {what:?} in {page}");
            sleep(Duration::from_millis(50));
        }
    }
}
