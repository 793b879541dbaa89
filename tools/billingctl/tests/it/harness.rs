//! Runs the binary with its own environment.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

/// Output and exit code of a run.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Returns the JSON object on stdout, which must be its only line.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).expect("JSON on stdout")
    }

    /// Returns the error message of a failed run. With `--json`, stdout must have it as an object.
    #[track_caller]
    pub fn error(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        let lines: Vec<&str> =
            self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(lines.len() == 1 && !self.stderr.contains("panicked"), "{self:?}");
        let message = lines[0].trim_start_matches("error: ");
        let object = json!({ "error": { "kind": "failed", "message": message } });
        assert!(self.stdout.is_empty() || self.stdout == format!("{object}\n"), "{self:?}");
        lines[0]
    }
}

/// Environment of a run. It inherits nothing from the test process.
#[derive(Clone)]
pub struct Shell(Vec<(&'static str, String)>);

impl Shell {
    pub fn bare() -> Self {
        // On an EC2 instance the metadata service would provide credentials.
        Self(vec![("AWS_EC2_METADATA_DISABLED", "true".to_owned())])
    }

    pub fn with_aws(url: &str) -> Self {
        let shell = Self::bare().with("AWS_ENDPOINT_URL", url).with("AWS_REGION", "eu-central-1");
        shell.with("AWS_ACCESS_KEY_ID", "test").with("AWS_SECRET_ACCESS_KEY", "test")
    }

    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut shell = self.clone();
        shell.0.retain(|(other, _)| *other != name);
        shell.0.push((name, value.to_owned()));
        shell
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billingctl"));
        command.args(arguments).env_clear().envs(self.0.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary and kills it after `lines` lines of progress.
    pub fn run_until(&self, arguments: &[&str], lines: usize) {
        let mut command = self.command(arguments);
        let mut process =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let progress = BufReader::new(process.stderr.take().expect("piped")).lines();
        let is_progress = |line: &String| {
            ["created ", "updated ", "archived "].iter().any(|action| line.starts_with(action))
        };
        progress.map_while(Result::ok).filter(is_progress).take(lines).for_each(drop);
        process.kill().expect("its own process");
        process.wait().expect("its own process");
    }

    /// Runs the binary.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the binary with `text` on stdin.
    pub fn run_with(&self, arguments: &[&str], text: &str) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary runs");
        let mut stdin = process.stdin.take().expect("piped");
        // The process may exit without reading.
        let _ = stdin.write_all(text.as_bytes());
        drop(stdin);
        let output = process.wait_with_output().expect("its own process");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the binary on a terminal on which `answer` is typed.
    pub fn run_on_terminal(&self, arguments: &[&str], answer: &str) -> Run {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = openpt(flags).expect("a pseudoterminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("a pseudoterminal");
        let name = ptsname(&terminal, Vec::new()).expect("its name");
        let name = name.to_str().expect("UTF-8");
        let stdin = File::options().read(true).write(true).open(name).expect("its other end");
        File::from(terminal.try_clone().expect("a descriptor"))
            .write_all(format!("{answer}\n").as_bytes())
            .expect("room for a line");
        let output = self.command(arguments).stdin(stdin).output().expect("the binary runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the binary with `--json` and returns the result.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).json()
    }
}
