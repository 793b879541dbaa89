//! Stripe's answers, each one that an endpoint reads, with something wrong in it.

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

use crate::fixture::{Rich, check, config};
use crate::mutation::{Mutation, mutated, mutations};

/// More than any endpoint asks of a Stripe in its right mind, several times over: what a list that
/// does not end can cost.
const MOST_CALLS: u32 = 1_000;

/// Damages one answer, or all from it on.
#[derive(Clone, Debug)]
struct Damage {
    nth: u32,
    all: bool,
    mutations: Vec<Mutation>,
}

struct Damaged {
    stripe: Stripe,
    damage: Arc<Mutex<Option<Damage>>>,
    asked: Arc<AtomicU32>,
}

impl Wire for Damaged {
    fn send(&self, request: Request<Full<Bytes>>) -> Sent<'_> {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed);
        let damage = self.damage.lock().expect("no panic").clone();
        Box::pin(async move {
            // Nothing is as quick as this sandbox, and what has no end has to meet the deadline.
            tokio::time::sleep(Duration::from_millis(30)).await;
            let (head, body) = self.stripe.answer(request).await?;
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
fn whatever_stripe_answers_the_caller_gets_an_answer_of_the_contract() {
    let runtime = runtime();
    let rich = runtime.block_on(Rich::new());
    let (broken, asked) = (Arc::new(Mutex::new(None)), Arc::new(AtomicU32::new(0)));
    let wire = Damaged {
        stripe: rich.world.stripe.clone(),
        damage: Arc::clone(&broken),
        asked: Arc::clone(&asked),
    };
    let process = runtime.block_on(rich.world.process_over(Box::new(wire)));
    let seen = RefCell::new(BTreeMap::<String, u32>::new());
    let input = (prop::sample::select(Endpoint::ALL.to_vec()), damage());
    let outcome = TestRunner::new(config(1_500)).run(&input, |(endpoint, damage)| {
        *broken.lock().expect("no panic") = Some(damage);
        asked.store(0, Ordering::Relaxed);
        let id = rich.world.number();
        let reply = runtime.block_on(process.ask(&rich.request(endpoint), id));
        *broken.lock().expect("no panic") = None;
        let calls = asked.load(Ordering::Relaxed);
        prop_assert!(calls <= MOST_CALLS, "{} calls", calls);
        let name = format!("{endpoint:?} {} {}", reply.status, reply.error());
        *seen.borrow_mut().entry(name).or_default() += 1;
        check(&reply).map_err(TestCaseError::fail)
    });
    println!("{:#?}", seen.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
