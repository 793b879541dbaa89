//! What the cases do at Stripe: customers on clocks of their own, invoices, failures on request.

use std::time::Duration;

use devstack::http;
use serde_json::{Value, json};

use crate::harness::{Harness, Request};

/// A customer on a clock of their own.
pub(crate) struct Customer {
    pub(crate) id: String,
    clock: String,
}

/// While this is held, Stripe fails as was asked for; dropping it mends Stripe.
pub(crate) struct Broken<'a>(&'a Harness);

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        let url = format!("{}/_sandbox/faults", self.0.about().stripe_url);
        // Not `exchange`: a second panic while a case fails would end all of them.
        let _ = self.0.block_on(http::send("DELETE", &url, &[], "", Duration::from_secs(5)));
    }
}

impl Harness {
    /// A POST to Stripe. Names and values are sent as they are, so they have no `&` or `=`.
    #[track_caller]
    pub(crate) fn stripe_post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.stripe_posts(&[(path.to_owned(), pairs.join("&"))]).remove(0)
    }

    /// Many POSTs to Stripe, each a path and a form, several at the same time.
    #[track_caller]
    pub(crate) fn stripe_posts(&self, posts: &[(String, String)]) -> Vec<Value> {
        let request = |(path, form): &(String, String)| Request {
            method: "POST",
            url: format!("{}/v1{path}", self.about().stripe_url),
            headers: vec![
                ("authorization", format!("Bearer {}", self.about().stripe_key)),
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ],
            body: form.clone(),
        };
        let answers = self.together(posts.iter().map(request).collect());
        for (answer, (path, form)) in answers.iter().zip(posts) {
            assert_eq!(answer.status, 200, "{path} {form}: {}", answer.body);
        }
        answers.iter().map(http::Answer::json).collect()
    }

    /// A customer whose clock shows `at`.
    #[track_caller]
    pub(crate) fn customer_at(&self, at: i64) -> Customer {
        let clock =
            self.stripe_post("/test_helpers/test_clocks", &[("frozen_time", &at.to_string())]);
        let clock = text(&clock, "id");
        let customer = self.stripe_post("/customers", &[("test_clock", &clock)]);
        Customer { id: text(&customer, "id"), clock }
    }

    /// Gives the customer a card for all charges from now on.
    #[track_caller]
    pub(crate) fn card(&self, customer: &Customer, method: &str) {
        let path = format!("/payment_methods/{method}/attach");
        let card = self.stripe_post(&path, &[("customer", &customer.id)]);
        let default = [("invoice_settings[default_payment_method]", &*text(&card, "id"))];
        self.stripe_post(&format!("/customers/{}", customer.id), &default);
    }

    /// Lets time pass for the customer, up to `to`.
    #[track_caller]
    pub(crate) fn advance(&self, customer: &Customer, to: i64) {
        let path = format!("/test_helpers/test_clocks/{}", customer.clock);
        self.stripe_post(&format!("{path}/advance"), &[("frozen_time", &to.to_string())]);
        for _ in 0..1_000 {
            match self.stripe(&path)["status"].as_str() {
                Some("ready") => return,
                Some("advancing") => std::thread::sleep(Duration::from_millis(5)),
                status => panic!("the clock is {status:?}"),
            }
        }
        panic!("the clock does not get there");
    }

    /// The sandbox itself: its keys, faults and log.
    #[track_caller]
    pub(crate) fn sandbox(&self, method: &str, path: &str, body: &Value) -> Value {
        self.learn_keys(body);
        let url = format!("{}/_sandbox{path}", self.about().stripe_url);
        let answer = self.exchange(method, &url, &[], &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Lets Stripe's answers to our functions fail from now on.
    #[track_caller]
    pub(crate) fn break_stripe(&self, fault: &Value) -> Broken<'_> {
        let mut whole = json!({ "path": "/v1/", "count": 1_000 });
        let (whole_fields, fault) = (whole.as_object_mut(), fault.as_object());
        whole_fields.expect("an object").extend(fault.expect("an object").clone());
        self.sandbox("POST", "/faults", &whole);
        Broken(self)
    }
}

/// A field that is there and is text.
#[track_caller]
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
