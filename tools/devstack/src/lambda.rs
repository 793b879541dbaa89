//! Server of Lambda's Runtime API for one function process, for the end-to-end tests and the bench.
//!
//! Uses plain threads, so that no async scheduler affects the measurements.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::HeaderName;
use serde_json::{Map, Value, json};

use crate::functions::Function;
use crate::http::Response;

/// Runtime API that one function polls for events.
pub struct RuntimeApi {
    address: String,
    events: Sender<Event>,
    polls: Receiver<Instant>,
    results: Receiver<InvocationResult>,
}

/// Result that a function posted for an event.
#[derive(Clone, Debug)]
pub struct InvocationResult {
    /// When the function received the event.
    pub started: Instant,
    /// When the whole result had arrived.
    pub finished: Instant,
    /// Result as the function sent it.
    pub text: String,
}

/// HTTP request that API Gateway would pass to a function.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub function: &'a Function,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// Body; empty for a request without one.
    pub body: &'a str,
    /// IP address of the caller.
    pub source: &'a str,
    pub id: &'a str,
}

/// Event on its way to the function.
struct Event {
    bytes: Vec<u8>,
    /// Time until the deadline.
    time: Duration,
    /// Seconds by which Lambda's clock is behind the function's.
    clock_behind: i64,
}

/// State shared by the connections of one function.
struct Shared {
    events: Mutex<Receiver<Event>>,
    started: Mutex<Option<Instant>>,
    polls: Sender<Instant>,
    results: Sender<InvocationResult>,
}

impl RuntimeApi {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// [`io::Error`] if no port is free.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (event_sender, event_receiver) = channel();
        let (poll_sender, polls) = channel();
        let (result_sender, results) = channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(event_receiver),
            started: Mutex::new(None),
            polls: poll_sender,
            results: result_sender,
        });
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self { address, events: event_sender, polls, results })
    }

    /// Returns host and port, the value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends an event to the function, with a deadline after `time`.
    pub fn invoke(&self, event: &Value, time: Duration) {
        self.invoke_with_skew(event, time, 0);
    }

    /// Sends an event from a Lambda whose clock is this many seconds behind the function's.
    pub fn invoke_with_skew(&self, event: &Value, time: Duration, clock_behind: i64) {
        self.send(Event { bytes: event.to_string().into_bytes(), time, clock_behind });
    }

    /// Sends bytes to the function that need not be an event.
    pub fn invoke_with_bytes(&self, bytes: &[u8], time: Duration) {
        self.send(Event { bytes: bytes.to_vec(), time, clock_behind: 0 });
    }

    fn send(&self, event: Event) {
        // Fails only if the server has ended, and then there is no result either.
        let _ = self.events.send(event);
    }

    /// Waits for the function's next poll and returns when it happened, or `None` after `limit`.
    #[must_use]
    pub fn next_poll(&self, limit: Duration) -> Option<Instant> {
        self.polls.recv_timeout(limit).ok()
    }

    /// Waits for the next result, or returns `None` after `limit`.
    #[must_use]
    pub fn next_result(&self, limit: Duration) -> Option<InvocationResult> {
        self.results.recv_timeout(limit).ok()
    }
}

impl Request<'_> {
    /// Returns the request as API Gateway's event (payload format 2.0).
    #[must_use]
    pub fn event(&self) -> Value {
        let fields = self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let method = self.function.method;
        let (path, route) = (self.path, format!("{method} {}", self.function.path));
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

impl InvocationResult {
    /// Returns the HTTP response that API Gateway would send, or `None` if the function reported an error to Lambda.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        response(&self.text)
    }

    /// Returns how long the function took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.finished.duration_since(self.started)
    }
}

/// Returns the HTTP response of a function's result, or `None` if the result has another form.
pub(crate) fn response(result: &str) -> Option<Response> {
    let result: Value = serde_json::from_str(result).ok()?;
    let status = result["statusCode"].as_u64().and_then(|status| status.try_into().ok())?;
    let mut headers = HeaderMap::new();
    for (name, value) in result["headers"].as_object().into_iter().flatten() {
        let name: HeaderName = name.parse().ok()?;
        headers.insert(name, value.as_str().unwrap_or_default().parse().ok()?);
    }
    let body = result["body"].as_str().unwrap_or_default().to_owned();
    Some(Response { status, headers, body })
}

/// Serves the function's requests on one connection.
fn serve(mut stream: &TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    loop {
        let Some((is_poll, text)) = read_request(&mut reader) else { return };
        let response = if is_poll {
            let Some(response) = next_event(shared) else { return };
            response
        } else {
            let finished = Instant::now();
            let started = shared.started.lock().ok().and_then(|mut started| started.take());
            let started = started.unwrap_or(finished);
            let _ = shared.results.send(InvocationResult { started, finished, text });
            b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_vec()
        };
        if stream.write_all(&response).is_err() {
            return;
        }
    }
}

/// Waits for an event and returns it as an HTTP response.
fn next_event(shared: &Shared) -> Option<Vec<u8>> {
    let _ = shared.polls.send(Instant::now());
    let Event { bytes, time, clock_behind } = shared.events.lock().ok()?.recv().ok()?;
    let end = (SystemTime::now() + time).duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let end = i128::try_from(end).unwrap_or_default() - i128::from(clock_behind) * 1_000;
    *shared.started.lock().ok()? = Some(Instant::now());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {end}\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:0:function:local\r\n\r\n",
        bytes.len()
    );
    Some([head.into_bytes(), bytes].concat())
}

/// Returns whether a request polls for the next event, and its body.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<(bool, String)> {
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
            // libcurl, which AWS's Node.js client uses, waits for this before it sends a longer body.
            "expect" => reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?,
            _ => {}
        }
    }
    let body = if is_chunked { read_chunks(reader)? } else { read_exactly(reader, length)? };
    Some((first.contains("/invocation/next"), String::from_utf8_lossy(&body).into_owned()))
}

fn read_exactly(reader: &mut BufReader<&TcpStream>, length: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn read_chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        body.append(&mut read_exactly(reader, length)?);
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
    fn event_and_result_are_exchanged_with_and_without_chunked_encoding() {
        let api = RuntimeApi::start().expect("a free port");
        let mut stream = TcpStream::connect(api.address()).expect("it listens");
        let posts = [
            "content-length: 18\r\n\r\n{\"statusCode\":200}",
            "transfer-encoding: chunked\r\n\r\n9\r\n{\"statusC\r\n9\r\node\":200}\r\n0\r\n\r\n",
        ];
        for post in posts {
            send(&mut stream, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
            assert!(api.next_poll(LIMIT).is_some());
            api.invoke(&json!({ "an": "event" }), LIMIT);
            let mut buffer = [0; 1024];
            let mut received = String::new();
            while !received.ends_with("{\"an\":\"event\"}") {
                let count = stream.read(&mut buffer).expect("a response");
                received.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
            send(
                &mut stream,
                &format!("POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\n{post}"),
            );
            let result = api.next_result(LIMIT).expect("a result");
            assert_eq!(result.response().expect("a response").status, 200);
            assert!(result.took() < LIMIT);
        }
    }

    #[test]
    fn error_reported_to_lambda_is_not_a_response() {
        let now = Instant::now();
        let text = r#"{"errorType":"Error","errorMessage":"no"}"#.to_owned();
        assert!(InvocationResult { started: now, finished: now, text }.response().is_none());
    }

    #[test]
    fn event_has_the_form_of_the_event_files() {
        for function in FUNCTIONS {
            let headers = [("authorization", "Bearer x")];
            let request = Request {
                function,
                path: &function.example_path(),
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
