//! The binary: what it prints, and that its settings arrive.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::support::exchange;

/// The program with these settings, and where it says that it listens.
pub fn start(settings: &[&str]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stripe-sandbox"))
        .args(["--listen", "127.0.0.1:0"])
        .args(settings)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("stripe-sandbox listening on http://").unwrap();
    (child, address.parse().unwrap())
}

#[test]
fn it_says_where_it_listens_and_knows_the_keys_that_it_was_given() {
    let (mut child, address) = start(&[
        "--secret-key",
        "sk_test_mine",
        "--restricted-key",
        "rk_test_mine=rak_product_read",
        "--retry-days",
        "1,2",
        "--retries-exhausted",
        "past_due",
    ]);
    let status = |method: &str, key: &str| {
        let authorization = format!("Bearer {key}");
        exchange(address, method, "/v1/products", &[("authorization", &authorization)], "")
            .unwrap()
            .status
    };
    let seen = [
        status("GET", "sk_test_mine"),
        status("GET", "rk_test_mine"),
        status("POST", "rk_test_mine"),
        status("GET", "sk_test_sandbox"),
    ];
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen, [200, 200, 403, 401]);
}
