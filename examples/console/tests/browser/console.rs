//! The console's program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Running console. Dropping it stops it.
pub struct Console {
    child: Child,
    pub url: String,
}

impl Console {
    /// Starts the console on a free port.
    pub fn start(stack: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_console"))
            .args(["--port", "0", "--stack"])
            .arg(stack)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the console starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("console listening on ").expect("an address").to_owned();
        Self { child, url }
    }

    fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// Sends a request with these header lines, and returns the response.
    pub fn send(&self, request: &str, headers: &[&str]) -> String {
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port())).expect("the console listens");
        let headers = headers.join("\r\n");
        let text = format!("{request} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n\r\n");
        stream.write_all(text.as_bytes()).expect("the request is sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response arrives");
        response
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // Fails if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
