//! plan-change as a process that can be killed, and asked again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use devstack::http::Answer;

use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{JSON, Payer};

/// plan-change by itself, asked with an idempotency key.
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

    /// The answer of a new process to the same request, asked until it is there.
    #[track_caller]
    pub fn again(&self) -> Answer {
        let mut function = self.start();
        let started = Instant::now();
        loop {
            self.ask(&mut function, PATIENT);
            let answer = function.answer();
            let error = answer.json()["error"].clone();
            // The claim still holds; or Stripe is still at the request of the process that is gone.
            match answer.status {
                409 if error == "idempotency_in_progress" => {}
                503 if error == "stripe_unavailable" => {}
                _ => return answer,
            }
            assert!(started.elapsed() < Duration::from_secs(10), "it is never there");
            sleep(Duration::from_millis(100));
        }
    }

    /// Starts a change and kills it as soon as `is_time`.
    #[track_caller]
    pub fn killed_when(&self, is_time: impl Fn() -> bool) {
        let mut function = self.start();
        self.ask(&mut function, Duration::from_secs(2));
        let started = Instant::now();
        while !is_time() {
            assert!(started.elapsed() < Duration::from_secs(5), "it never came that far");
            sleep(Duration::from_millis(5));
        }
        function.kill();
    }
}

/// How late Stripe's answer is, in milliseconds: later than the deadline of whom it is for.
pub const SLOW: u64 = 3_000;
