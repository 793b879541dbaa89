//! Sends requests over HTTP.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

/// Sends a request and returns status and body.
pub fn send(url: &str, target: &str, body: &str) -> (u16, Value) {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a server");
    let length = body.len();
    write!(
        stream,
        "POST /path?query=1 HTTP/1.1\r\nhost: x\r\nuser-agent: test/1\r\nx-amz-target: {target}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .expect("a request");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), serde_json::from_str(body).expect("JSON"))
}
