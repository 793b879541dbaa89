//! moto's server, the stand-in for DynamoDB and Secrets Manager: one for each test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// It ends with the test.
pub struct Moto {
    process: Child,
    pub url: String,
}

impl Moto {
    pub fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/moto_server");
        assert!(program.exists(), "{} is missing: run `make setup`", program.display());
        let mut process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto's server starts");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let running = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, url) = line.split_once("Running on ")?;
            Some(url.to_owned())
        });
        // Whoever stops reading stops moto, once the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, url: running.expect("moto's server says where it listens") }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
