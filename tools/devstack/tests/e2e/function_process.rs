//! A function's process that the test starts itself, outside the stack's gateway, with its own settings, headers and
//! deadlines.
//!
//! `devstack::lambda` serves Lambda's Runtime API to the function's program.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Response;
use devstack::lambda::{Request, RuntimeApi};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Harness;
use crate::headers;
use crate::operator::binaries;

/// Timeout of a result, longer than any deadline.
const LIMIT: Duration = Duration::from_secs(40);

/// Time until the deadline of an ordinary request, as the template's `Timeout` sets it.
pub(crate) const PATIENT: Duration = Duration::from_secs(29);

/// Running function. Dropping this kills it.
pub(crate) struct FunctionProcess<'a> {
    harness: &'a Harness,
    function: &'static Function,
    log: String,
    child: Child,
    api: RuntimeApi,
    sent: u32,
    /// IP address of the caller.
    pub(crate) source: String,
    /// Path of its requests.
    pub(crate) path: String,
    /// Seconds by which Lambda's clock is behind the function's.
    pub(crate) lambda_is_behind: i64,
}

impl Drop for FunctionProcess<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> FunctionProcess<'a> {
    /// Starts the function with the stack's environment, in which `env` overrides variables.
    #[track_caller]
    pub(crate) fn start(harness: &'a Harness, name: &str, env: &[(&str, &str)]) -> Self {
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let function = function.expect("a function of the table");
        let api = RuntimeApi::start().expect("a port");
        let port = api.address().rsplit(':').next().unwrap_or_default();
        let log = format!("process-{name}-{port}");
        let out = std::fs::File::create(harness.logs().join(format!("{log}.log")));
        let out = out.expect("a log");
        let mut command = Command::new(programs().join(name));
        command.stdout(out.try_clone().expect("a log")).stderr(out);
        harness.about().configure(&mut command, function);
        command.envs(env.iter().copied()).env("AWS_LAMBDA_RUNTIME_API", api.address());
        let child = command.spawn().expect("`cargo build --workspace` builds the functions");
        let source = "192.0.2.1".to_owned();
        let path = function.example_path();
        Self { harness, function, log, child, api, sent: 0, source, path, lambda_is_behind: 0 }
    }

    /// Returns its resident memory in KiB.
    #[track_caller]
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a size")
    }

    /// Returns its response to a GET with these headers.
    #[track_caller]
    pub(crate) fn get(&mut self, headers: &[(&str, &str)]) -> Response {
        self.send(PATIENT, headers);
        self.response()
    }

    /// Sends a request with these headers and a deadline after `time`.
    pub(crate) fn send(&mut self, time: Duration, headers: &[(&str, &str)]) {
        self.send_with_body(time, headers, "");
    }

    /// Sends a request with a body.
    pub(crate) fn send_with_body(&mut self, time: Duration, headers: &[(&str, &str)], body: &str) {
        self.harness.follow_changes();
        self.sent += 1;
        let id = format!("{}-{}", self.log, self.sent);
        let Self { function, source, path, .. } = self;
        let request = Request { function, path, query: "", headers, body, source, id: &id };
        self.api.invoke_with_skew(&request.event(), time, self.lambda_is_behind);
    }

    /// Sends bytes that need not be an event.
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        self.api.invoke_with_bytes(bytes, PATIENT);
    }

    /// Returns whether the process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Returns what the process has logged.
    #[track_caller]
    pub(crate) fn logged(&self) -> String {
        let path = self.harness.logs().join(format!("{}.log", self.log));
        String::from_utf8_lossy(&std::fs::read(path).expect("a log")).into_owned()
    }

    /// Suspends the process, as Lambda does between invocations.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Resumes the process.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Kills the process, as if its machine had failed.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Returns the response to the oldest request without one.
    #[track_caller]
    pub(crate) fn response(&self) -> Response {
        self.timed_response().0
    }

    /// Returns the response, and how long the function took.
    #[track_caller]
    pub(crate) fn timed_response(&self) -> (Response, Duration) {
        let (response, took) = self.unrecorded_response();
        self.harness.noted(&self.log, &response);
        (response, took)
    }

    /// Returns the response without recording it, since only a request of API Gateway has its own ID in the log.
    #[track_caller]
    pub(crate) fn unrecorded_response(&self) -> (Response, Duration) {
        let Some(result) = self.api.next_result(LIMIT) else {
            panic!("{} does not respond; logs: {}", self.log, self.harness.logs().display())
        };
        let response = result.response();
        let response =
            response.unwrap_or_else(|| panic!("{} has reported an error to Lambda", self.log));
        headers::check(&response);
        self.harness.document().check(self.function.method, self.function.path, &response);
        (response, result.took())
    }
}

/// Returns the folder of the functions' programs: `E2E_FUNCTIONS`, or this program's own.
fn programs() -> PathBuf {
    std::env::var_os("E2E_FUNCTIONS").map_or_else(binaries, PathBuf::from)
}
