//! One function by itself, outside the stack's gateway: with settings of its own, with headers as
//! API Gateway would hand them on, and with the deadline that a case wants.
//!
//! It is the function's own binary; what is here is the Lambda service's side of the Runtime API.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use devstack::functions::{FUNCTIONS, Function};
use devstack::http::Answer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::operator::binaries;

/// Longer than any deadline.
const LIMIT: Duration = Duration::from_secs(40);

/// What API Gateway leaves to a function.
pub(crate) const PATIENT: Duration = Duration::from_secs(29);

/// A running function. Dropping it ends it.
pub(crate) struct Lone<'a> {
    harness: &'a Harness,
    function: &'static Function,
    log: String,
    child: Child,
    events: Sender<(String, Duration)>,
    answers: Receiver<String>,
    asked: u32,
    /// The address that the gateway says requests come from.
    pub(crate) source: String,
}

impl Drop for Lone<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Lone<'a> {
    /// Starts the function as the stack does, but for these variables.
    #[track_caller]
    pub(crate) fn start(harness: &'a Harness, name: &str, env: &[(&str, &str)]) -> Self {
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let function = function.expect("a function of the table");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let log = format!("lone-{name}-{}", address.rsplit(':').next().unwrap_or_default());
        let out = std::fs::File::create(harness.logs().join(format!("{log}.log")));
        let out = out.expect("a log");
        let mut command = Command::new(binaries().join(name));
        command.stdout(out.try_clone().expect("a log")).stderr(out);
        command.envs(harness.environment()).env("STRIPE_SECRET_ID", function.secret.id());
        command.envs(env.iter().copied());
        command.env("AWS_LAMBDA_RUNTIME_API", &address);
        command.env("AWS_LAMBDA_FUNCTION_NAME", name);
        command.env("AWS_LAMBDA_FUNCTION_VERSION", "1");
        command.env("AWS_SDK_UA_APP_ID", name);
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
        let child = command.spawn().expect("`cargo build --workspace` makes the functions");
        let (events, waiting) = channel();
        let (done, answers) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let (waiting, done) = (Arc::clone(&waiting), done.clone());
                spawn(move || serve(&stream, &waiting, &done));
            }
        });
        Self {
            harness,
            function,
            log,
            child,
            events,
            answers,
            asked: 0,
            source: "192.0.2.1".to_owned(),
        }
    }

    /// Its answer to a GET with these headers.
    #[track_caller]
    pub(crate) fn get(&mut self, headers: &[(&str, &str)]) -> Answer {
        self.ask(PATIENT, headers);
        self.answer()
    }

    /// Hands it a request with these headers, which Lambda would end after `time`.
    pub(crate) fn ask(&mut self, time: Duration, headers: &[(&str, &str)]) {
        self.ask_with(time, headers, "");
    }

    /// The same with a body.
    pub(crate) fn ask_with(&mut self, time: Duration, headers: &[(&str, &str)], body: &str) {
        self.asked += 1;
        let fields = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let Function { method, path, .. } = self.function;
        let route = format!("{method} {path}");
        let mut event = json!({
            "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "",
            "headers": fields.collect::<serde_json::Map<_, _>>(), "isBase64Encoded": false,
            "requestContext": {
                "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": self.source },
                "requestId": format!("{}-{}", self.log, self.asked), "routeKey": route,
                "stage": "$default", "timeEpoch": 0,
            },
        });
        if !body.is_empty() {
            event["body"] = body.into();
        }
        self.events.send((event.to_string(), time)).expect("it listens");
    }

    /// Stops it where it is, as Lambda does when there is nothing to answer.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Kills it, as when Lambda's machine is lost: whatever it was doing ends there and then.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Its answer to what it was asked.
    #[track_caller]
    pub(crate) fn answer(&self) -> Answer {
        let answer = self.answer_if_any();
        answer.unwrap_or_else(|| panic!("{} has given Lambda an error", self.log))
    }

    /// The same, but none where the function could not read the event and told Lambda so.
    #[track_caller]
    pub(crate) fn answer_if_any(&self) -> Option<Answer> {
        let Ok(text) = self.answers.recv_timeout(LIMIT) else {
            panic!("{} does not answer; logs: {}", self.log, self.harness.logs().display())
        };
        let answer = read(&text)?;
        self.harness.document().check(self.function.method, self.function.path, &answer);
        self.harness.noted(&self.log, &answer);
        Some(answer)
    }
}

/// The function's answer as API Gateway would send it on.
fn read(text: &str) -> Option<Answer> {
    let answer: Value = serde_json::from_str(text).expect("JSON");
    let status = answer["statusCode"].as_u64().and_then(|status| status.try_into().ok())?;
    let mut headers = hyper::HeaderMap::new();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name: hyper::header::HeaderName = name.parse().expect("a name");
        headers.insert(name, value.as_str().unwrap_or_default().parse().expect("a value"));
    }
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    Some(Answer { status, headers, body })
}

/// Answers the function's requests on one connection.
fn serve(
    mut stream: &TcpStream,
    waiting: &Mutex<Receiver<(String, Duration)>>,
    done: &Sender<String>,
) {
    let mut reader = BufReader::new(stream);
    loop {
        let Some((is_next, body)) = request(&mut reader) else { return };
        let answer = if is_next {
            let Ok((event, time)) = waiting.lock().expect("no panic").recv() else { return };
            let end = SystemTime::now() + time;
            let end = end.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {end}\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:0:function:lone\r\n\r\n{event}",
                event.len()
            )
        } else {
            let _ = done.send(body);
            "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned()
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Whether a request asks for the next event, and its body.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(bool, String)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first.contains("/invocation/next"), String::from_utf8_lossy(&body).into_owned()))
}
