//! Proxy between one function and the sandbox and AWS emulator. It forwards requests or fails as a cell of the table
//! requires, and counts requests and effects.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{sleep, spawn};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpSocket;

use super::json_fields::{collect, omit, remove};
pub(crate) use super::request::{Service, ServiceRequest};
use crate::harness::Harness;
use crate::security_stripe::message;

/// Handling of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It is forwarded.
    Pass,
    /// The connection ends without a response, and the request has no effect.
    HangUp,
    /// It gets this response; with `true` it also takes effect.
    Respond(u16, &'static str, &'static str, bool),
    /// It gets a 500 that Stripe replays to the same idempotency key.
    Remembered,
    /// It gets the replay of that 500.
    Again,
    /// Its response is delayed; with `true` it takes effect at once.
    Late(Duration, bool),
    /// It takes effect, and half of the response arrives.
    Cut,
    /// It takes effect, and the response lacks all fields with this name.
    Without(&'static str),
}

/// Decides by the request and the requests before it.
pub(crate) type Rule = fn(&ServiceRequest, &[ServiceRequest]) -> Fate;

/// Rule without faults.
pub(crate) fn pass(_: &ServiceRequest, _: &[ServiceRequest]) -> Fate {
    Fate::Pass
}

struct State {
    rule: Rule,
    requests: Vec<ServiceRequest>,
    effects: Vec<String>,
    /// Idempotency keys with a stored 500.
    failed_keys: BTreeSet<String>,
    /// Paths of all fields in Stripe's responses so far.
    fields: BTreeSet<String>,
    /// Path of the field to omit from responses.
    omitted: String,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    stripe: String,
    aws: String,
}

/// Proxy of one function. Its threads run until the test's process ends.
pub(crate) struct Proxy {
    pub(crate) stripe_url: String,
    pub(crate) aws_url: String,
    shared: Shared,
    /// Bound but not listening socket, which refuses connections.
    closed: Option<TcpSocket>,
}

impl Proxy {
    /// Starts the proxy. With `is_refused` it refuses connections to Stripe until [`Proxy::repair`].
    pub(crate) fn start(harness: &Harness, rule: Rule, is_refused: bool) -> Self {
        let state = State {
            rule,
            requests: Vec::new(),
            effects: Vec::new(),
            failed_keys: BTreeSet::new(),
            fields: BTreeSet::new(),
            omitted: String::new(),
        };
        let bare = |url: &str| url.trim_start_matches("http://").to_owned();
        let about = harness.about();
        let shared = Shared {
            state: Arc::new(Mutex::new(state)),
            stripe: bare(&about.stripe_url),
            aws: bare(&about.aws_url),
        };
        let aws = TcpListener::bind("127.0.0.1:0").expect("a port");
        let aws_url = format!("http://{}", aws.local_addr().expect("an address"));
        shared.clone().listen(aws);
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let stripe_url = format!("http://{}", socket.local_addr().expect("an address"));
        let mut proxy = Self { stripe_url, aws_url, shared, closed: Some(socket) };
        if !is_refused {
            proxy.open(harness);
        }
        proxy
    }

    fn open(&mut self, harness: &Harness) {
        let Some(socket) = self.closed.take() else { return };
        let listener = harness.block_on(async move { socket.listen(64)?.into_std() });
        let listener = listener.expect("a port of our own");
        listener.set_nonblocking(false).expect("a listener");
        self.shared.clone().listen(listener);
    }

    /// Ends the fault and resets the count of requests.
    pub(crate) fn repair(&mut self, harness: &Harness) {
        self.open(harness);
        let mut state = self.shared.state();
        state.rule = pass;
        state.requests.clear();
    }

    /// Returns the paths of all fields in Stripe's responses so far: `data.items.data.price.id`.
    pub(crate) fn fields(&self) -> BTreeSet<String> {
        self.shared.state().fields.clone()
    }

    /// Removes the field with this path from Stripe's responses.
    pub(crate) fn omit(&self, field: &str) {
        field.clone_into(&mut self.shared.state().omitted);
    }

    /// Returns the highest number of attempts at a call.
    pub(crate) fn attempts(&self, service: Service) -> usize {
        let state = self.shared.state();
        let of_service = || state.requests.iter().filter(|request| request.service == service);
        let attempts =
            of_service().map(|one| of_service().filter(|request| request.call == one.call).count());
        attempts.max().unwrap_or(0)
    }

