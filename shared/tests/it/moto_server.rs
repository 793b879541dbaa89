//! moto's server, the stand-in for DynamoDB and Secrets Manager: one for each test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

/// A machine that builds at the same time is slow to start Python.
const LONGEST_START: Duration = Duration::from_secs(90);

/// It ends with the test.
pub struct MotoServer {
    process: Child,
    pub url: String,
}

impl MotoServer {
    /// On a port that it chooses itself, so that nothing else can take it first.
    pub fn start() -> Self {
        // The tests of more than one crate come here, each from a folder of its own.
        let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let program = folders.find_map(|folder| {
            Some(folder.join(".venv/bin/moto_server")).filter(|program| program.exists())
        });
        let mut process = Command::new(program.expect("moto is not installed: run `make setup`"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto starts");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let (told, url) = channel();
        // Whoever stops reading stops moto, once the pipe is full.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = told.send(url.to_owned());
                }
            }
        });
        let mut moto = Self { process, url: String::new() };
        moto.url = url.recv_timeout(LONGEST_START).expect("moto says where it listens");
        moto
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
