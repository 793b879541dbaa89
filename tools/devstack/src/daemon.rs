//! The stack's lock on its folder, its background process, and stopping it from another process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;
use crate::local::{Local, STOP_LIMIT, tail};

/// Interval at which another process's state is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Lock on `devstack.pid`: only one stack runs in a folder. The kernel releases the lock when the process ends, so a
/// stale file does not block the next stack.
pub(crate) struct StackLock {
    local: Local,
    _file: File,
}

impl StackLock {
    /// Acquires the lock, or fails at once.
    ///
    /// # Errors
    /// [`Error::Running`] if another process has the lock.
    pub(crate) fn acquire(local: &Local) -> Result<Self, Error> {
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
        // Stale files have the ports and keys of an earlier stack.
        let _ = fs::remove_file(local.stack());
        let _ = fs::remove_file(local.env());
        Ok(Self { local: local.clone(), _file: file })
    }
}

impl Drop for StackLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.local.stack());
        let _ = fs::remove_file(self.local.env());
        let _ = fs::remove_file(self.local.pid());
    }
}

/// Starts this program in the background and prints its log until the stack is up.
///
/// # Errors
/// [`Error::Running`], or [`Error::Background`] if the background process ends.
pub(crate) fn detach(local: &Local, arguments: &[String]) -> Result<(), Error> {
    // Checked here as well, so that the error is this command's own.
    drop(StackLock::acquire(local)?);
    let log = local.log("devstack");
    let out = local.create_log("devstack")?;
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
        // Read before the log, so that the log is complete when this returns.
        let is_up = local.stack().exists();
        let status = child.try_wait().ok().flatten();
        shown = print_from(&log, shown);
        match status {
            Some(status) => return Err(Error::Background { status }),
            None if is_up => return Ok(()),
            None => sleep(POLL_INTERVAL),
        }
    }
}

/// Prints a log from this position and returns the position of its end.
fn print_from(log: &Path, from: u64) -> u64 {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(std::io::SeekFrom::Start(from))?;
        file.read_to_string(&mut text)
    });
    print!("{text}");
    let _ = std::io::stdout().flush();
    from + read.map_or(0, |length| length as u64)
}

/// Outcome of [`stop`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// Nothing was running.
    Nothing,
    /// The stack was running and has stopped.
    Stack,
    /// The stack's main process had been killed; this many of its processes were running and have ended.
    Orphans(usize),
}

/// Stops the stack of a folder, and processes that an earlier stack left behind.
///
/// # Errors
/// [`Error::File`], or [`Error::Stuck`] if the stack does not stop.
pub(crate) fn stop(local: &Local) -> Result<Stopped, Error> {
    let pid = match StackLock::acquire(local) {
        Ok(_lock) => {
            return Ok(match local.stop_orphans() {
                0 => Stopped::Nothing,
                count => Stopped::Orphans(count),
            });
        }
        Err(Error::Running { pid }) => pid,
        Err(error) => return Err(error),
    };
    let process = pid.parse().ok().and_then(Pid::from_raw);
    // Longer than the time that the stack gives its own processes.
    for (signal, limit) in [(Signal::TERM, 3 * STOP_LIMIT), (Signal::KILL, STOP_LIMIT)] {
        if let Some(process) = process {
            let _ = kill_process(process, signal);
        }
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Ok(_lock) = StackLock::acquire(local) {
                local.stop_orphans();
                return Ok(Stopped::Stack);
            }
            sleep(POLL_INTERVAL);
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
    fn second_stack_fails_with_the_first_ones_process_id() {
        let local = folder("twice");
        let first = StackLock::acquire(&local).expect("a free lock");
        let error = StackLock::acquire(&local).err().expect("a held lock").to_string();
        assert!(
            error.contains("already running") && error.contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(first);
        assert!(StackLock::acquire(&local).is_ok());
    }

    #[test]
    fn stale_pid_file_does_not_block_the_lock() {
        let local = folder("stale");
        fs::write(local.pid(), "1\n").expect("a file");
        assert!(StackLock::acquire(&local).is_ok());
    }

    #[test]
    fn stop_succeeds_when_nothing_runs() {
        assert_eq!(stop(&folder("nothing")).expect("no error"), Stopped::Nothing);
    }
}
