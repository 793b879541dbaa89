//! Compile errors of `cargo lambda watch`: it writes the compiler's message into its log and keeps requests waiting.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::functions::{FOLLOW, FUNCTIONS};

/// Pause between two looks at the log.
const PAUSE: Duration = Duration::from_millis(200);

/// Line with which cargo ends the messages about a package that does not compile. The package's name follows.
const FAILED: &str = "error: could not compile `";

/// Line with which cargo begins to build a package. Its name follows.
const COMPILING: &str = "   Compiling ";

/// Line with which cargo starts a program that it has built.
const RUNNING: &str = "Running `";

/// The compiler's messages by the package that does not compile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures(BTreeMap<String, String>);

impl Failures {
    /// Returns the message that keeps a function from being built: of its own package, or of one that all use.
    pub(crate) fn of(&self, function: &str) -> Option<&str> {
        let common = || self.0.iter().find(|(name, _)| !is_function(name)).map(|(_, text)| text);
        self.0.get(function).or_else(common).map(String::as_str)
    }
}

fn is_function(name: &str) -> bool {
    name == FOLLOW || FUNCTIONS.iter().any(|function| function.name == name)
}

/// Reader of cargo's log.
#[derive(Default)]
struct Reader {
    failures: Failures,
    /// Lines of a message that has not ended.
    message: Vec<String>,
}

impl Reader {
    /// Reads the next line. Returns the message that it ends.
    fn line(&mut self, line: &str) -> Option<String> {
        let Failures(failures) = &mut self.failures;
        if let Some(rest) = line.strip_prefix(FAILED) {
            self.message.push(line.to_owned());
            let name = rest.split('`').next().unwrap_or_default().to_owned();
            let text = self.message.join("\n");
            self.message.clear();
            failures.insert(name, text.clone());
            return Some(text);
        }
        if let Some((_, command)) = line.split_once(RUNNING) {
            let program = command.trim_end_matches('`').rsplit('/').next();
            // The packages that all functions use have compiled, too.
            failures.retain(|name, _| is_function(name) && program != Some(name));
            self.message.clear();
        } else if let Some(package) = line.strip_prefix(COMPILING) {
            // It may compile this time.
            failures.remove(package.split(' ').next().unwrap_or_default());
        } else if !self.message.is_empty() || line.starts_with("error") {
            self.message.push(line.to_owned());
        }
        None
    }
}

/// Follows cargo's log until the task is aborted. Passes on each message to `report`.
pub(crate) async fn follow(log: PathBuf, failures: watch::Sender<Failures>, report: fn(&str)) {
    let (mut position, mut text, mut reader) = (0, String::new(), Reader::default());
    loop {
        sleep(PAUSE).await;
        let more = File::open(&log).and_then(|mut file| {
            file.seek(SeekFrom::Start(position))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        });
        let more = more.unwrap_or_default();
        position += more.len() as u64;
        text.push_str(&String::from_utf8_lossy(&more));
        let Some(end) = text.rfind('\n') else { continue };
        let lines: String = text.drain(..=end).collect();
        lines.lines().filter_map(|line| reader.line(line)).for_each(|message| report(&message));
        failures.send_replace(reader.failures.clone());
    }
}

/// Waits until `function` does not compile, and returns the compiler's message.
pub(crate) async fn failure(mut failures: watch::Receiver<Failures>, function: &str) -> String {
    let failed = failures.wait_for(|failures| failures.of(function).is_some()).await;
    let message = failed.ok().and_then(|failures| failures.of(function).map(str::to_owned));
    match message {
        Some(message) => message,
        // Nobody follows the log.
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: &str = "error[E0308]: mismatched types\n --> functions/info/src/lib.rs:9:5";

    fn read(reader: &mut Reader, text: &str) -> Vec<String> {
        text.lines().filter_map(|line| reader.line(line)).collect()
    }

    #[test]
    fn message_of_a_function_is_kept_until_it_runs_again() {
        let mut reader = Reader::default();
        let end = "error: could not compile `info` (lib) due to 1 previous error";
        let message = format!("{ERROR}\n{end}");
        let failed = format!("   Compiling info v0.1.0\n{message}\n");
        assert_eq!(read(&mut reader, &failed).join("|"), message);
        read(
            &mut reader,
            "    Finished `dev`\n     Running `/x/run-function.sh target/debug/usage`\n",
        );
        assert_eq!(reader.failures.of("info"), Some(&*message));
        assert_eq!(reader.failures.of("usage"), None);
        read(&mut reader, "   Compiling info v0.1.0 (/x/functions/info)\n");
        assert_eq!(reader.failures.of("info"), None);
        read(&mut reader, &message);
        read(&mut reader, "     Running `/x/run-function.sh target/debug/info`\n");
        assert_eq!(reader.failures.of("info"), None);
    }

    #[test]
    fn message_of_a_shared_package_is_that_of_all_functions() {
        let mut reader = Reader::default();
        let message = format!("{ERROR}\nerror: could not compile `shared` (lib)");
        read(&mut reader, &message);
        assert_eq!(reader.failures.of("summary"), Some(&*message));
        read(&mut reader, "     Running `target/debug/usage`");
        assert_eq!(reader.failures.of("summary"), None);
    }
}
