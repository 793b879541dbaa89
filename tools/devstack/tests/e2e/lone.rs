//! One function by itself, outside the stack's gateway: with settings of its own, with headers as
//! API Gateway would hand them on, and with the deadline that a case wants.
//!
//! It is the function's own binary; the Lambda service's side of the Runtime API is `devstack::lambda`.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Answer;
use devstack::lambda::{Request, RuntimeApi};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Harness;
use crate::operator::binaries;

/// Longer than any deadline.
const LIMIT: Duration = Duration::from_secs(40);

/// What API Gateway leaves to a function.
pub(crate) const PATIENT: Duration = Duration::from_secs(29);

/// A running function. Dropping it ends it.
pub(crate) struct Lone<'a> {
    harness: &'a Harness,
    function: &'static Function,
    log: String,
    child: Child,
    api: RuntimeApi,
    asked: u32,
    /// The address that the gateway says requests come from.
    pub(crate) source: String,
    /// Seconds that Lambda's clock is behind the function's.
    pub(crate) lambda_is_behind: i64,
}

impl Drop for Lone<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Lone<'a> {
    /// Starts the function as the stack does, but for these variables.
    #[track_caller]
    pub(crate) fn start(harness: &'a Harness, name: &str, env: &[(&str, &str)]) -> Self {
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let function = function.expect("a function of the table");
        let api = RuntimeApi::start().expect("a port");
        let port = api.address().rsplit(':').next().unwrap_or_default();
        let log = format!("lone-{name}-{port}");
        let out = std::fs::File::create(harness.logs().join(format!("{log}.log")));
        let out = out.expect("a log");
        let mut command = Command::new(programs().join(name));
        command.stdout(out.try_clone().expect("a log")).stderr(out);
        command.envs(harness.environment()).env("STRIPE_SECRET_ID", function.secret.id());
        command.envs(env.iter().copied());
        api.lead(&mut command, name);
        command.env("AWS_SDK_UA_APP_ID", name);
        let child = command.spawn().expect("`cargo build --workspace` makes the functions");
        let source = "192.0.2.1".to_owned();
        Self { harness, function, log, child, api, asked: 0, source, lambda_is_behind: 0 }
    }

    /// Its resident memory in KiB, as Linux counts it.
    #[track_caller]
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a size")
    }

    /// Its answer to a GET with these headers.
    #[track_caller]
    pub(crate) fn get(&mut self, headers: &[(&str, &str)]) -> Answer {
        self.ask(PATIENT, headers);
        self.answer()
    }

    /// Hands it a request with these headers, which Lambda would end after `time`.
    pub(crate) fn ask(&mut self, time: Duration, headers: &[(&str, &str)]) {
        self.ask_with(time, headers, "");
    }

    /// The same with a body.
    pub(crate) fn ask_with(&mut self, time: Duration, headers: &[(&str, &str)], body: &str) {
        self.asked += 1;
        let id = format!("{}-{}", self.log, self.asked);
        let Self { function, source, .. } = self;
        let request = Request { function, query: "", headers, body, source, id: &id };
        self.api.hand_over_late(&request.event(), time, self.lambda_is_behind);
    }

    /// Stops it where it is, as Lambda does when there is nothing to answer.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Kills it, as when Lambda's machine is lost: whatever it was doing ends there and then.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Its answer to what it was asked.
    #[track_caller]
    pub(crate) fn answer(&self) -> Answer {
        let answer = self.answer_if_any();
        answer.unwrap_or_else(|| panic!("{} has given Lambda an error", self.log))
    }

    /// The same, but none where the function could not read the event and told Lambda so.
    #[track_caller]
    pub(crate) fn answer_if_any(&self) -> Option<Answer> {
        let Some(given) = self.api.given(LIMIT) else {
            panic!("{} does not answer; logs: {}", self.log, self.harness.logs().display())
        };
        let answer = given.answer()?;
        self.harness.document().check(self.function.method, self.function.path, &answer);
        self.harness.noted(&self.log, &answer);
        Some(answer)
    }
}

/// Where the functions' programs are: `E2E_FUNCTIONS`, for other builds of them, or beside this one.
fn programs() -> PathBuf {
    std::env::var_os("E2E_FUNCTIONS").map_or_else(binaries, PathBuf::from)
}
