//! Compile errors of `cargo lambda watch`: it writes the compiler's message into its log and keeps requests waiting.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// Pause between two looks at the log.
const PAUSE: Duration = Duration::from_millis(200);

/// Line with which cargo ends the messages about a crate that does not compile.
const FAILED: &str = "error: could not compile";

/// Beginnings of lines of a build that got further.
const BUILT: [&str; 2] = ["Finished ", "Running "];

/// The compiler's message while the code does not compile.
pub(crate) type Failure = watch::Receiver<Option<String>>;

/// Follows a log of cargo's until the task is aborted. Passes on each new message to `report`.
pub(crate) async fn follow(
    log: PathBuf,
    failure: watch::Sender<Option<String>>,
    report: impl Fn(&str),
) {
    let (mut read, mut text) = (0, String::new());
    loop {
        sleep(PAUSE).await;
        let more = File::open(&log).and_then(|mut file| {
            file.seek(SeekFrom::Start(read))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map(|_| bytes)
        });
        let Ok(more) = more else { continue };
        read += more.len() as u64;
        text.push_str(&String::from_utf8_lossy(&more));
        let Some(end) = text.rfind('\n') else { continue };
        let lines: String = text.drain(..=end).collect();
        if let Some(state) = state_after(&lines) {
            if let Some(message) =
                state.as_ref().filter(|message| failure.borrow().as_ref() != Some(message))
            {
                report(message);
            }
            failure.send_replace(state);
        }
    }
}

/// Returns the state after these lines of the log: the message of an error, `Some(None)` if the code compiles, and `None`
/// if they do not say.
fn state_after(lines: &str) -> Option<Option<String>> {
    let mut state = None;
    let mut message: Vec<&str> = Vec::new();
    for line in lines.lines() {
        let begins = line.starts_with("error") || line.starts_with("warning");
        if line.starts_with(FAILED) {
            message.push(line);
            state = Some(Some(message.join("\n")));
            message.clear();
        } else if BUILT.iter().any(|word| line.trim_start().starts_with(word)) {
            state = Some(None);
            message.clear();
        } else if !message.is_empty() || begins {
            message.push(line);
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERROR: &str =
        "error[E0425]: cannot find value `x` in this scope\n --> functions/info/src/main.rs:9:5\n";

    #[test]
    fn message_of_an_error_is_found_until_a_build_succeeds() {
        let failed =
            format!("   Compiling info v0.1.0\n{ERROR}{FAILED} `info` (lib) due to 1 error\n");
        let message = format!("{ERROR}{FAILED} `info` (lib) due to 1 error");
        let built = "    Finished `dev` profile in 2.1s\n     Running `target/debug/info`\n";
        assert_eq!(state_after(&failed), Some(Some(message)));
        assert_eq!(state_after(&format!("{failed}{built}")), Some(None));
        assert_eq!(state_after("   Compiling info v0.1.0\n"), None);
        assert_eq!(state_after(""), None);
    }
}
