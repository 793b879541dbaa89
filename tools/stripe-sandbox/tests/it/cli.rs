//! The binary: its output and its settings.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::support::exchange;

/// Starts the binary with these settings. Returns the address that it prints.
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
fn binary_prints_its_address_and_accepts_the_configured_keys() {
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
