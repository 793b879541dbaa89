//! Lambda freezes a process between invocations. Requests succeed even if connections were closed meanwhile.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use crate::cases;
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::Harness;
use crate::idempotency::charges_what_it_says;
use crate::payer::{JSON, Start};

cases![
    connections_closed_while_frozen_are_reopened,
    change_after_a_connection_closed_while_frozen_is_applied_once,
];

/// TCP proxy that can close its connections.
struct TcpProxy {
    url: String,
    connections: Arc<Mutex<Vec<TcpStream>>>,
}

impl TcpProxy {
    fn to(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&connections);
        spawn(move || {
            for caller in listener.incoming().flatten() {
                let server = TcpStream::connect(&upstream).expect("the upstream server");
                for (from, to) in [(&caller, &server), (&server, &caller)] {
                    let (mut from, mut to) =
                        (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
                    spawn(move || {
                        let _ = copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                all.lock().expect("no panic").push(caller);
            }
        });
        Self { url, connections }
    }

    /// Closes every connection and returns their number.
    fn close_all(&self) -> usize {
        let connections: Vec<TcpStream> =
            self.connections.lock().expect("no panic").drain(..).collect();
        for connection in &connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        connections.len()
    }
}

fn connections_closed_while_frozen_are_reopened(harness: &Harness) {
    let about = harness.about();
    let (stripe, aws) = (TcpProxy::to(&about.stripe_url), TcpProxy::to(&about.aws_url));
    for name in ["summary", "info", "invoices", "dunning", "usage"] {
        let payer = harness.payer(&format!("frozen-{name}"), Start::on("pro"));
        let other = harness.payer(&format!("frozen-{name}-other"), Start::on("pro"));
        let env = [("STRIPE_API_BASE", &*stripe.url), ("AWS_ENDPOINT_URL", &*aws.url)];
        let mut function = FunctionProcess::start(harness, name, &env);
        // The other account's key is not cached, so the function calls DynamoDB again, too.
        for payer in [&payer, &other, &payer] {
            let bearer = format!("Bearer {}", payer.account.key);
            let response = function.get(&[("authorization", &bearer)]);
            assert_eq!(response.status, 200, "{name}: {}", response.body);
            function.freeze();
            assert!(stripe.close_all() > 0, "{name} has no open connection to Stripe");
            aws.close_all();
            function.thaw();
        }
    }
}

fn change_after_a_connection_closed_while_frozen_is_applied_once(harness: &Harness) {
    let stripe = TcpProxy::to(&harness.about().stripe_url);
    let mut function =
        FunctionProcess::start(harness, "plan-change", &[("STRIPE_API_BASE", &*stripe.url)]);
    for key in [None, Some("thawed")] {
        let payer = harness.payer(&format!("frozen-{}", key.unwrap_or("change")), Start::on("pro"));
        let before = payer.ledger(harness);
        let bearer = format!("Bearer {}", payer.account.key);
        let mut headers = vec![JSON, ("authorization", &*bearer)];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        function.freeze();
        stripe.close_all();
        function.thaw();
        function.send_with_body(PATIENT, &headers, r#"{"plan":"agency"}"#);
        let response = function.response();
        assert_eq!(response.status, 200, "{}", response.body);
        charges_what_it_says(harness, &response);
        let after = payer.ledger(harness);
        assert_eq!(after.charges().0, before.charges().0 + 1, "{after:?}");
    }
}
