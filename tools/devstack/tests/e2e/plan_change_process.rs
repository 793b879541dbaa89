//! A process of plan-change that a case can kill, and whose request it can retry.

use std::thread::sleep;
use std::time::{Duration, Instant};

use devstack::http::Response;

use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::{JSON, Payer};

/// Process of plan-change, and the account whose change it makes with an idempotency key.
pub struct PlanChangeProcess<'a> {
    pub harness: &'a Harness,
    pub payer: &'a Payer,
}

impl<'a> PlanChangeProcess<'a> {
    #[track_caller]
    pub fn start(&self) -> FunctionProcess<'a> {
        FunctionProcess::start(self.harness, "plan-change", &[])
    }

    pub fn send(&self, function: &mut FunctionProcess<'_>, time: Duration) {
        let bearer = format!("Bearer {}", self.payer.account.key);
        let headers = [JSON, ("authorization", &*bearer), ("idempotency-key", "killed")];
        function.send_with_body(time, &headers, r#"{"plan":"agency"}"#);
    }

    /// Retries the request in a new process until the first attempt no longer blocks it, and returns the response.
    #[track_caller]
    pub fn retry(&self) -> Response {
        let mut function = self.start();
        let started = Instant::now();
        loop {
            self.send(&mut function, PATIENT);
            let response = function.response();
            let error = response.json()["error"].clone();
            // The first attempt's lease has not expired, or Stripe still processes its request.
            match response.status {
                409 if error == "idempotency_in_progress" || error == "change_in_progress" => {}
                503 if error == "stripe_unavailable" => {}
                _ => return response,
            }
            assert!(started.elapsed() < Duration::from_secs(10), "the retry is still blocked");
            sleep(Duration::from_millis(100));
        }
    }

    /// Starts a change and kills its process as soon as `is_time` returns true.
    #[track_caller]
    pub fn kill_when(&self, is_time: impl Fn() -> bool) {
        let mut function = self.start();
        self.send(&mut function, Duration::from_secs(2));
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
