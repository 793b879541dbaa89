//! A process of plan-change that a case can kill, and whose request it can retry.

use std::thread::sleep;
use std::time::{Duration, Instant};

use devstack::http::Response;

use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{JSON, Payer};

/// Process of plan-change, and the account whose change it makes with an idempotency key.
pub struct Alone<'a> {
    pub harness: &'a Harness,
    pub payer: &'a Payer,
}

impl<'a> Alone<'a> {
    #[track_caller]
    pub fn start(&self) -> Lone<'a> {
        Lone::start(self.harness, "plan-change", &[])
    }

    pub fn ask(&self, function: &mut Lone<'_>, time: Duration) {
        let bearer = format!("Bearer {}", self.payer.account.key);
        let headers = [JSON, ("authorization", &*bearer), ("idempotency-key", "killed")];
        function.ask_with(time, &headers, r#"{"plan":"agency"}"#);
    }

    /// Retries the request in a new process until the first attempt no longer blocks it, and returns the response.
    #[track_caller]
    pub fn again(&self) -> Response {
        let mut function = self.start();
        let started = Instant::now();
        loop {
            self.ask(&mut function, PATIENT);
            let response = function.response();
            let error = response.json()["error"].clone();
            // The first attempt's lease has not expired, or Stripe still processes its request.
            match response.status {
                409 if error == "idempotency_in_progress" => {}
                503 if error == "stripe_unavailable" => {}
                _ => return response,
            }
            assert!(started.elapsed() < Duration::from_secs(10), "the retry is still blocked");
            sleep(Duration::from_millis(100));
        }
    }

    /// Starts a change and kills its process as soon as `is_time` returns true.
    #[track_caller]
    pub fn killed_when(&self, is_time: impl Fn() -> bool) {
        let mut function = self.start();
        self.ask(&mut function, Duration::from_secs(2));
        let started = Instant::now();
        while !is_time() {
            assert!(started.elapsed() < Duration::from_secs(5), "the change did not get that far");
            sleep(Duration::from_millis(5));
        }
        function.kill();
    }
}

/// Delay of Stripe's response in milliseconds, beyond the request's deadline.
pub const SLOW: u64 = 3_000;
