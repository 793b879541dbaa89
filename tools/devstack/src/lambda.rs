//! The Lambda service's side of the Runtime API, for one function that is run by itself: what the
//! end-to-end tests and the bench hand events over with.
//!
//! Plain threads and no runtime: what is measured through it should not wait for a scheduler of ours.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::HeaderName;
use serde_json::{Map, Value, json};

use crate::functions::Function;
use crate::http::Answer;

/// Where one function asks for its events.
pub struct RuntimeApi {
    address: String,
    events: Sender<Event>,
    polls: Receiver<Instant>,
    given: Receiver<Given>,
}

/// What the function gave for an event.
#[derive(Clone, Debug)]
pub struct Given {
    /// When the event was handed to it.
    pub handed: Instant,
    /// When the whole of it was here.
    pub at: Instant,
    /// As it was sent.
    pub text: String,
}

/// One request as API Gateway would hand it on.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub function: &'a Function,
    pub query: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// Empty for none.
    pub body: &'a str,
    /// The address that the gateway says it comes from.
    pub source: &'a str,
    pub id: &'a str,
}

/// An event on its way to the function.
struct Event {
    text: String,
    /// What Lambda gives it.
    time: Duration,
    /// Seconds that Lambda's clock is behind.
    behind: i64,
}

/// What the threads of one function share.
struct Shared {
    waiting: Mutex<Receiver<Event>>,
    handed: Mutex<Option<Instant>>,
    polls: Sender<Instant>,
    given: Sender<Given>,
}

impl RuntimeApi {
    /// Listens on a free port.
    ///
    /// # Errors
    /// Where there is none.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (events, waiting) = channel();
        let (polled, polls) = channel();
        let (done, given) = channel();
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting),
            handed: Mutex::new(None),
            polls: polled,
            given: done,
        });
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self { address, events, polls, given })
    }

    /// Where it listens: host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives a function's process what Lambda does.
    pub fn lead(&self, command: &mut Command, function: &str) {
        command.env("AWS_LAMBDA_RUNTIME_API", &self.address);
        command.env("AWS_LAMBDA_FUNCTION_NAME", function);
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    }

    /// Hands an event over, which Lambda would end after `time`.
    pub fn hand_over(&self, event: &Value, time: Duration) {
        self.hand_over_late(event, time, 0);
    }

    /// The same from a Lambda whose clock is so many seconds behind the function's.
    pub fn hand_over_late(&self, event: &Value, time: Duration, behind: i64) {
        // Nobody takes it only where the function has gone, and then there is no answer either.
        let _ = self.events.send(Event { text: event.to_string(), time, behind });
    }

    /// When the function asked for an event, once for each time that it did; none where it does not
    /// within `limit`.
    #[must_use]
    pub fn polled(&self, limit: Duration) -> Option<Instant> {
        self.polls.recv_timeout(limit).ok()
    }

    /// What it gave for an event; none where it does not within `limit`.
    #[must_use]
    pub fn given(&self, limit: Duration) -> Option<Given> {
        self.given.recv_timeout(limit).ok()
    }
}

impl Request<'_> {
    /// The event.
    #[must_use]
    pub fn event(&self) -> Value {
        let fields = self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let Function { method, path, .. } = self.function;
        let route = format!("{method} {path}");
        let mut event = json!({
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": self.query,
            "headers": fields.collect::<Map<_, _>>(), "isBase64Encoded": false,
            "requestContext": {
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": self.source },
                "requestId": self.id, "routeKey": route, "stage": "$default", "timeEpoch": 0,
            },
        });
        if !self.body.is_empty() {
            event["body"] = self.body.into();
        }
        event
    }
}

impl Given {
    /// The answer as API Gateway would send it on; none where the function could not read the event
    /// and told Lambda so.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        let answer: Value = serde_json::from_str(&self.text).ok()?;
        let status = answer["statusCode"].as_u64().and_then(|status| status.try_into().ok())?;
        let mut headers = HeaderMap::new();
        for (name, value) in answer["headers"].as_object().into_iter().flatten() {
            let name: HeaderName = name.parse().ok()?;
            headers.insert(name, value.as_str().unwrap_or_default().parse().ok()?);
        }
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        Some(Answer { status, headers, body })
    }

    /// How long the function took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.at.duration_since(self.handed)
    }
}

