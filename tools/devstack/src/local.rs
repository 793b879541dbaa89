//! Files of a running stack: logs, its description, and the IDs of its processes.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Error;

/// Number of log lines in an error.
const TAIL: usize = 20;

/// Time that a process has to end after SIGTERM.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Folder with a stack's files, for example `.local`.
#[derive(Clone, Debug)]
pub struct Local {
    dir: PathBuf,
}

impl Local {
    /// Creates the folder and its subfolder for logs, which only its owner can read.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = dir.into();
        let logs = dir.join("log");
        fs::create_dir_all(&logs).map_err(Error::file(&logs))?;
        // An existing folder would keep its mode.
        fs::set_permissions(&logs, Permissions::from_mode(0o700)).map_err(Error::file(&logs))?;
        Ok(Self { dir })
    }

    /// Creates the empty log of the process called `name`, which only its owner can read.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn create_log(&self, name: &str) -> Result<File, Error> {
        Self::create_private(&self.log(name))
    }

    /// Returns the folder with the logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Returns the log of the process called `name`.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// Returns `aws-calls.jsonl`, the recording of all requests to the AWS emulator.
    #[must_use]
    pub fn aws_calls(&self) -> PathBuf {
        self.dir.join("aws-calls.jsonl")
    }

    /// Returns `state`, the folder with the state that the next stack keeps.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// Returns `stack.json`, the description of the running stack.
    #[must_use]
    pub fn stack(&self) -> PathBuf {
        self.dir.join("stack.json")
    }

    /// Returns `env`, the running stack's addresses and keys for a shell.
    pub(crate) fn env(&self) -> PathBuf {
        self.dir.join("env")
    }

    /// Returns `devstack.pid`, the ID of the stack's main process.
    #[must_use]
    pub fn pid(&self) -> PathBuf {
        self.dir.join("devstack.pid")
    }

    /// Returns `children.pid`: process ID and a part of the command line of each child, one per line.
    fn children(&self) -> PathBuf {
        self.dir.join("children.pid")
    }

    /// Returns the error for a process that does not respond.
    pub(crate) fn silent(&self, name: &str, limit: Duration, reason: String) -> Error {
        let log = self.log(name);
        let (name, seconds) = (name.to_owned(), limit.as_secs());
        Error::Silent { name, seconds, reason, tail: tail(&log), log }
    }

    /// Writes a file that only its owner can read.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
        Self::create_private(path)?.write_all(text.as_bytes()).map_err(Error::file(path))
    }

    fn create_private(path: &Path) -> Result<File, Error> {
        // An existing file would keep its mode.
        let _ = fs::remove_file(path);
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        file.map_err(Error::file(path))
    }

    /// Records a process, so that the next stack can stop it if this one is killed.
    pub(crate) fn record(&self, pid: u32, mark: &str) -> Result<(), Error> {
        let path = self.children();
        let file = OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{pid} {mark}")).map_err(Error::file(path))
    }

    /// Deletes the records of the processes.
    pub(crate) fn forget(&self) {
        let _ = fs::remove_file(self.children());
    }

    /// Stops the recorded processes that still run and returns their number.
    pub(crate) fn stop_orphans(&self) -> usize {
        let recorded = fs::read_to_string(self.children()).unwrap_or_default();
        let recorded = recorded
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(pid, mark)| Some((pid.parse().ok()?, mark)));
        let orphans: Vec<(i32, &str)> = recorded.filter(|(pid, mark)| runs(*pid, mark)).collect();
        signal(&orphans, Signal::TERM);
        let end = Instant::now() + STOP_LIMIT;
        while Instant::now() < end && orphans.iter().any(|(pid, mark)| runs(*pid, mark)) {
            sleep(Duration::from_millis(50));
        }
        signal(&orphans, Signal::KILL);
        self.forget();
        orphans.len()
    }
}

fn signal(groups: &[(i32, &str)], signal: Signal) {
    for group in groups.iter().filter_map(|(pid, _)| Pid::from_raw(*pid)) {
        // Fails if the process has ended meanwhile.
        let _ = kill_process_group(group, signal);
    }
}

/// Returns whether the process runs and its command line contains `mark`. Process IDs are reused.
pub(crate) fn runs(pid: i32, mark: &str) -> bool {
    let command_line = match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) if Path::new("/proc/self").exists() => return false,
        // macOS has no /proc.
        Err(_) => match Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(_) => return false,
        },
    };
    command_line.contains(mark)
}

/// Returns the last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text =
        fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    if last.is_empty() { "  (nothing)".to_owned() } else { format!("  {}", last.join("\n  ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_can_read_the_logs() {
        let dir = std::env::temp_dir().join(format!("devstack-logs-{}", std::process::id()));
        let log = dir.join("log");
        // As an earlier version left them.
        fs::create_dir_all(&log).expect("a folder");
        fs::write(log.join("stripe.log"), "old").expect("a file");
        let local = Local::create(&dir).expect("a folder");
        local.create_log("stripe").expect("a file");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&log), mode(&local.log("stripe"))), (0o700, 0o600));
        fs::remove_dir_all(&dir).expect("the folder");
    }
}
