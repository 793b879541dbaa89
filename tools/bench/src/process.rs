//! One program under the stand-in for Lambda.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use devstack::http::Answer;
use devstack::lambda::{Given, RuntimeApi};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::proc;
use crate::stage::Stage;
use crate::subject::{Kind, Subject, folder};

/// Longest wait for anything; under valgrind all takes fifty times as long.
const LIMIT: Duration = Duration::from_mins(2);

/// What Lambda gives a function for one request.
const PATIENCE: Duration = Duration::from_secs(29);

/// A running program. Dropping it ends it.
pub struct Running {
    label: String,
    kind: Kind,
    child: Child,
    api: RuntimeApi,
    started: Instant,
    /// From the start of the process to its first question for work.
    pub ready: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts it, and waits until it asks for work.
    pub fn start(stage: &Stage, subject: &Subject) -> Result<Self> {
        Self::start_as(stage, subject, subject.command())
    }

    /// The same by another command, as with valgrind before it.
    pub fn start_as(stage: &Stage, subject: &Subject, mut command: Command) -> Result<Self> {
        let label = subject.label();
        let api = RuntimeApi::start().map_err(Error::system("a port"))?;
        stage.lead(&mut command, subject);
        api.lead(&mut command, subject.function.name);
        let log = folder().join(format!("log/{}.log", label.replace(' ', "-")));
        let log = OpenOptions::new().create(true).append(true).open(&log);
        let log = log.map_err(Error::system("a log"))?;
        let copy = log.try_clone().map_err(Error::system("a log"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let started = Instant::now();
        let child = command.spawn().map_err(Error::system(format!("starting {label}")))?;
        let kind = subject.kind;
        let mut running = Self { label, kind, child, api, started, ready: Duration::ZERO };
        running.ready = running.polled()?.duration_since(running.started);
        Ok(running)
    }

    fn polled(&mut self) -> Result<Instant> {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.api.polled(Duration::from_millis(200)) {
                return Ok(at);
            }
            let label = &self.label;
            if let Ok(Some(status)) = self.child.try_wait() {
                return Error::wrong(format!("{label} has ended ({status}); see target/bench/log"));
            }
            if Instant::now() > end {
                return Error::wrong(format!("{label} does not ask for work"));
            }
        }
    }

    /// Hands an event over and waits for the answer, which has to be a good one, and until the
    /// program asks for the next.
    pub fn invoke(&mut self, event: &Value) -> Result<(Duration, Answer)> {
        let (took, answer) = self.ask(event)?;
        let is_good = answer.status < 300 || self.kind == Kind::Floor;
        if !is_good {
            let Answer { status, body, .. } = &answer;
            return Error::wrong(format!("{} has answered {status}: {body}", self.label));
        }
        Ok((took, answer))
    }

    /// The same, whatever the answer is.
    pub fn ask(&mut self, event: &Value) -> Result<(Duration, Answer)> {
        self.api.hand_over(event, PATIENCE);
        let given = self.api.given(LIMIT);
        let answer = given.as_ref().and_then(Given::answer);
        let Some((given, answer)) = given.zip(answer) else {
            return Error::wrong(format!("{} gave no answer; see target/bench/log", self.label));
        };
        self.polled()?;
        Ok((given.took(), answer))
    }

    /// Nanoseconds on a processor so far.
    pub fn cpu_nanos(&self) -> Result<u64> {
        proc::cpu_nanos(self.child.id())
    }

    /// The most memory so far, in KiB.
    pub fn peak_kib(&self) -> Result<u64> {
        proc::peak_kib(self.child.id())
    }

    /// Asks it to end, so that it can still write what it has counted, and waits until it has.
    pub fn end(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)
            .map_err(|error| Error::system("ending it")(error.into()))?;
        self.child.wait().map(drop).map_err(Error::system("waiting for its end"))
    }
}