/// Answers the function's requests on one connection.
fn serve(mut stream: &TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    loop {
        let Some((is_next, text)) = request(&mut reader) else { return };
        let answer = if is_next {
            let Some(answer) = next(shared) else { return };
            answer
        } else {
            let at = Instant::now();
            let handed = shared.handed.lock().ok().and_then(|mut handed| handed.take());
            let _ = shared.given.send(Given { handed: handed.unwrap_or(at), at, text });
            "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Waits for an event, and puts it into an answer.
fn next(shared: &Shared) -> Option<String> {
    let _ = shared.polls.send(Instant::now());
    let Event { text: event, time, behind } = shared.waiting.lock().ok()?.recv().ok()?;
    let end = (SystemTime::now() + time).duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let end = i128::try_from(end).unwrap_or_default() - i128::from(behind) * 1_000;
    *shared.handed.lock().ok()? = Some(Instant::now());
    Some(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {end}\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:0:function:lone\r\n\r\n{event}",
        event.len()
    ))
}

/// Whether a request asks for the next event, and its body.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(bool, String)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "transfer-encoding" => is_chunked = true,
            // curl waits for it before it sends a longer body.
            "expect" => reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?,
            _ => {}
        }
    }
    let body = if is_chunked { chunks(reader)? } else { exactly(reader, length)? };
    Some((first.contains("/invocation/next"), String::from_utf8_lossy(&body).into_owned()))
}

fn exactly(reader: &mut BufReader<&TcpStream>, length: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        body.append(&mut exactly(reader, length)?);
        reader.read_line(&mut String::new()).ok()?;
        if length == 0 {
            return Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::FUNCTIONS;

    const LIMIT: Duration = Duration::from_secs(5);

    fn send(stream: &mut TcpStream, request: &str) {
        stream.write_all(request.as_bytes()).expect("it listens");
    }

    #[test]
    fn an_event_goes_to_who_asks_and_what_is_given_comes_back_however_it_is_sent() {
        let api = RuntimeApi::start().expect("a free port");
        let mut stream = TcpStream::connect(api.address()).expect("it listens");
        let posts = [
            "content-length: 18\r\n\r\n{\"statusCode\":200}",
            "transfer-encoding: chunked\r\n\r\n9\r\n{\"statusC\r\n9\r\node\":200}\r\n0\r\n\r\n",
        ];
        for post in posts {
            send(&mut stream, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
            assert!(api.polled(LIMIT).is_some());
            api.hand_over(&json!({ "an": "event" }), LIMIT);
            let mut answer = [0; 1024];
            let mut got = String::new();
            while !got.ends_with("{\"an\":\"event\"}") {
                let count = stream.read(&mut answer).expect("an answer");
                got.push_str(&String::from_utf8_lossy(&answer[..count]));
            }
            send(
                &mut stream,
                &format!("POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n{post}"),
            );
            let given = api.given(LIMIT).expect("an answer");
            assert_eq!(given.answer().expect("an answer").status, 200);
            assert!(given.took() < LIMIT);
        }
    }

    #[test]
    fn what_was_given_for_an_event_that_cannot_be_read_is_no_answer() {
        let now = Instant::now();
        let text = r#"{"errorType":"Error","errorMessage":"no"}"#.to_owned();
        assert!(Given { handed: now, at: now, text }.answer().is_none());
    }

    #[test]
    fn an_event_has_the_form_of_those_in_the_folder() {
        for function in FUNCTIONS {
            let headers = [("authorization", "Bearer x")];
            let request = Request {
                function,
                query: "a=1",
                headers: &headers,
                body: "",
                source: "::1",
                id: "1",
            };
            let event = request.event();
            let path = crate::stack::root().join(format!("events/{}.json", function.name));
            let file = std::fs::read_to_string(path).expect("an event");
            let file: Value = serde_json::from_str(&file).expect("JSON");
            for name in ["version", "routeKey", "rawPath"] {
                assert_eq!(event[name], file[name], "{name}");
            }
            assert_eq!(event["headers"]["authorization"], "Bearer x");
        }
    }
}
