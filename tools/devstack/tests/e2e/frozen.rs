//! Lambda freezes a process between requests. Connections that die meanwhile are nobody's trouble.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use crate::cases;
use crate::harness::Harness;
use crate::lone::{Lone, PATIENT};
use crate::posts::{JSON, Start};

cases![
    connections_that_were_closed_while_frozen_are_opened_again,
    a_change_on_a_connection_that_was_closed_while_frozen_is_made_once,
];

/// Hands bytes on, and can hang up.
struct Line {
    url: String,
    calls: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    fn to(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&calls);
        spawn(move || {
            for caller in listener.incoming().flatten() {
                let called = TcpStream::connect(&upstream).expect("who is called");
                for (from, to) in [(&caller, &called), (&called, &caller)] {
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
        Self { url, calls }
    }

    /// Closes every connection, and says how many there were.
    fn hang_up(&self) -> usize {
        let calls: Vec<TcpStream> = self.calls.lock().expect("no panic").drain(..).collect();
        for call in &calls {
            let _ = call.shutdown(Shutdown::Both);
        }
        calls.len()
    }
}

fn connections_that_were_closed_while_frozen_are_opened_again(harness: &Harness) {
    let about = harness.about();
    let (stripe, aws) = (Line::to(&about.stripe_url), Line::to(&about.aws_url));
    for name in ["summary", "info", "invoices", "dunning"] {
        let payer = harness.payer(&format!("frozen-{name}"), Start::on("pro"));
        let other = harness.payer(&format!("frozen-{name}-other"), Start::on("pro"));
        let env = [("STRIPE_API_BASE", &*stripe.url), ("AWS_ENDPOINT_URL", &*aws.url)];
        let mut function = Lone::start(harness, name, &env);
        // The other account's key is not known yet: DynamoDB is asked again, too.
        for payer in [&payer, &other, &payer] {
            let bearer = format!("Bearer {}", payer.account.key);
            let answer = function.get(&[("authorization", &bearer)]);
            assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            function.freeze();
            assert!(stripe.hang_up() > 0, "{name} has kept no connection to Stripe");
            aws.hang_up();
            function.thaw();
        }
    }
}

fn a_change_on_a_connection_that_was_closed_while_frozen_is_made_once(harness: &Harness) {
    let stripe = Line::to(&harness.about().stripe_url);
    let mut function = Lone::start(harness, "plan-change", &[("STRIPE_API_BASE", &*stripe.url)]);
    for key in [None, Some("thawed")] {
        let payer = harness.payer(&format!("frozen-{}", key.unwrap_or("change")), Start::on("pro"));
        let before = payer.ledger(harness);
        let bearer = format!("Bearer {}", payer.account.key);
        let mut headers = vec![JSON, ("authorization", &*bearer)];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        function.freeze();
        stripe.hang_up();
        function.thaw();
        function.ask_with(PATIENT, &headers, r#"{"plan":"agency"}"#);
        let answer = function.answer();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let after = payer.ledger(harness);
        assert_eq!(after.charges().0, before.charges().0 + 1, "{after:?}");
    }
}
