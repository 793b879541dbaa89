//! A measured program, which the bench invokes through Lambda's Runtime API.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use devstack::http::Response;
use devstack::lambda::{InvocationResult, RuntimeApi};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::proc;
use crate::stage::Stage;
use crate::subject::{Kind, Subject, folder};

/// Timeout of every wait; under valgrind everything takes fifty times as long.
const LIMIT: Duration = Duration::from_mins(2);

/// Time until the deadline of a request, as the template's `Timeout` sets it.
const DEADLINE: Duration = Duration::from_secs(29);

/// Running program. Dropping this kills it.
pub struct Running {
    label: String,
    kind: Kind,
    child: Child,
    api: RuntimeApi,
    started: Instant,
    /// From the start of the process to its first poll.
    pub ready: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts the program and waits for its first poll.
    pub fn start(stage: &Stage, subject: &Subject) -> Result<Self> {
        Self::start_as(stage, subject, subject.command())
    }

    /// Starts the program with another command, for example valgrind.
    pub fn start_as(stage: &Stage, subject: &Subject, mut command: Command) -> Result<Self> {
        let label = subject.label();
        let api = RuntimeApi::start().map_err(Error::system("a port"))?;
        stage.configure(&mut command, subject);
        command.env("AWS_LAMBDA_RUNTIME_API", api.address());
        let log = folder().join(format!("log/{}.log", label.replace(' ', "-")));
        let log = OpenOptions::new().create(true).append(true).open(&log);
        let log = log.map_err(Error::system("a log"))?;
        let copy = log.try_clone().map_err(Error::system("a log"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let started = Instant::now();
        let child = command.spawn().map_err(Error::system(format!("starting {label}")))?;
        let kind = subject.kind;
        let mut running = Self { label, kind, child, api, started, ready: Duration::ZERO };
        running.ready = running.next_poll()?.duration_since(running.started);
        Ok(running)
    }

    fn next_poll(&mut self) -> Result<Instant> {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.api.next_poll(Duration::from_millis(200)) {
                return Ok(at);
            }
            let label = &self.label;
            if let Ok(Some(status)) = self.child.try_wait() {
                return Error::wrong(format!("{label} has ended ({status}); see target/bench/log"));
            }
            if Instant::now() > end {
                return Error::wrong(format!("{label} does not poll for events"));
            }
        }
    }

    /// Invokes the program and waits for the response and the next poll. Returns the duration and the response.
    ///
    /// Fails if the response is an error.
    pub fn invoke(&mut self, event: &Value) -> Result<(Duration, Response)> {
        let (took, response) = self.try_invoke(event)?;
        let is_good = response.status < 300 || self.kind == Kind::Floor;
        if !is_good {
            let Response { status, body, .. } = &response;
            return Error::wrong(format!("{} responded with {status}: {body}", self.label));
        }
        Ok((took, response))
    }

    /// Invokes the program and returns the duration and the response, whatever its status.
    pub fn try_invoke(&mut self, event: &Value) -> Result<(Duration, Response)> {
        self.api.invoke(event, DEADLINE);
        let result = self.api.next_result(LIMIT);
        let response = result.as_ref().and_then(InvocationResult::response);
        let Some((result, response)) = result.zip(response) else {
            return Error::wrong(format!("{} did not respond; see target/bench/log", self.label));
        };
        self.next_poll()?;
        Ok((result.took(), response))
    }

    /// Returns the CPU time so far in nanoseconds.
    pub fn cpu_nanos(&self) -> Result<u64> {
        proc::cpu_nanos(self.child.id())
    }

    /// Returns the peak memory so far in KiB.
    pub fn peak_kib(&self) -> Result<u64> {
        proc::peak_kib(self.child.id())
    }

    /// Sends SIGTERM, upon which valgrind writes its counts, and waits for the end.
    pub fn end(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)
            .map_err(|error| Error::system("ending it")(error.into()))?;
        self.child.wait().map(drop).map_err(Error::system("waiting for its end"))
    }
}
