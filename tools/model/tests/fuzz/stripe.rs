//! Random damage to Stripe's responses.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use model::{Endpoint, Stripe, runtime};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use shared::stripe::{Sent, Wire};

use crate::fixture::{Fixture, check, config};
use crate::mutation::{Mutation, mutated, mutations};

/// Limit of Stripe calls in a request. A damaged list without an end takes more calls than any valid one.
const MOST_CALLS: u32 = 1_000;

/// Damage to one response, or to all from it on.
#[derive(Clone, Debug)]
struct Damage {
    nth: u32,
    all: bool,
    mutations: Vec<Mutation>,
}

struct Damaged {
    stripe: Stripe,
    damage: Arc<Mutex<Option<Damage>>>,
    calls: Arc<AtomicU32>,
}

impl Wire for Damaged {
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_> {
        let nth = self.calls.fetch_add(1, Ordering::Relaxed);
        let damage = self.damage.lock().expect("no panic").clone();
        Box::pin(async move {
            // Takes time, so that a list without an end ends at the deadline.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let (head, body) = self.stripe.respond(request).await?;
            let hit = damage.filter(|it| it.nth == nth || (it.all && nth > it.nth));
            let Some(damage) = hit else { return Ok((head, body)) };
            let document: Value = serde_json::from_slice(&body).expect("JSON");
            let body = mutated(document, &damage.mutations).to_string();
            Ok((head, Bytes::from(body)))
        })
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    (0..9_u32, any::<bool>(), mutations()).prop_map(|(nth, all, mutations)| Damage {
        nth,
        all,
        mutations,
    })
}

#[test]
fn damaged_stripe_responses_lead_to_responses_of_the_contract() {
    let runtime = runtime();
    let fixture = runtime.block_on(Fixture::new());
    let (current, calls) = (Arc::new(Mutex::new(None)), Arc::new(AtomicU32::new(0)));
    let wire = Damaged {
        stripe: fixture.world.stripe.clone(),
        damage: Arc::clone(&current),
        calls: Arc::clone(&calls),
    };
    let process = runtime.block_on(fixture.world.process_over(Box::new(wire)));
    let seen = RefCell::new(BTreeMap::<String, u32>::new());
    let input = (prop::sample::select(Endpoint::ALL.to_vec()), damage());
    let outcome = TestRunner::new(config(1_500)).run(&input, |(endpoint, damage)| {
        *current.lock().expect("no panic") = Some(damage);
        calls.store(0, Ordering::Relaxed);
        let id = fixture.world.number();
        let reply = runtime.block_on(process.send(&fixture.request(endpoint), id));
        *current.lock().expect("no panic") = None;
        let count = calls.load(Ordering::Relaxed);
        prop_assert!(count <= MOST_CALLS, "{} calls", count);
        let name = format!("{endpoint:?} {} {}", reply.status, reply.error());
        *seen.borrow_mut().entry(name).or_default() += 1;
        check(&reply).map_err(TestCaseError::fail)
    });
    println!("{:#?}", seen.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
