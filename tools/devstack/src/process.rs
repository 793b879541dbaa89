//! The stack's processes: started in groups of their own, and ended whatever happens to us.
//!
//! A *leash* holds them: a shell that knows their ids and reads from a pipe of ours. When we end
//! without ending them first (a panic, `kill -9`), the pipe closes and the leash ends them.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Error;
use crate::local::{Local, PATIENCE, tail};

/// Reads process ids until the pipe closes, then ends their groups. `done` means there is no need.
const LEASH: &str = r#"
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

/// By which the leash is recognised in a list of processes.
const LEASH_MARK: &str = "devstack-leash";

struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// Every process of a stack. Dropping it ends them.
pub(crate) struct Processes {
    local: Local,
    running: Vec<Process>,
    leash: Child,
}

impl Processes {
    /// Ends what an earlier stack in the same folder has left behind, and starts a leash.
    pub(crate) fn new(local: Local) -> Result<Self, Error> {
        local.reap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", LEASH, LEASH_MARK])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let advice = "A POSIX shell is needed.";
        let leash = shell.process_group(0).spawn();
        let leash = leash.map_err(|source| Error::NotStarted {
            program: "sh".to_owned(),
            source,
            advice,
        })?;
        local.record(leash.id(), LEASH_MARK)?;
        Ok(Self { local, running: Vec::new(), leash })
    }

    /// Starts a program that writes to the log called `name`. `advice` is for when it is not there.
    pub(crate) fn spawn(
        &mut self,
        name: &str,
        mut command: Command,
        advice: &'static str,
    ) -> Result<(), Error> {
        let log = self.local.log(name);
        let out = File::create(&log).map_err(Error::file(&log))?;
        let err = out.try_clone().map_err(Error::file(&log))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn();
        let child = started.map_err(|source| Error::NotStarted {
            program: program.clone(),
            source,
            advice,
        })?;
        let pid = child.id();
        self.running.push(Process { name: name.to_owned(), child, log });
        let what = "the process that ends the others in an emergency is gone";
        let mut pipe = self.leash.stdin.as_ref();
        pipe.as_mut()
            .map_or(Ok(()), |pipe| writeln!(pipe, "{pid}"))
            .map_err(|source| Error::System { what, source })?;
        let mark = program.rsplit('/').next().unwrap_or(&program);
        self.local.record(pid, mark)
    }

    /// The first process that has ended by itself, as an error.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        for process in &mut self.running {
            if let Ok(Some(status)) = process.child.try_wait() {
                let (name, log) = (process.name.clone(), process.log.clone());
                return Err(Error::Died { name, status, tail: tail(&log), log });
            }
        }
        Ok(())
    }

    /// Waits for `work`, for as long as all processes live.
    pub(crate) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut work = pin!(work);
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                // What waits for a process that has ended would wait in vain.
                _ = look.tick() => self.check()?,
            }
        }
    }

    /// Ends all of them: asks first, and kills what is still there after [`PATIENCE`].
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end
            && self.running.iter_mut().any(|process| matches!(process.child.try_wait(), Ok(None)))
        {
            sleep(Duration::from_millis(10));
        }
        // Also where the leader has ended: others of its group may not have.
        self.signal(Signal::KILL);
        for mut process in self.running.drain(..) {
            let _ = process.child.wait();
        }
        if let Some(mut pipe) = self.leash.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.leash.wait();
        self.local.forget();
    }

    fn signal(&self, signal: Signal) {
        for process in self.running.iter().rev() {
            // One that has ended already is what we want.
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
    fn dropping_the_processes_ends_them_and_their_children() {
        let local = folder("drop");
        let mut processes = Processes::new(local.clone()).expect("a leash");
        processes.spawn("sleeper", shell("sleep 60 & echo $!; wait"), "").expect("a shell");
        let grandchild = pid_in(&local.log("sleeper"));
        assert!(runs(grandchild, "sleep"));
        drop(processes);
        assert!(!runs(grandchild, "sleep"));
    }

    #[test]
    fn what_ends_by_itself_is_reported_with_its_last_words() {
        let mut processes = Processes::new(folder("died")).expect("a leash");
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
    fn the_leash_ends_them_when_we_are_gone() {
        let local = folder("leash");
        let mut processes = Processes::new(local.clone()).expect("a leash");
        processes.spawn("sleeper", shell("echo $$; exec sleep 60"), "").expect("a shell");
        pid_in(&local.log("sleeper"));
        // As the kernel does it when a process ends: the pipe closes, and no `done` was said.
        drop(processes.leash.stdin.take());
        assert!(processes.leash.wait().expect("our child").success());
        assert!(processes.running[0].child.try_wait().expect("our child").is_some());
    }

    #[test]
    fn the_next_stack_ends_what_an_earlier_one_has_left() {
        let local = folder("reap");
        let mut left = shell("exec sleep 60").process_group(0).spawn().expect("a shell");
        local.record(left.id(), "sleep").expect("a note");
        while local.reap() == 0 {
            // The shell has not become `sleep` yet.
            local.record(left.id(), "sleep").expect("a note");
        }
        assert!(left.try_wait().expect("our child").is_some());
    }

    #[test]
    fn a_process_that_only_has_the_same_id_is_left_alone() {
        let local = folder("same-id");
        local.record(std::process::id(), "moto_server").expect("a note");
        assert_eq!(local.reap(), 0);
    }
}
