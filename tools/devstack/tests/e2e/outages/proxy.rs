//! Between one function and everything that it asks: hands requests on to Stripe's and AWS's stand-ins,
//! or fails as a cell of the table wants it to. It counts what it was asked, and what was done for it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{sleep, spawn};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpSocket;

use super::asked::deed;
pub(crate) use super::asked::{Asked, Service};
use super::lack::{collect, leave_out, remove};
use crate::harness::Harness;
use crate::security_stripe::message;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// The right answer.
    Pass,
    /// The connection ends without an answer, and nothing is done.
    HangUp,
    /// This answer; with `true` after it was done all the same.
    Answer(u16, &'static str, &'static str, bool),
    /// Stripe's own failure, which it gives again to the same idempotency key.
    Remembered,
    /// That failure once more.
    Again,
    /// The right answer, so much later; with `true` it is done at once.
    Late(Duration, bool),
    /// It is done, and half of the answer arrives.
    Cut,
    /// It is done, and the answer lacks this field wherever it has it.
    Without(&'static str),
}

/// Decides by the request and by what was asked before it.
pub(crate) type Rule = fn(&Asked, &[Asked]) -> Fate;

/// No fault.
pub(crate) fn pass(_: &Asked, _: &[Asked]) -> Fate {
    Fate::Pass
}

struct State {
    rule: Rule,
    asked: Vec<Asked>,
    done: Vec<String>,
    /// Idempotency keys that Stripe has failed under for good.
    spoilt: BTreeSet<String>,
    /// Every field of Stripe's answers so far: `data.items.data.price.id`.
    fields: BTreeSet<String>,
    /// The one that answers lack from now on.
    left_out: String,
}

#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    stripe: String,
    aws: String,
}

/// One of them for each function. It goes with the test's own process.
pub(crate) struct Proxy {
    pub(crate) stripe_url: String,
    pub(crate) aws_url: String,
    shared: Shared,
    /// Bound and not listening: who connects is refused.
    closed: Option<TcpSocket>,
}

impl Proxy {
    /// `is_refused`: at first nobody listens at Stripe's address.
    pub(crate) fn start(harness: &Harness, rule: Rule, is_refused: bool) -> Self {
        let state = State {
            rule,
            asked: Vec::new(),
            done: Vec::new(),
            spoilt: BTreeSet::new(),
            fields: BTreeSet::new(),
            left_out: String::new(),
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

    /// From now on everything works. What was asked so far is forgotten, what was done is not.
    pub(crate) fn mend(&mut self, harness: &Harness) {
        self.open(harness);
        let mut state = self.shared.state();
        state.rule = pass;
        state.asked.clear();
    }

    /// Every field of Stripe's answers so far, lists left out: `data.items.data.price.id`.
    pub(crate) fn fields(&self) -> BTreeSet<String> {
        self.shared.state().fields.clone()
    }

    /// From now on Stripe's answers lack this field, and no other.
    pub(crate) fn leave_out(&self, field: &str) {
        field.clone_into(&mut self.shared.state().left_out);
    }

    /// The most attempts at any one call.
    pub(crate) fn attempts(&self, service: Service) -> usize {
        let state = self.shared.state();
        let of_service = || state.asked.iter().filter(|asked| asked.service == service);
        let attempts =
            of_service().map(|one| of_service().filter(|asked| asked.call == one.call).count());
        attempts.max().unwrap_or(0)
    }

    /// How many requests there were.
    pub(crate) fn requests(&self, service: Service) -> usize {
        self.shared.state().asked.iter().filter(|asked| asked.service == service).count()
    }

    /// What was made or changed at Stripe so far, sorted.
    pub(crate) fn done(&self) -> Vec<String> {
        let mut done = self.shared.state().done.clone();
        done.sort();
        done
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
            if self.answer(stream, &head, &body).is_none() {
                return;
            }
        }
    }

    /// None ends the connection.
    fn answer(&self, mut stream: &TcpStream, head: &[String], body: &[u8]) -> Option<()> {
        let asked = Asked::of(head, body);
        if asked.what.starts_with("HEAD") {
            return self.greet(stream, &asked);
        }
        let fate = self.fate(&asked);
        match fate {
            Fate::HangUp => return None,
            Fate::Answer(.., true) => drop(self.hand_on(&asked, head, body)?),
            Fate::Late(by, false) => sleep(by),
            _ => {}
        }
        if let Fate::Answer(status, headers, text, _) = fate {
            return send(stream, &format!("HTTP/1.1 {status} X\r\n{headers}"), text.as_bytes());
        }
        if let Fate::Remembered | Fate::Again = fate {
            let is_again =
                if let Fate::Again = fate { "idempotent-replayed: true\r\n" } else { "" };
            return send(stream, &format!("HTTP/1.1 500 X\r\n{is_again}"), FAILURE.as_bytes());
        }
        let (head, mut body) = self.hand_on(&asked, head, body)?;
        match fate {
            Fate::Late(by, true) => sleep(by),
            Fate::Without(field) => {
                let mut answer = serde_json::from_slice(&body).ok()?;
                remove(&mut answer, field);
                body = answer.to_string().into_bytes();
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

    /// The answer to the request that only opens a connection to Stripe.
    fn greet(&self, stream: &TcpStream, asked: &Asked) -> Option<()> {
        let state = self.state();
        let fate = (state.rule)(asked, &state.asked);
        drop(state);
        match fate {
            Fate::HangUp => return None,
            Fate::Late(by, _) => sleep(by),
            _ => {}
        }
        send(stream, "HTTP/1.1 404 X\r\n", b"")
    }

    fn fate(&self, asked: &Asked) -> Fate {
        let mut state = self.state();
        let mut fate = (state.rule)(asked, &state.asked);
        if let Some(key) = &asked.key {
            let is_spoilt = state.spoilt.contains(key);
            if matches!(fate, Fate::Remembered) {
                state.spoilt.insert(key.clone());
            }
            if is_spoilt {
                fate = Fate::Again;
            }
        }
        if !asked.is_greeting() {
            state.asked.push(asked.clone());
        }
        fate
    }

    /// The right answer: its head, as far as it matters, and its body.
    fn hand_on(&self, asked: &Asked, head: &[String], body: &[u8]) -> Option<(String, Vec<u8>)> {
        let to = if asked.service == Service::Stripe { &self.stripe } else { &self.aws };
        let mut there = TcpStream::connect(to).ok()?;
        there.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes()).ok()?;
        there.write_all(body).ok()?;
        let (head, body) = message(&there)?;
        let is_good = head[0].contains(" 200 ");
        if asked.service == Service::Stripe && asked.changes() && is_good {
            let is_replay = head
                .iter()
                .any(|line| line.to_ascii_lowercase().starts_with("idempotent-replayed"));
            if !is_replay {
                self.state().done.push(deed(&asked.what));
            }
        }
        let body = if asked.service == Service::Stripe { self.without(body) } else { body };
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
    /// Stripe's answer without the field that is left out.
    fn without(&self, body: Vec<u8>) -> Vec<u8> {
        let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return body };
        let mut state = self.state();
        if state.left_out.is_empty() {
            collect(&answer, "", &mut state.fields);
            return body;
        }
        leave_out(&mut answer, &state.left_out);
        answer.to_string().into_bytes()
    }
}

/// What Stripe says when it has failed itself.
const FAILURE: &str =
    r#"{"error":{"type":"api_error","message":"Sorry! There was an error on our end."}}"#;

fn send(mut stream: &TcpStream, head: &str, body: &[u8]) -> Option<()> {
    let head = format!("{head}content-length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok()
}
