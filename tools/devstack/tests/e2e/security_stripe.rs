//! Hostile responses from Stripe harm neither the functions nor their callers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::spawn;

use serde_json::Value;

use crate::cases;
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::payer::JSON;

cases![hostile_stripe_responses_do_no_harm];

/// Selects fields of Stripe's responses.
type Which = fn(name: &str, value: &Value) -> bool;

/// Selected fields, and their new value.
type Twist = (Which, fn() -> Value);

/// Proxy proxy a function and the sandbox that alters responses.
struct TwistingProxy {
    url: String,
    twist: Arc<Mutex<Twist>>,
    /// Request line of every request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl TwistingProxy {
    fn start(stripe_url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let twist: Arc<Mutex<Twist>> = Arc::new(Mutex::new((nothing, trap)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stripe = stripe_url.trim_start_matches("http://").to_owned();
        let (shared_twist, kept) = (Arc::clone(&twist), Arc::clone(&requests));
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let (stripe, twist, kept) =
                    (stripe.clone(), Arc::clone(&shared_twist), Arc::clone(&kept));
                spawn(move || forward(&stream, &stripe, &twist, &kept));
            }
        });
        Self { url, twist, requests }
    }

    fn twist(&self, twist: Twist) {
        *self.twist.lock().expect("no panic") = twist;
        self.requests.lock().expect("no panic").clear();
    }
}

/// Reads an HTTP message: the lines of its head, and its body.
pub(crate) fn message(stream: &TcpStream) -> Option<(Vec<String>, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().ok()?;
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn forward(
    mut stream: &TcpStream,
    stripe: &str,
    twist: &Mutex<Twist>,
    requests: &Mutex<Vec<String>>,
) {
    while let Some((head, body)) = message(stream) {
        requests.lock().expect("no panic").push(head[0].clone());
        let Ok(mut there) = TcpStream::connect(stripe) else { return };
        let head = head.join("\r\n");
        let sent = there.write_all(format!("{head}\r\n\r\n").as_bytes());
        if sent.and_then(|()| there.write_all(&body)).is_err() {
            return;
        }
        let Some((head, body)) = message(&there) else { return };
        let mut response: Value = serde_json::from_slice(&body).unwrap_or_default();
        walk("", &mut response, *twist.lock().expect("no panic"));
        let body = response.to_string();
        let status = head[0].clone();
        let response = format!(
            "{status}\r\nrequest-id: req_1\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

fn walk(name: &str, value: &mut Value, twist: Twist) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| walk(name, value, twist)),
        Value::Object(fields) => {
            for (name, value) in fields {
                walk(name, value, twist);
            }
        }
        _ => {}
    }
    let (which, made) = twist;
    if which(name, value) {
        *value = made();
    }
}

fn is_page(name: &str, _: &Value) -> bool {
    ["url", "hosted_invoice_url", "invoice_pdf"].contains(&name)
}

fn is_name(name: &str, _: &Value) -> bool {
    ["name", "description", "number"].contains(&name)
}

fn is_id(name: &str, _: &Value) -> bool {
    name == "id"
}

fn is_currency(name: &str, _: &Value) -> bool {
    name == "currency"
}

fn is_amount(name: &str, value: &Value) -> bool {
    value.is_number() && ["amount", "total", "balance"].iter().any(|word| name.contains(word))
}

fn is_moment(name: &str, value: &Value) -> bool {
    let moments = ["created", "_end", "_start", "_at", "_attempt", "start", "end"];
    value.is_number() && moments.iter().any(|moment| name.ends_with(moment))
}

/// URL on this machine that the functions must not request.
static TRAP: OnceLock<String> = OnceLock::new();

fn trap() -> Value {
    TRAP.get().expect("set at the start").as_str().into()
}

fn nothing(_: &str, _: &Value) -> bool {
    false
}

/// Name of the attack, altered fields, their new value, and a text that no response may contain.
type Row = (&'static str, Which, fn() -> Value, &'static str);

const ROWS: [Row; 14] = [
    ("URLs with scripts", is_page, || "javascript:alert('evil')".into(), "evil"),
    ("URLs without TLS", is_page, || "http://evil.example/".into(), "evil"),
    ("URLs of another host", is_page, || "https://stripe.com@evil.example/".into(), "evil"),
    ("numbers in place of URLs", is_page, || 7.into(), ":7"),
    ("URLs of this machine", is_page, trap, "evil"),
    ("names in HTML", is_name, || "<script>\"'&\r\n\u{0}</script>".into(), "\r"),
    ("IDs with paths", is_id, || "evil/../../v1/charges?x#".into(), "evil"),
    ("empty IDs", is_id, || "".into(), "panicked"),
    ("huge amounts", is_amount, || i64::MAX.into(), "panicked"),
    ("huge debts", is_amount, || i64::MIN.into(), "panicked"),
    ("strings in place of amounts", is_amount, || "evil".into(), "evil"),
    ("the latest time", is_moment, || i64::MAX.into(), "panicked"),
    ("the earliest time", is_moment, || i64::MIN.into(), "panicked"),
    ("an invalid currency", is_currency, || "<b>".into(), "<b>"),
];

fn hostile_stripe_responses_do_no_harm(harness: &Harness) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    TRAP.get_or_init(|| format!("http://{}/trap", listener.local_addr().expect("an address")));
    let proxy = TwistingProxy::start(&harness.about().stripe_url);
    let env = [("STRIPE_API_BASE", proxy.url.as_str())];
    let key = format!("Bearer {}", harness.account("overdue").keys.admin);
    let paying = format!("Bearer {}", harness.account("metered").keys.admin);
    let rows = [
        ("summary", &key, ""),
        ("info", &key, ""),
        ("invoices", &key, ""),
        ("dunning", &key, ""),
        ("usage", &key, ""),
        ("portal-session", &key, "{}"),
        ("plan-change-preview", &paying, r#"{"plan":"agency"}"#),
    ];
    for (name, key, body) in rows {
        let mut function = FunctionProcess::start(harness, name, &env);
        let mut send = |what: &str| {
            let headers = [("authorization", key.as_str()), JSON];
            function.send_with_body(PATIENT, &headers, body);
            let response = function.response();
            // 409: the altered subscription seems not to be changeable.
            assert!(
                matches!(response.status, 200 | 201 | 409 | 502),
                "{what}, {name}: {}",
                response.body
            );
            response
        };
        proxy.twist((nothing, trap));
        assert!(send("nothing").status < 300, "{name}");
        let paths = proxy.requests.lock().expect("no panic").len();
        assert!(paths > 0, "{name} does not use the proxy");
        for (what, which, made, never) in ROWS {
            proxy.twist((which, made));
            let response = send(what);
            assert!(!response.body.contains(never), "{what}, {name}: {}", response.body);
            let requests = proxy.requests.lock().expect("no panic").clone();
            let misled = requests.iter().find(|line| line.contains("evil") || line.contains(".."));
            assert_eq!(misled, None, "{what}, {name}");
        }
        proxy.twist((nothing, trap));
        assert!(send("nothing").status < 300, "{name} works again");
    }
    assert!(listener.accept().is_err(), "a function requested a URL from Stripe's response");
}
