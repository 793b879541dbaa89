//! Faults, from the client's view.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Api, encode};

const HEADERS: [(&str, &str); 2] = [
    ("authorization", "Bearer sk_test_sandbox"),
    ("content-type", "application/x-www-form-urlencoded"),
];

fn products(api: &Api) -> usize {
    api.get("/v1/products", &[])["data"].as_array().unwrap().len()
}

/// Connection that the client keeps open.
fn keep_alive(api: &Api) -> TcpStream {
    let stream = TcpStream::connect(api.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

const LIST: &str =
    "GET /v1/products HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer sk_test_sandbox\r\n\r\n";

/// Reads one response from a kept-alive connection, or less if the connection closes.
fn read_response(stream: &mut TcpStream) -> String {
    stream.write_all(LIST.as_bytes()).unwrap();
    let (mut response, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&response).into_owned();
        let length = text
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        if let (Some((_, body)), Some(length)) = (text.split_once("\r\n\r\n"), length)
            && body.len() >= length
        {
            return text;
        }
        match stream.read(&mut piece) {
            Ok(0) => return text,
            Ok(count) => response.extend(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return text,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn hang_up_and_cut_close_the_connection_before_or_after_the_operation() {
    for (kind, starts) in [("hang_up", ""), ("cut", "HTTP/1.1 ")] {
        for (after_work, made) in [(false, 0), (true, 1)] {
            let api = Api::new();
            let fault = json!({ "method": "POST", "kind": kind, "after_work": after_work });
            api.admin("POST", "/faults", &fault);
            let mut stream = keep_alive(&api);
            let form = encode(&[("name", "Pro")]);
            let head = "POST /v1/products HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer sk_test_sandbox";
            let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{form}", form.len());
            stream.write_all(request.as_bytes()).unwrap();
            let mut seen = Vec::new();
            let _ = stream.read_to_end(&mut seen);
            let seen = String::from_utf8(seen).unwrap();
            assert!(seen.starts_with(starts) && seen.is_empty() == starts.is_empty(), "{seen}");
            if let Some((head, body)) = seen.split_once("\r\n\r\n") {
                let announced = head.split("content-length: ").nth(1).unwrap();
                let announced: usize = announced.split("\r\n").next().unwrap().parse().unwrap();
                assert!(!body.is_empty() && body.len() < announced, "{seen}");
            }
            assert_eq!(products(&api), made, "{kind}, after work: {after_work}");
        }
    }
}

#[test]
fn latency_delays_before_or_after_the_operation() {
    for after_work in [false, true] {
        let api = Api::new();
        let fault = json!({ "kind": "latency", "delay_ms": 300, "after_work": after_work, "path": "/v1/products" });
        api.admin("POST", "/faults", &fault);
        let started = Instant::now();
        assert_eq!(products(&api), 0);
        assert!(started.elapsed() >= Duration::from_millis(300));
        let log = api.admin("GET", "/requests", &Value::Null);
        assert_eq!(
            (&log["requests"][0]["fault"], &log["requests"][0]["status"]),
            (&json!("latency"), &json!(200))
        );
    }
}

#[test]
fn status_fault_returns_the_chosen_code_before_or_after_the_operation() {
    for (after_work, made) in [(false, 0), (true, 1)] {
        let api = Api::new();
        let fault =
            json!({ "method": "POST", "kind": "status", "status": 503, "after_work": after_work });
        api.admin("POST", "/faults", &fault);
        let refusal = api.refused(503, "POST", "/v1/products", &[("name", "Pro")]);
        assert_eq!(refusal.json["error"]["type"], "api_error");
        assert_eq!(products(&api), made);
    }
    let api = Api::new();
    for (status, code, expected) in [
        (429, Value::Null, "rate_limit"),
        (429, json!("lock_timeout"), "lock_timeout"),
        (409, Value::Null, ""),
    ] {
        api.admin("POST", "/faults", &json!({ "kind": "status", "status": status, "code": code }));
        let refusal = api.refused(status, "GET", "/v1/products", &[]);
        assert_eq!((refusal.code(), refusal.header("stripe-should-retry")), (expected, None));
    }
}

#[test]
fn stored_fault_is_replayed_for_the_idempotency_key() {
    let api = Api::new();
    let fault = json!({ "method": "POST", "kind": "status", "status": 500, "after_work": true, "stored": true });
    api.admin("POST", "/faults", &fault);
    let post = || api.send("POST", "/v1/products", &[("name", "Pro")], &[("idempotency-key", "k")]);
    let (first, again) = (post(), post());
    assert_eq!((first.status, again.status, &again.text), (500, 500, &first.text));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_eq!(products(&api), 1);
    // The log has it under the ID that the caller received.
    api.open(again.json["error"]["request_log_url"].as_str().unwrap()).shows(200, "/v1/products");
    let nonsense = json!({ "kind": "cut", "stored": true }).to_string();
    assert_eq!(api.raw("POST", "/_sandbox/faults", &[], &nonsense).unwrap().status, 400);
}

#[test]
fn garbage_and_wrong_shape_replace_the_body() {
    let api = Api::new();
    for (kind, is_json) in [("garbage", false), ("wrong_shape", true)] {
        api.admin("POST", "/faults", &json!({ "kind": kind }));
        let reply = api.raw("GET", "/v1/products", &HEADERS, "").unwrap();
        assert_eq!((reply.status, reply.json.is_object()), (200, is_json), "{}", reply.text);
        assert!(!reply.json["data"].is_array());
    }
}

#[test]
fn drop_field_removes_one_field() {
    let mut api = Api::new();
    api.product("Pro");
    api.typed = false;
    for (field, pointer) in [("data.metadata", "/data/0/metadata"), ("has_more", "/has_more")] {
        assert!(api.get("/v1/products", &[]).pointer(pointer).is_some());
        api.admin("POST", "/faults", &json!({ "kind": "drop_field", "field": field }));
        let list = api.get("/v1/products", &[]);
        assert_eq!((list.pointer(pointer), list["data"][0]["name"].as_str()), (None, Some("Pro")));
    }
    let missing = json!({ "kind": "drop_field" }).to_string();
    assert_eq!(api.raw("POST", "/_sandbox/faults", &[], &missing).unwrap().status, 400);
}

#[test]
fn trickle_sends_the_response_slowly() {
    let api = Api::new();
    api.product("Pro");
    api.admin("POST", "/faults", &json!({ "kind": "trickle", "delay_ms": 40 }));
    let started = Instant::now();
    assert_eq!(products(&api), 1);
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
}

#[test]
fn close_idle_ends_a_kept_alive_connection() {
    let api = Api::new();
    let mut stream = keep_alive(&api);
    for _ in 0..2 {
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    }
    api.admin("POST", "/faults", &json!({ "kind": "close_idle", "path": "/v1/products" }));
    let last = read_response(&mut stream);
    assert!(last.starts_with("HTTP/1.1 200") && !last.contains("connection: close"), "{last}");
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "the connection is over");
}

#[test]
fn admin_request_closes_idle_connections() {
    let api = Api::new();
    let mut stream = keep_alive(&api);
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    api.admin("DELETE", "/connections", &Value::Null);
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    assert!(read_response(&mut keep_alive(&api)).starts_with("HTTP/1.1 200"));
}

#[test]
fn refuse_fault_refuses_connections_for_its_delay() {
    let api = Api::new();
    let mut kept = keep_alive(&api);
    assert!(read_response(&mut kept).starts_with("HTTP/1.1 200"));
    api.admin("POST", "/faults", &json!({ "kind": "refuse", "delay_ms": 500 }));
    let started = Instant::now();
    let refused = TcpStream::connect(api.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(kept.read(&mut [0; 1]).unwrap(), 0, "and those that were open are over");
    while TcpStream::connect(api.address()).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert_eq!(products(&api), 0);
}

#[test]
fn waiting_faults_can_be_listed() {
    let api = Api::new();
    api.admin("POST", "/faults", &json!({ "kind": "cut", "count": 3, "path": "/v1/prices" }));
    assert!(api.raw("GET", "/v1/prices", &HEADERS, "").is_none());
    let waiting = api.admin("GET", "/faults", &Value::Null);
    assert_eq!(
        (&waiting["faults"][0]["kind"], &waiting["faults"][0]["count"]),
        (&json!("cut"), &json!(2))
    );
}
