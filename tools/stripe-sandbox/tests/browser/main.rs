//! The pages in a real browser: Debian's chromium and chromium-driver. Skipped if they are not
//! installed.
//!
//! Screenshots of all pages are written to `target/tmp/pages`.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it as well as the test itself")]

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

mod shop;
mod webdriver;

use shop::Shop;
use webdriver::{Browser, installed};

/// Widths of a desktop and of the narrowest phone.
const WIDTHS: [u32; 2] = [1280, 360];

/// Script that returns the page's accessibility problems: labels, contrast, focus, overflow.
const INSPECTION: &str = include_str!("inspect.js");

struct Visitor {
    browser: Browser,
    folder: PathBuf,
}

impl Visitor {
    /// Inspects the page at all widths and takes a screenshot of each.
    fn look(&self, name: &str) {
        for width in WIDTHS {
            self.browser.width(width);
            let found = self.browser.evaluate(INSPECTION);
            assert_eq!(found, json!([]), "{name} at {width}");
            self.browser.screenshot(&self.folder.join(format!("{name}-{width}.png")));
        }
    }

    /// Waits for a page with this text.
    #[track_caller]
    fn reads(&self, text: &str) {
        let mut shown = String::new();
        for _ in 0..200 {
            let main = self.browser.evaluate("document.querySelector('main')?.innerText");
            main.as_str().unwrap_or_default().clone_into(&mut shown);
            if shown.contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {text:?} in {shown}");
    }

    #[track_caller]
    fn arrives(&self, start: &str) {
        let mut url = String::new();
        for _ in 0..200 {
            url = self.browser.url();
            if url.starts_with(start) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("not at {start} but at {url}");
    }

    /// Fills in the card form and submits it with the Enter key.
    fn pay(&self, number: &str) {
        let fields =
            [("#number", number), ("#expiry", "12/39"), ("#cvc", "123"), ("#name", "Ada\n")];
        for (field, text) in fields {
            self.browser.write(field, text);
        }
    }
}

#[test]
fn customer_can_subscribe_pay_and_cancel_in_a_browser() {
    let (Some(chromium), Some(driver)) = (installed("chromium"), installed("chromedriver")) else {
        println!("SKIPPED: no chromium");
        return;
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    let browser = Browser::start(&driver, &chromium, &folder);
    let visitor = Visitor { browser, folder };
    let shop = Shop::new();
    subscribe(&visitor, &shop);
    fill_in_details(&visitor, &shop);
    pay_overdue(&visitor, &shop);
    manage(&visitor, &shop);
    look_at_the_log(&visitor, &shop);
}

fn look_at_the_log(visitor: &Visitor, shop: &Shop) {
    visitor.browser.open(&format!("{}/", shop.running.url));
    visitor.reads("newest first");
    visitor.look("requests");
    visitor.browser.write("#path", "/v1/subscriptions/\n");
    visitor.reads("POST /v1/subscriptions/sub_");
    visitor.look("requests-filtered");
    visitor.browser.click(".log a");
    visitor.reads("default_payment_method");
    visitor.look("request");
}

fn subscribe(visitor: &Visitor, shop: &Shop) {
    let page = shop.checkout();
    visitor.browser.open(&page);
    visitor.look("checkout");
    visitor.browser.click("button[type=submit]");
    visitor.reads("There are problems");
    visitor.look("checkout-problems");
    visitor.pay("4000 0000 0000 0002");
    visitor.reads("Your card was declined.");
    assert_eq!(visitor.browser.evaluate("document.activeElement.id"), "number");
    visitor.look("checkout-declined");
    visitor.pay("4000 0027 6000 3184");
    visitor.reads("Confirm it is you");
    visitor.look("authentication");
    visitor.browser.click("button[value=fail]");
    visitor.reads("unable to authenticate");
    visitor.pay("4242424242424242");
    visitor.arrives(&format!("{}/?paid=cs_test_", shop.running.url));
    visitor.browser.open(&page);
    visitor.reads("All done");
    visitor.look("checkout-complete");
    let other = shop.checkout();
    shop.post("/_sandbox/clock", r#"{"advance_seconds": 86401}"#);
    visitor.browser.open(&other);
    visitor.reads("This page has expired");
    visitor.look("checkout-expired");
}

/// Looks at the fields that a checkout session can collect besides the card.
fn fill_in_details(visitor: &Visitor, shop: &Shop) {
    visitor.browser.open(&shop.collecting_checkout());
    visitor.reads("Promotion code");
    visitor.look("checkout-details");
    visitor.browser.write("#promotion_code", "NONE\n");
    visitor.reads("This code is invalid.");
    visitor.look("checkout-code-refused");
    visitor.browser.write("#promotion_code", "SUMMER\n");
    visitor.reads("Remove code");
    visitor.look("checkout-code");
    visitor.pay("4242424242424242");
    visitor.reads("Enter the country");
    visitor.look("checkout-details-problems");
}

/// Returns the customer's newest invoice.
fn newest(shop: &Shop) -> Value {
    shop.get(&format!("/v1/invoices?customer={}", shop.customer))["data"][0].clone()
}

fn pay_overdue(visitor: &Visitor, shop: &Shop) {
    let path = "/v1/payment_methods/pm_card_chargeCustomerFail/attach";
    let card = shop.post(path, &format!("customer={}", shop.customer));
    let card = card["id"].as_str().unwrap();
    let subs = shop.get(&format!("/v1/subscriptions?customer={}", shop.customer));
    let sub = subs["data"][0]["id"].as_str().unwrap();
    shop.post(&format!("/v1/subscriptions/{sub}"), &format!("default_payment_method={card}"));
    shop.post("/_sandbox/clock", r#"{"advance_seconds": 2700000}"#);
    visitor.browser.open(&shop.portal());
    visitor.reads("A payment is missing");
    visitor.look("portal-overdue");
    visitor.browser.open(newest(shop)["hosted_invoice_url"].as_str().unwrap());
    visitor.reads("The last attempt failed");
    visitor.look("invoice-open");
    visitor.pay("4000 0025 0000 3155");
    visitor.reads("Confirm it is you");
    visitor.browser.click("button[value=complete]");
    visitor.reads("We received $41.65");
    visitor.look("invoice-paid");
    assert_eq!(newest(shop)["status"], "paid");
}

fn manage(visitor: &Visitor, shop: &Shop) {
    visitor.browser.open(&shop.portal());
    visitor.reads("Visa ending in 3155");
    visitor.look("portal");
    visitor.browser.click("a[href$='/details']");
    visitor.reads("Update your billing details");
    visitor.look("portal-details");
    visitor.browser.write("#country", "Germany\n");
    visitor.reads("There is a problem");
    visitor.look("portal-details-problem");
    visitor.browser.open(&shop.portal());
    visitor.browser.click("a[href$='/card']");
    visitor.reads("Update your card");
    visitor.look("portal-card");
    visitor.pay("5555 5555 5555 4444");
    visitor.reads("Mastercard ending in 4444");
    visitor.browser.click("a[href*='/cancel/']");
    visitor.reads("Keep plan");
    visitor.look("portal-cancel");
    visitor.browser.click("button.danger");
    visitor.reads("will not renew");
    visitor.look("portal-cancelled");
    visitor.browser.click("button[type=submit]");
    visitor.reads("Your plan will renew as before.");
}
