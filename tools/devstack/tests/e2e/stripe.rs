//! Requests of the cases to Stripe: customers on test clocks, invoices, faults.

use std::time::Duration;

use devstack::http;
use serde_json::{Value, json};

use crate::harness::{Harness, Request};

/// Customer with a test clock of its own.
pub(crate) struct Customer {
    pub(crate) id: String,
    clock: String,
}

/// Keeps a fault of the sandbox active until dropped.
pub(crate) struct Broken<'a>(&'a Harness);

impl Drop for Broken<'_> {
    fn drop(&mut self) {
        let url = format!("{}/_sandbox/faults", self.0.about().stripe_url);
        // `exchange` could panic, and a panic while a case panics would abort the test.
        let _ = self.0.block_on(http::send("DELETE", &url, &[], "", Duration::from_secs(5)));
    }
}

impl Harness {
    /// Sends a POST to Stripe. Does not encode names and values, so they must not contain `&` or `=`.
    #[track_caller]
    pub(crate) fn stripe_post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.stripe_posts(&[(path.to_owned(), pairs.join("&"))]).remove(0)
    }

    /// Sends a POST to Stripe that is not followed.
    #[track_caller]
    pub(crate) fn stripe_post_unseen(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.unseen_posts(&[(path.to_owned(), pairs.join("&"))]).remove(0)
    }

    /// Sends concurrent POSTs to Stripe, each a path and a form.
    #[track_caller]
    pub(crate) fn stripe_posts(&self, posts: &[(String, String)]) -> Vec<Value> {
        let responses = self.unseen_posts(posts);
        self.has_changed_stripe();
        responses
    }

    #[track_caller]
    fn unseen_posts(&self, posts: &[(String, String)]) -> Vec<Value> {
        let request = |(path, form): &(String, String)| Request {
            method: "POST",
            url: format!("{}/v1{path}", self.about().stripe_url),
            headers: vec![
                ("authorization", format!("Bearer {}", self.about().stripe_key)),
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ],
            body: form.clone(),
        };
        let responses = self.together(posts.iter().map(request).collect());
        for (response, (path, form)) in responses.iter().zip(posts) {
            assert_eq!(response.status, 200, "{path} {form}: {}", response.body);
        }
        responses.iter().map(http::Response::json).collect()
    }

    /// Creates a customer whose clock shows `at`.
    #[track_caller]
    pub(crate) fn customer_at(&self, at: i64) -> Customer {
        let clock =
            self.stripe_post("/test_helpers/test_clocks", &[("frozen_time", &at.to_string())]);
        let clock = text(&clock, "id");
        let customer = self.stripe_post("/customers", &[("test_clock", &clock)]);
        Customer { id: text(&customer, "id"), clock }
    }

    /// Sets the customer's default payment method to a test card, given by its name.
    #[track_caller]
    pub(crate) fn card(&self, customer: &Customer, method: &str) {
        let path = format!("/payment_methods/{method}/attach");
        let card = self.stripe_post(&path, &[("customer", &customer.id)]);
        let default = [("invoice_settings[default_payment_method]", &*text(&card, "id"))];
        self.stripe_post(&format!("/customers/{}", customer.id), &default);
    }

    /// Advances the customer's clock to `to`.
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
        panic!("the clock is not ready in time");
    }

    /// Calls the sandbox's own API: keys, faults, request log.
    #[track_caller]
    pub(crate) fn sandbox(&self, method: &str, path: &str, body: &Value) -> Value {
        self.learn_keys(body);
        let url = format!("{}/_sandbox{path}", self.about().stripe_url);
        let response = self.exchange(method, &url, &[], &body.to_string());
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.json()
    }

    /// Adds a fault to Stripe's responses to the functions.
    #[track_caller]
    pub(crate) fn break_stripe(&self, fault: &Value) -> Broken<'_> {
        let mut whole = json!({ "path": "/v1/", "count": 1_000 });
        let (whole_fields, fault) = (whole.as_object_mut(), fault.as_object());
        whole_fields.expect("an object").extend(fault.expect("an object").clone());
        self.sandbox("POST", "/faults", &whole);
        Broken(self)
    }
}

/// Returns a field that must be a string.
#[track_caller]
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