    /// Returns the effects at Stripe so far, sorted.
    pub(crate) fn effects(&self) -> Vec<String> {
        let mut effects = self.shared.state().effects.clone();
        effects.sort();
        effects
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    fn listen(self, listener: TcpListener) {
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = self.clone();
                spawn(move || shared.serve(&stream));
            }
        });
    }

    fn serve(&self, stream: &TcpStream) {
        while let Some((head, body)) = message(stream) {
            if self.respond(stream, &head, &body).is_none() {
                return;
            }
        }
    }

    /// Responds to a request; `None` ends the connection.
    fn respond(&self, mut stream: &TcpStream, head: &[String], body: &[u8]) -> Option<()> {
        let request = ServiceRequest::of(head, body);
        if request.operation.starts_with("HEAD") {
            return self.respond_to_warm_up(stream, &request);
        }
        let fate = self.fate(&request);
        match fate {
            Fate::HangUp => return None,
            Fate::Respond(.., true) => drop(self.forward(&request, head, body)?),
            Fate::Late(by, false) => sleep(by),
            _ => {}
        }
        if let Fate::Respond(status, headers, text, _) = fate {
            return send(stream, &format!("HTTP/1.1 {status} X\r\n{headers}"), text.as_bytes());
        }
        if let Fate::Remembered | Fate::Again = fate {
            let is_again =
                if let Fate::Again = fate { "idempotent-replayed: true\r\n" } else { "" };
            return send(stream, &format!("HTTP/1.1 500 X\r\n{is_again}"), FAILURE.as_bytes());
        }
        let (head, mut body) = self.forward(&request, head, body)?;
        match fate {
            Fate::Late(by, true) => sleep(by),
            Fate::Without(field) => {
                let mut response = serde_json::from_slice(&body).ok()?;
                remove(&mut response, field);
                body = response.to_string().into_bytes();
            }
            Fate::Cut => {
                let whole = format!("{head}content-length: {}\r\n\r\n", body.len());
                body.truncate(body.len() / 2);
                let _ = stream.write_all(whole.as_bytes());
                let _ = stream.write_all(&body);
                return None;
            }
            _ => {}
        }
        send(stream, &head, &body)
    }

    /// Responds to a request that only opens a connection to Stripe.
    fn respond_to_warm_up(&self, stream: &TcpStream, request: &ServiceRequest) -> Option<()> {
        let state = self.state();
        let fate = (state.rule)(request, &state.requests);
        drop(state);
        match fate {
            Fate::HangUp => return None,
            Fate::Late(by, _) => sleep(by),
            _ => {}
        }
        send(stream, "HTTP/1.1 404 X\r\n", b"")
    }

    fn fate(&self, request: &ServiceRequest) -> Fate {
        let mut state = self.state();
        let mut fate = (state.rule)(request, &state.requests);
        if let Some(key) = &request.key {
            let has_failed = state.failed_keys.contains(key);
            if matches!(fate, Fate::Remembered) {
                state.failed_keys.insert(key.clone());
            }
            if has_failed {
                fate = Fate::Again;
            }
        }
        if !request.is_warm_up() {
            state.requests.push(request.clone());
        }
        fate
    }

    /// Forwards a request and returns the response's head (without connection headers) and body.
    fn forward(
        &self,
        request: &ServiceRequest,
        head: &[String],
        body: &[u8],
    ) -> Option<(String, Vec<u8>)> {
        let to = if request.service == Service::Stripe { &self.stripe } else { &self.aws };
        let mut there = TcpStream::connect(to).ok()?;
        there.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes()).ok()?;
        there.write_all(body).ok()?;
        let (head, body) = message(&there)?;
        let is_good = head[0].contains(" 200 ");
        if request.service == Service::Stripe && request.changes() && is_good {
            let is_replay = head
                .iter()
                .any(|line| line.to_ascii_lowercase().starts_with("idempotent-replayed"));
            if !is_replay {
                self.state().effects.extend(request.effect());
            }
        }
        let body = if request.service == Service::Stripe { self.without(body) } else { body };
        let status = head[0].split_once(' ')?.1.to_owned();
        let kept = head[1..].iter().filter(|line| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !["connection", "content-length", "transfer-encoding"].contains(&&*name)
        });
        let kept: Vec<_> = kept.map(|line| format!("{line}\r\n")).collect();
        Some((format!("HTTP/1.1 {status}\r\n{}", kept.concat()), body))
    }
}

impl Shared {
    /// Removes the omitted field from Stripe's response.
    fn without(&self, body: Vec<u8>) -> Vec<u8> {
        let Ok(mut response) = serde_json::from_slice::<Value>(&body) else { return body };
        let mut state = self.state();
        if state.omitted.is_empty() {
            collect(&response, "", &mut state.fields);
            return body;
        }
        omit(&mut response, &state.omitted);
        response.to_string().into_bytes()
    }
}

/// Body of Stripe's 500.
const FAILURE: &str =
    r#"{"error":{"type":"api_error","message":"Sorry! There was an error on our end."}}"#;

fn send(mut stream: &TcpStream, head: &str, body: &[u8]) -> Option<()> {
    let head = format!("{head}content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok()
}
