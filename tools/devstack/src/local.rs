//! What a stack leaves on disk while it runs: logs, its description, and who its processes are.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Error;

/// Lines of a log that an error shows.
const TAIL: usize = 20;

/// How long a process may take to end when asked to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// A folder such as `.local`.
#[derive(Clone, Debug)]
pub struct Local {
    dir: PathBuf,
}

impl Local {
    /// Makes the folder and the one for logs.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn create(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = dir.into();
        let logs = dir.join("log");
        fs::create_dir_all(&logs).map_err(Error::file(&logs))?;
        Ok(Self { dir })
    }

    /// The log of the process called `name`.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.dir.join("log").join(format!("{name}.log"))
    }

    /// `aws-calls.jsonl`: every request that moto got, where they are recorded.
    #[must_use]
    pub fn aws_calls(&self) -> PathBuf {
        self.dir.join("aws-calls.jsonl")
    }

    /// `stack.json`: where everything is, and the keys.
    #[must_use]
    pub fn stack(&self) -> PathBuf {
        self.dir.join("stack.json")
    }

    /// `devstack.pid`: the process that looks after the others.
    #[must_use]
    pub fn pid(&self) -> PathBuf {
        self.dir.join("devstack.pid")
    }

    /// `children.pid`: the others, one a line: process id and a part of its command line.
    fn children(&self) -> PathBuf {
        self.dir.join("children.pid")
    }

    /// The error for a process that runs and does not answer.
    pub(crate) fn silent(&self, name: &str, limit: Duration, reason: String) -> Error {
        let log = self.log(name);
        let (name, seconds) = (name.to_owned(), limit.as_secs());
        Error::Silent { name, seconds, reason, tail: tail(&log), log }
    }

    /// Writes a file that only its owner may read.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
        // An older file would keep its mode.
        let _ = fs::remove_file(path);
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::file(path))
    }

    /// Notes a process, so that it can be ended also when this one was killed.
    pub(crate) fn record(&self, pid: u32, mark: &str) -> Result<(), Error> {
        let path = self.children();
        let file = OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{pid} {mark}")).map_err(Error::file(path))
    }

    /// Forgets the processes: they have ended.
    pub(crate) fn forget(&self) {
        let _ = fs::remove_file(self.children());
    }

    /// Ends what an earlier stack has left running, and says how many processes that were.
    pub(crate) fn reap(&self) -> usize {
        let noted = fs::read_to_string(self.children()).unwrap_or_default();
        let noted = noted
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(pid, mark)| Some((pid.parse().ok()?, mark)));
        let left: Vec<(i32, &str)> = noted.filter(|(pid, mark)| runs(*pid, mark)).collect();
        signal(&left, Signal::TERM);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && left.iter().any(|(pid, mark)| runs(*pid, mark)) {
            sleep(Duration::from_millis(50));
        }
        signal(&left, Signal::KILL);
        self.forget();
        left.len()
    }
}

fn signal(groups: &[(i32, &str)], signal: Signal) {
    for group in groups.iter().filter_map(|(pid, _)| Pid::from_raw(*pid)) {
        // One that has ended meanwhile is what we want.
        let _ = kill_process_group(group, signal);
    }
}

/// Whether the process is there and still the one that was noted: ids are used again.
pub(crate) fn runs(pid: i32, mark: &str) -> bool {
    let command_line = match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) if Path::new("/proc/self").exists() => return false,
        // No /proc, as on macOS.
        Err(_) => match Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(_) => return false,
        },
    };
    command_line.contains(mark)
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text =
        fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    if last.is_empty() { "  (nothing)".to_owned() } else { format!("  {}", last.join("\n  ")) }
}
