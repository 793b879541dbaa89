//! The binary: what it prints, and that its settings arrive.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::exchange;

#[test]
fn it_says_where_it_listens_and_knows_the_keys_that_it_was_given() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stripe-sandbox"))
        .args(["--listen", "127.0.0.1:0", "--secret-key", "sk_test_mine"])
        .args(["--restricted-key", "rk_test_mine=rak_product_read", "--retry-days", "1,2"])
        .args(["--retries-exhausted", "past_due"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("stripe-sandbox listening on http://").unwrap().parse().unwrap();
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
