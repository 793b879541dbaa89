//! The stack's child processes, which end with it even if it is killed.
//!
//! Each child has a process group of its own. A watchdog (a shell) reads their IDs from a pipe. If this process ends
//! without stopping them (panic, `kill -9`), the pipe closes and the watchdog stops them.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Error;
use crate::local::{Local, STOP_LIMIT, tail};

/// Reads process IDs until the pipe closes, then stops their groups. The line `done` means that they have ended.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
groups=
while read -r line; do
    [ "$line" = done ] && exit 0
    groups="$groups -$line"
done
[ -n "$groups" ] || exit 0
kill -s TERM -- $groups 2>/dev/null
sleep 3
kill -s KILL -- $groups 2>/dev/null
exit 0
"#;

/// Identifies the watchdog in a list of processes.
const WATCHDOG_MARK: &str = "devstack-watchdog";

struct Process {
    name: String,
    command: Command,
    child: Child,
    log: PathBuf,
}

/// Child processes of a stack. Dropping this stops them.
pub(crate) struct Processes {
    local: Local,
    running: Vec<Process>,
    watchdog: Child,
}

impl Processes {
    /// Stops processes that an earlier stack in the folder left behind, and starts the watchdog.
    pub(crate) fn new(local: Local) -> Result<Self, Error> {
        local.stop_orphans();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", WATCHDOG, WATCHDOG_MARK])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let advice = "Install a POSIX shell.";
        let watchdog = shell.process_group(0).spawn();
        let watchdog = watchdog.map_err(|source| Error::NotStarted {
            program: "sh".to_owned(),
            source,
            advice,
        })?;
        local.record(watchdog.id(), WATCHDOG_MARK)?;
        Ok(Self { local, running: Vec::new(), watchdog })
    }

    /// Starts a program that writes to the log called `name`. The error has `advice` if the program is missing.
    pub(crate) fn spawn(
        &mut self,
        name: &str,
        mut command: Command,
        advice: &'static str,
    ) -> Result<(), Error> {
        let log = self.local.log(name);
        let out = self.local.create_log(name)?;
        let err = out.try_clone().map_err(Error::file(&log))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn();
        let child = started.map_err(|source| Error::NotStarted { program, source, advice })?;
        let process = Process { name: name.to_owned(), command, child, log };
        self.watch(&process)?;
        self.running.push(process);
        Ok(())
    }

    /// Kills a process and starts it again with the same log.
    pub(crate) fn replace(&mut self, name: &str) -> Result<(), Error> {
        let position = self.running.iter().position(|process| process.name == name);
        let unknown = || Error::NotStarted {
            program: name.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
            advice: "The stack has no such process.",
        };
        let mut process = self.running.swap_remove(position.ok_or_else(unknown)?);
        // Fails if the process has ended already.
        let _ = process.child.kill();
        let _ = process.child.wait();
        let program = process.command.get_program().to_string_lossy().into_owned();
        let started = process.command.spawn();
        process.child =
            started.map_err(|source| Error::NotStarted { program, source, advice: "" })?;
        self.watch(&process)?;
        self.running.push(process);
        Ok(())
    }

    /// Tells the watchdog about a process, and records it for the next stack.
    fn watch(&self, process: &Process) -> Result<(), Error> {
        let pid = process.child.id();
        let what = "the watchdog process has ended";
        let mut pipe = self.watchdog.stdin.as_ref();
        pipe.as_mut()
            .map_or(Ok(()), |pipe| writeln!(pipe, "{pid}"))
            .map_err(|source| Error::System { what, source })?;
        let program = process.command.get_program().to_string_lossy();
        let mark = program.rsplit('/').next().unwrap_or(&program);
        self.local.record(pid, mark)
    }

