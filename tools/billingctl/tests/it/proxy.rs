//! Proxy that changes the responses of a server.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A change of responses to requests whose method, path and headers contain all texts of `when`.
#[derive(Clone)]
pub struct Rule {
    pub when: Vec<&'static str>,
    pub then: Then,
}

#[derive(Clone)]
pub enum Then {
    /// Responds without the server.
    Respond(u16, &'static str),
    /// Replaces a text in the server's body.
    Replace(&'static str, &'static str),
    /// Replaces the server's header of that name.
    Header(&'static str, &'static str),
}

/// A running proxy. It ends with the test process.
pub struct Proxy {
    pub url: String,
    rules: Arc<Mutex<Vec<Rule>>>,
}

impl Proxy {
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let rules: Arc<Mutex<Vec<Rule>>> = Arc::default();
        let shared = Arc::clone(&rules);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (upstream, rules) = (upstream.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(client, &upstream, &rules));
            }
        });
        Self { url, rules }
    }

    /// Replaces the rules.
    pub fn set(&self, rules: &[Rule]) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules.to_vec();
    }
}

/// Serves one request of a connection. Returns `None` if the client closes it.
fn serve(mut client: TcpStream, upstream: &str, rules: &Mutex<Vec<Rule>>) -> Option<()> {
    let (head, body) = request(&mut client)?;
    let lower = head.to_ascii_lowercase();
    let rules = rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut applying: Vec<Then> = rules
        .into_iter()
        .filter(|rule| rule.when.iter().all(|text| lower.contains(&text.to_ascii_lowercase())))
        .map(|rule| rule.then)
        .collect();
    let responds = |then: &Then| matches!(then, Then::Respond(..));
    let response = match applying.iter().position(responds).map(|at| applying.remove(at)) {
        Some(Then::Respond(status, body)) => {
            let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
            (format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}"), body.to_owned())
        }
        _ => forward(&head, &body, upstream)?,
    };
    let (mut head, mut body) = response;
    for then in applying {
        match then {
            Then::Replace(from, to) => body = body.replace(from, to),
            Then::Header(name, value) => {
                head = format!("{}\r\n{name}: {value}", without(&head, name));
            }
            Then::Respond(..) => {}
        }
    }
    for name in ["content-length", "transfer-encoding", "connection"] {
        head = without(&head, name);
    }
    let length = body.len();
    write!(client, "{head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").ok()
}

fn request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let body = &read[head.len() + 4..];
            if body.len() >= length.unwrap_or(0_usize) {
                return Some((head.to_owned(), body.to_vec()));
            }
        }
        match client.read(&mut buffer).ok()? {
            0 => return None,
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}

fn forward(head: &str, body: &[u8], upstream: &str) -> Option<(String, String)> {
    let mut server = TcpStream::connect(upstream).ok()?;
    write!(server, "{}\r\nconnection: close\r\n\r\n", without(head, "connection")).ok()?;
    server.write_all(body).ok()?;
    let mut response = Vec::new();
    server.read_to_end(&mut response).ok()?;
    let response = String::from_utf8_lossy(&response).into_owned();
    response.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned()))
}

fn without(head: &str, name: &str) -> String {
    let is_it = |line: &&str| {
        line.split_once(':').is_some_and(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    head.lines().filter(|line| !is_it(line)).collect::<Vec<_>>().join("\r\n")
}
