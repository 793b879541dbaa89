//! One stack a folder: the claim on it, the process in the background, and ending it from outside.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;
use crate::local::{Local, PATIENCE, tail};

/// Between two looks at another process.
const PAUSE: Duration = Duration::from_millis(50);

/// The right to run the stack of a folder: a lock on `devstack.pid`. It goes with the process that
/// has it, however that one ends, so a file that is left over stops nobody.
pub(crate) struct Claim {
    local: Local,
    _file: File,
}

impl Claim {
    /// # Errors
    /// [`Error::Running`] if there is a stack already.
    pub(crate) fn take(local: &Local) -> Result<Self, Error> {
        let path = local.pid();
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(Error::file(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                return Err(Error::Running { pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(Error::File { path, source }),
        }
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(Error::file(&path))?;
        // An older description would tell of ports and keys that are no more.
        let _ = fs::remove_file(local.stack());
        Ok(Self { local: local.clone(), _file: file })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.local.stack());
        let _ = fs::remove_file(self.local.pid());
    }
}

/// Starts this program again in the background and shows what it says until the stack is up.
///
/// # Errors
/// [`Error::Running`]; [`Error::Died`] with what the other one said last.
pub(crate) fn detach(local: &Local, arguments: &[String]) -> Result<(), Error> {
    // Asked here already, so that the answer is this error and not a log's.
    drop(Claim::take(local)?);
    let log = local.log("devstack");
    let out = File::create(&log).map_err(Error::file(&log))?;
    let err = out.try_clone().map_err(Error::file(&log))?;
    let what = "this program's own path";
    let own = std::env::current_exe().map_err(|source| Error::System { what, source })?;
    let mut command = Command::new(own);
    command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err);
    let program = "devstack".to_owned();
    let mut child =
        command.spawn().map_err(|source| Error::NotStarted { program, source, advice: "" })?;
    let mut shown = 0;
    loop {
        // Asked before the log is read: what was said before is then in the log.
        let is_up = local.stack().exists();
        let status = child.try_wait().ok().flatten();
        shown = show(&log, shown);
        match status {
            Some(status) => return Err(Error::Background { status }),
            None if is_up => return Ok(()),
            None => sleep(PAUSE),
        }
    }
}

/// Prints what was added to a log.
fn show(log: &Path, from: u64) -> u64 {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(std::io::SeekFrom::Start(from))?;
        file.read_to_string(&mut text)
    });
    print!("{text}");
    let _ = std::io::stdout().flush();
    from + read.map_or(0, |length| length as u64)
}

/// What [`stop`] found and did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Nothing ran.
    Nothing,
    /// The stack ran, and has ended.
    Stack,
    /// Whoever looked after the processes was gone; so many of them were still there, and have ended.
    Left(usize),
}

/// Ends the stack of a folder, and what an earlier one has left behind.
///
/// # Errors
/// [`Error::File`]; [`Error::Stuck`] if it does not end.
pub(crate) fn stop(local: &Local) -> Result<Stopped, Error> {
    let pid = match Claim::take(local) {
        Ok(_claim) => {
            return Ok(match local.reap() {
                0 => Stopped::Nothing,
                left => Stopped::Left(left),
            });
        }
        Err(Error::Running { pid }) => pid,
        Err(error) => return Err(error),
    };
    let process = pid.parse().ok().and_then(Pid::from_raw);
    // It has a few seconds for its own processes, and we wait a little longer than that.
    for (signal, limit) in [(Signal::TERM, 3 * PATIENCE), (Signal::KILL, PATIENCE)] {
        if let Some(process) = process {
            let _ = kill_process(process, signal);
        }
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Ok(_claim) = Claim::take(local) {
                local.reap();
                return Ok(Stopped::Stack);
            }
            sleep(PAUSE);
        }
    }
    Err(Error::Stuck { pid, tail: tail(&local.log("devstack")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Local {
        let dir =
            std::env::temp_dir().join(format!("devstack-daemon-{name}-{}", std::process::id()));
        Local::create(dir).expect("a folder")
    }

    #[test]
    fn a_second_stack_is_told_of_the_first() {
        let local = folder("twice");
        let first = Claim::take(&local).expect("nobody else");
        let error = Claim::take(&local).err().expect("taken").to_string();
        assert!(
            error.contains("already running") && error.contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        assert!(Claim::take(&local).is_ok());
    }

    #[test]
    fn a_file_that_was_left_over_stops_nobody() {
        let local = folder("left-over");
        fs::write(local.pid(), "1\n").expect("a file");
        assert!(Claim::take(&local).is_ok());
    }

    #[test]
    fn stopping_when_nothing_runs_is_no_error() {
        assert_eq!(stop(&folder("nothing")).expect("no error"), Stopped::Nothing);
    }
}