    /// Returns an error if a process has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        for process in &mut self.running {
            if let Ok(Some(status)) = process.child.try_wait() {
                let (name, log) = (process.name.clone(), process.log.clone());
                return Err(Error::Died { name, status, tail: tail(&log), log });
            }
        }
        Ok(())
    }

    /// Awaits `work`, and fails as soon as a process ends.
    pub(crate) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                _ = look.tick() => self.check()?,
            }
        }
    }

    /// Stops all processes: sends SIGTERM, and SIGKILL to those that still run after [`STOP_LIMIT`].
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let end = Instant::now() + STOP_LIMIT;
        while Instant::now() < end
            && self.running.iter_mut().any(|process| matches!(process.child.try_wait(), Ok(None)))
        {
            sleep(Duration::from_millis(10));
        }
        // Also if the group's leader has ended: its children may still run.
        self.signal(Signal::KILL);
        for mut process in self.running.drain(..) {
            let _ = process.child.wait();
        }
        if let Some(mut pipe) = self.watchdog.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.watchdog.wait();
        self.local.forget();
    }

    fn signal(&self, signal: Signal) {
        for process in self.running.iter().rev() {
            // Fails if the group has ended.
            let _ = kill_process_group(Pid::from_child(&process.child), signal);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::runs;

    fn folder(name: &str) -> Local {
        let dir = std::env::temp_dir().join(format!("devstack-{name}-{}", std::process::id()));
        Local::create(dir).expect("a folder")
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn pid_in(log: &std::path::Path) -> i32 {
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().parse().expect("an id");
            }
            sleep(Duration::from_millis(10));
        }
        panic!("no process id in {}", log.display());
    }

    #[test]
    fn dropping_processes_stops_them_and_their_children() {
        let local = folder("drop");
        let mut processes = Processes::new(local.clone()).expect("a watchdog");
        processes.spawn("sleeper", shell("sleep 60 & echo $!; wait"), "").expect("a shell");
        let grandchild = pid_in(&local.log("sleeper"));
        assert!(runs(grandchild, "sleep"));
        drop(processes);
        // A process ends some time after SIGKILL.
        let end = Instant::now() + Duration::from_secs(5);
        while runs(grandchild, "sleep") {
            assert!(Instant::now() < end, "the child still runs");
            sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn ended_process_is_reported_with_its_log() {
        let mut processes = Processes::new(folder("died")).expect("a watchdog");
        processes.spawn("unlucky", shell("echo out of luck; exit 7"), "").expect("a shell");
        let end = Instant::now() + Duration::from_secs(5);
        let error = loop {
            match processes.check() {
                Err(error) => break error.to_string(),
                Ok(()) if Instant::now() < end => sleep(Duration::from_millis(10)),
                Ok(()) => panic!("it has not ended"),
            }
        };
        for part in ["unlucky", "exit status: 7", "out of luck", "unlucky.log"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn watchdog_stops_the_processes_when_its_pipe_closes() {
        let local = folder("watchdog");
        let mut processes = Processes::new(local.clone()).expect("a watchdog");
        processes.spawn("sleeper", shell("echo $$; exec sleep 60"), "").expect("a shell");
        pid_in(&local.log("sleeper"));
        // The kernel closes the pipe in the same way when this process ends.
        drop(processes.watchdog.stdin.take());
        assert!(processes.watchdog.wait().expect("our child").success());
        assert!(processes.running[0].child.try_wait().expect("our child").is_some());
    }

    #[test]
    fn next_stack_stops_orphans_of_an_earlier_one() {
        let local = folder("orphans");
        let mut orphan = shell("exec sleep 60").process_group(0).spawn().expect("a shell");
        local.record(orphan.id(), "sleep").expect("a record");
        while local.stop_orphans() == 0 {
            // The shell has not become `sleep` yet.
            local.record(orphan.id(), "sleep").expect("a record");
        }
        // A process that ends has no command line for a moment before it can be waited for.
        let ended = orphan.wait().expect("our child");
        assert!(ended.code().is_none(), "it was not stopped by a signal: {ended}");
    }

    #[test]
    fn process_with_a_reused_id_is_not_stopped() {
        let local = folder("same-id");
        local.record(std::process::id(), "moto_server").expect("a record");
        assert_eq!(local.stop_orphans(), 0);
    }
}
