//! moto's server, the emulator of Secrets Manager and STS.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Longest start of Python on a machine that compiles at the same time.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// A server that runs until it is dropped.
pub struct MotoServer {
    process: Child,
    pub url: String,
}

impl MotoServer {
    /// Starts a server on a port of its own choice, which nothing else can take first.
    pub fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut process = Command::new(root.join(".venv/bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`make setup` installs moto");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let (sender, url) = channel();
        // moto blocks once the pipe is full, so read to the end.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = sender.send(url.to_owned());
                }
            }
        });
        let mut moto = Self { process, url: String::new() };
        moto.url = url.recv_timeout(START_TIMEOUT).expect("moto prints its URL");
        moto
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
