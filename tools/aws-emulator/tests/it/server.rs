//! The emulator over HTTP: DynamoDB by itself, other services by moto, recording, and tables in a file.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread::JoinHandle;

use aws_emulator::{Config, Recorded, Running, start};
use serde_json::{Value, json};

use crate::http::send;

const GET: &str = "DynamoDB_20120810.GetItem";
const PUT: &str = "DynamoDB_20120810.PutItem";
const SECRET: &str = "secretsmanager.GetSecretValue";

fn emulator(config: Config) -> Running {
    start(config).expect("a free port")
}

fn put(table: &str) -> String {
    json!({ "TableName": table, "Item": key() }).to_string()
}

fn get(table: &str) -> String {
    json!({ "TableName": table, "Key": key() }).to_string()
}

fn key() -> Value {
    json!({ "pk": { "S": "a" }, "sk": { "S": "b" } })
}

/// A server that responds to one request with `{"moto":true}`. The thread returns the request.
fn fake_moto() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut seen = String::new();
        let mut buffer = [0; 4096];
        while !seen.ends_with('}') {
            let count = stream.read(&mut buffer).expect("more of the request");
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        let response = "HTTP/1.1 201 X\r\ncontent-length: 13\r\n\r\n{\"moto\":true}";
        stream.write_all(response.as_bytes()).expect("a response");
        seen
    });
    (url, thread)
}

#[test]
fn secret_with_a_name_that_aws_refuses_is_refused() {
    const CREATE: &str = "secretsmanager.CreateSecret";
    let emulator = emulator(Config::default());
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-1";
    for (name, status) in [(arn, 400), ("", 400), ("a b", 400), ("billing/stripe-read", 501)] {
        let (found, body) = send(&emulator.url, CREATE, &json!({ "Name": name }).to_string());
        assert_eq!(found, status, "{name} {body}");
    }
}

#[test]
fn dynamodb_responds_without_moto_and_no_other_service_does() {
    let emulator = emulator(Config::default());
    emulator.dynamodb.create_table("billing").expect("a new table");
    assert_eq!(send(&emulator.url, PUT, &put("billing")), (200, json!({})));
    assert_eq!(send(&emulator.url, GET, &get("billing")), (200, json!({ "Item": key() })));
    let expected = json!({
        "__type": "NotImplemented",
        "message": "This emulator runs without moto and serves only DynamoDB.",
    });
    assert_eq!(send(&emulator.url, SECRET, "{}"), (501, expected));
}

#[test]
fn other_services_are_forwarded_to_moto() {
    let (url, moto) = fake_moto();
    let emulator = emulator(Config { moto: Some(url), ..Config::default() });
    let response = send(&emulator.url, SECRET, r#"{"SecretId":"one"}"#);
    assert_eq!(response, (201, json!({ "moto": true })));
    let request = moto.join().expect("a request");
    assert!(request.starts_with("POST /path?query=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"SecretId\":\"one\"}"), "{request}");
    assert!(request.contains("x-amz-target: secretsmanager.GetSecretValue"), "{request}");
}

#[test]
fn moto_that_does_not_respond_gives_503() {
    let config = Config { moto: Some("http://127.0.0.1:1".to_owned()), ..Config::default() };
    let emulator = emulator(config);
    let (status, body) = send(&emulator.url, SECRET, "{}");
    let message = body["message"].as_str().expect("a message");
    assert_eq!((status, &body["__type"]), (503, &json!("ServiceUnavailable")));
    assert!(message.starts_with("moto did not respond: "), "{message}");
}

fn temporary(name: &str) -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn every_request_is_recorded() {
    let path = temporary("recording.jsonl");
    let emulator = emulator(Config { recording: Some(path.clone()), ..Config::default() });
    send(&emulator.url, GET, &get("missing"));
    send(&emulator.url, SECRET, "{}");
    let recording = std::fs::read_to_string(path).expect("a recording");
    let recorded: Vec<Recorded> =
        recording.lines().map(|line| serde_json::from_str(line).expect("a request")).collect();
    let request = |target: &str, body: String| Recorded {
        target: target.to_owned(),
        user_agent: "test/1".to_owned(),
        body,
    };
    assert_eq!(recorded, [request(GET, get("missing")), request(SECRET, "{}".to_owned())]);
}

#[test]
fn tables_in_a_file_outlive_the_emulator() {
    let path = temporary("tables.sqlite");
    let start = || emulator(Config { tables: Some(path.clone()), ..Config::default() });
    let first = start();
    first.dynamodb.create_table("billing").expect("a new table");
    send(&first.url, PUT, &put("billing"));
    drop(first);
    let second = start();
    assert_eq!(send(&second.url, GET, &get("billing")), (200, json!({ "Item": key() })));
}
