//! Histories of reads beside changes: what a GET may show.
//!
//! The customer's balance, the name of a plan and the plan of the subscription only ever get new values, so a response
//! tells which change it has seen last. The laws:
//!
//! - A value was true at Stripe at some moment between `asOf` and the response.
//! - A response that is not stale shows every change that was followed before the request began. Once one has shown it,
//!   stale responses show it too.
//! - A response, stale or not, shows the customer as of the caller's own last finished change or later.
//! - Without Stripe, a GET shows the last known state or fails with 503, and a POST fails.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use model::plans::{Plan, Prices};
use model::{Endpoint, Process, Reply, Request, Stripe, TableFault, World, runtime};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::Timestamp;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::ensure;
use crate::run::{Checked, Counts, within_polls};

/// Longest time in seconds that Stripe takes to list an event.
const LISTED_WITHIN: i64 = 60;

/// Number of processes.
const PROCESSES: u8 = 3;

#[derive(Clone, Debug)]
pub enum Step {
    /// Somebody else changes the customer.
    Balance,
    /// Somebody else changes the catalog.
    Name,
    /// The caller changes the plan. `killed_at` is the poll at which the process ends.
    Plan { process: u8, killed_at: Option<u8> },
    /// A GET of the summary, or of info.
    Read { process: u8, summary: bool, no_cache: bool, killed_at: Option<u8> },
    /// The events are followed, by a sweep or only by a poll.
    Follow { sweep: bool },
    /// Stripe's time passes, in seconds, but ours does not: our clock falls behind.
    Wait(u16),
    /// The events of the next change are listed in reverse order, twice, or so many seconds late.
    Disturb(Disturbance),
    /// Stripe cannot be reached from now on, or can be again.
    Outage(bool),
}

/// Disturbance of the list of events.
#[derive(Clone, Copy, Debug)]
pub enum Disturbance {
    Reverse,
    Duplicate,
    Late(u8),
    Lose,
}

/// Steps; those of one list run at the same time.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub seed: u64,
    pub steps: Vec<Vec<Step>>,
}

fn step() -> impl Strategy<Value = Step> {
    let killed_at = || prop::option::weighted(0.2, 1_u8..60);
    prop_oneof![
        2 => Just(Step::Balance),
        1 => Just(Step::Name),
        2 => (0..PROCESSES, killed_at())
            .prop_map(|(process, killed_at)| Step::Plan { process, killed_at }),
        6 => (0..PROCESSES, any::<bool>(), prop::bool::weighted(0.1), killed_at()).prop_map(
            |(process, summary, no_cache, killed_at)| Step::Read { process, summary, no_cache, killed_at }
        ),
        3 => any::<bool>().prop_map(|sweep| Step::Follow { sweep }),
        2 => prop_oneof![4 => 1..90_u16, 1 => 90..900_u16].prop_map(Step::Wait),
        1 => prop_oneof![
            Just(Disturbance::Reverse),
            Just(Disturbance::Duplicate),
            // Stripe lists an event within a minute.
            (1..55_u8).prop_map(Disturbance::Late),
        ]
        .prop_map(Step::Disturb),
        1 => any::<bool>().prop_map(Step::Outage),
    ]
}

pub fn fresh() -> impl Strategy<Value = Fresh> {
    let together = prop_oneof![
        3 => prop::collection::vec(step(), 1),
        1 => prop::collection::vec(step(), 2..5),
    ];
    (any::<u64>(), prop::collection::vec(together, 1..25))
        .prop_map(|(seed, steps)| Fresh { seed, steps })
}

/// The state at Stripe, by the number of the last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    balance: i64,
    name: i64,
    /// Finished changes of the plan. The plan alternates.
    plan: i64,
}

/// Times of the changes of a value, by its number: when the change was over, in Unix seconds of Stripe's clock.
type Times = Vec<i64>;

/// The facts that the laws compare responses with.
#[derive(Default)]
struct Truth {
    now: State,
    /// Times of the balances and of the names.
    balances: Times,
    names: Times,
    /// Balance and name as of the last time that events were followed.
    followed: State,
    /// The same, as of the beginning of a request that has shown them.
    shown: State,
    /// Whether events may be listed late.
    is_late: bool,
    /// Balance as of the beginning of the caller's last finished change, and the number of that change.
    written: State,
    /// Number of changes of the plan that have begun and ended.
    plans_begun: i64,
    plans_ended: i64,
    /// Whether a change was killed, so that the plan is not known until the next one.
    unknown_plan: bool,
    outage: bool,
}

pub struct Run<'a> {
    pub stripe: &'a Stripe,
    processes: Vec<Process>,
    follower: Mutex<(follow::Follower, shared::Stripe)>,
    bearer: String,
    customer: String,
    product: String,
    truth: Mutex<Truth>,
    counts: Mutex<Counts>,
    world: &'a World,
}

/// Plans between which the subscription changes.
const PLANS: [(&str, &str); 2] = [("pro", "month"), ("agency", "month")];

/// Runs a history. The error describes the violated law.
pub async fn run(world: &World, prices: &Prices, history: &Fresh) -> Checked<Counts> {
    let run = Run::begin(world, prices, history.seed).await;
    for (at, steps) in history.steps.iter().enumerate() {
        let outcomes = join_all(steps.iter().map(|step| run.step(step))).await;
        let outcome: Checked<Vec<()>> = outcomes.into_iter().collect();
        outcome.map_err(|violation| format!("at step {at}: {violation}"))?;
    }
    // Once everything is over and followed, everything is shown.
    run.set_outage(false).await;
    // By then, no process remembers the outage, and Stripe has listed all events.
    sleep(Duration::from_secs(10)).await;
    run.stripe.advance(61).await;
    run.follow(true).await;
    for summary in [true, false] {
        run.read(0, summary, false, None).await.map_err(|it| format!("at the end: {it}"))?;
    }
    Ok(run.counts.into_inner())
}

impl<'a> Run<'a> {
    /// Creates a customer with a subscription, and processes that nothing has been asked of yet.
    pub async fn begin(world: &'a World, prices: &Prices, seed: u64) -> Self {
        let stripe = &world.stripe;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let customer = text(&stripe.post("/customers", &[("balance", "0")]).await["id"]);
        let method = format!("/payment_methods/{}/attach", "pm_card_visa");
        let method = text(&stripe.post(&method, &[("customer", &customer)]).await["id"]);
        let default = [("invoice_settings[default_payment_method]", &*method)];
        stripe.post(&format!("/customers/{customer}"), &default).await;
        let of = |tier: &str| -> &(Plan, Vec<String>) {
            prices.iter().find(|(plan, _)| plan.tier == tier).expect("a plan")
        };
        let items: Vec<_> = (0..of("pro").1.len()).map(|n| format!("items[{n}][price]")).collect();
        // A change during a trial moves no money, so the balance is only what the history makes it.
        let mut form = vec![("customer", &*customer), ("trial_period_days", "30")];
        form.extend(items.iter().zip(&of("pro").1).map(|(name, price)| (&**name, &**price)));
        stripe.post("/subscriptions", &form).await;
        let product = stripe.get(&format!("/prices/{}", of("pro").1[0])).await;
        let (_, bearer) = world.account(Some(&customer));
        let mut processes = Vec::new();
        for number in 0..PROCESSES {
            processes.push(world.process(seed.wrapping_add(u64::from(number))).await);
        }
        let app = world.process(seed.wrapping_add(99)).await.app();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(1_000_000);
        let follower = (follow::Follower::new(app.table().clone()), app.stripe(deadline));
        let run = Run {
            stripe,
            processes,
            follower: Mutex::new(follower),
            bearer,
            customer,
            product: text(&product["product"]),
            truth: Mutex::default(),
            counts: Mutex::default(),
            world,
        };
        run.follow(true).await;
        run.change_name().await;
        run
    }
}

impl Run<'_> {
    fn step<'a>(&'a self, step: &'a Step) -> BoxFuture<'a, Checked> {
        async move {
            match *step {
                Step::Balance => self.change_balance().await,
                Step::Name => self.change_name().await,
                Step::Plan { process, killed_at } => {
                    return self.change_plan(process, killed_at).await;
                }
                Step::Read { process, summary, no_cache, killed_at } => {
                    return self.read(process, summary, no_cache, killed_at).await;
                }
                Step::Follow { sweep } => self.follow(sweep).await,
                Step::Wait(seconds) => drop(self.stripe.advance(seconds.into()).await),
                Step::Disturb(disturbance) => self.disturb(disturbance).await,
                Step::Outage(begins) => self.set_outage(begins).await,
            }
            Ok(())
        }
        .boxed()
    }

    pub async fn change_balance(&self) {
        let mut truth = self.truth.lock().await;
        truth.now.balance += 1;
        let balance = (-truth.now.balance).to_string();
        self.stripe.post(&format!("/customers/{}", self.customer), &[("balance", &*balance)]).await;
        truth.balances.push(self.stripe.advance(0).await);
    }

    async fn change_name(&self) {
        let mut truth = self.truth.lock().await;
        truth.now.name += 1;
        let name = format!("pro {}", truth.now.name);
        let path = format!("/products/{}", self.product);
        self.stripe.post(&path, &[("name", &*name.replace(' ', "%20"))]).await;
        truth.names.push(self.stripe.advance(0).await);
    }

    pub async fn follow(&self, sweep: bool) {
        let mut guard = self.follower.lock().await;
        let began_at = self.stripe.advance(0).await;
        let (balance, name) = {
            let truth = self.truth.lock().await;
            let listed = |times: &Times| {
                let is_listed = |at: &&i64| !truth.is_late || **at < began_at - LISTED_WITHIN;
                i64::try_from(times.iter().take_while(is_listed).count()).expect("a few")
            };
            (listed(&truth.balances), listed(&truth.names))
        };
        let (follower, stripe) = &mut *guard;
        let outcome =
            if sweep { follower.sweep(stripe).await } else { follower.poll(stripe).await };
        let truth = &mut *self.truth.lock().await;
        // A late event may stand behind those that a poll reads.
        if outcome.is_ok() && (sweep || !truth.is_late) {
            truth.followed.balance = truth.followed.balance.max(balance);
            truth.followed.name = truth.followed.name.max(name);
        }
    }

    pub async fn disturb(&self, disturbance: Disturbance) {
        let (kind, seconds) = match disturbance {
            Disturbance::Reverse => ("reverse", 0),
            Disturbance::Duplicate => ("duplicate", 0),
            Disturbance::Late(seconds) => ("late", seconds),
            Disturbance::Lose => ("lose", 0),
        };
        self.truth.lock().await.is_late |= seconds > 0;
        let fault = json!({ "kind": kind, "count": 2, "seconds": seconds });
        self.stripe.sandbox("POST", "/events/faults", &fault).await;
    }

    pub async fn set_outage(&self, begins: bool) {
        self.truth.lock().await.outage = begins;
        self.stripe.set_outage(begins);
    }

    fn request(&self, endpoint: Endpoint, body: Value) -> Request {
        Request { endpoint, bearer: self.bearer.clone(), key: None, body, no_cache: false }
    }

    /// Returns the response to a GET.
    pub async fn get(&self, endpoint: Endpoint) -> Reply {
        self.post(endpoint, Value::Null).await
    }

    /// Returns the response to a request with this body.
    pub async fn post(&self, endpoint: Endpoint, body: Value) -> Reply {
        self.processes[0].send(&self.request(endpoint, body), self.world.number()).await
    }

    pub async fn change_plan(&self, process: u8, killed_at: Option<u8>) -> Checked {
        let ((tier, interval), before) = {
            let mut truth = self.truth.lock().await;
            if truth.plans_begun > truth.plans_ended {
                return Ok(());
            }
            truth.plans_begun += 1;
            let plan = PLANS[usize::try_from(truth.plans_begun % 2).expect("0 or 1")];
            (plan, truth.now)
        };
        let request = self.request(Endpoint::Change, json!({ "plan": tier, "interval": interval }));
        let process = &self.processes[usize::from(process)];
        let reply = within_polls(process.send(&request, self.world.number()), killed_at).await;
        let mut truth = self.truth.lock().await;
        truth.plans_ended = truth.plans_begun;
        let name = |what: &str| format!("plan-change {what}");
        match reply {
            Some(reply) if reply.status == 200 || reply.error() == "already_on_plan" => {
                truth.unknown_plan = false;
                if reply.status == 200 {
                    truth.written = State { plan: truth.plans_ended, ..before };
                }
                self.counts.lock().await.count(name("applied"));
            }
            Some(reply) => {
                truth.unknown_plan = true;
                ensure!(
                    truth.outage || matches!(reply.status, 409 | 429 | 503 | 504),
                    "plan-change: {} {}",
                    reply.status,
                    reply.body
                );
                self.counts.lock().await.count(name("failed"));
            }
            None => {
                truth.unknown_plan = true;
                self.counts.lock().await.count(name("killed"));
            }
        }
        Ok(())
    }

    pub async fn read(
        &self,
        process: u8,
        summary: bool,
        no_cache: bool,
        killed_at: Option<u8>,
    ) -> Checked {
        let (followed, written, shown_before, plans_before, quiet) = {
            let truth = self.truth.lock().await;
            let quiet = truth.plans_begun == truth.plans_ended && !truth.unknown_plan;
            (truth.followed, truth.written, truth.shown, truth.plans_begun, quiet)
        };
        let endpoint = if summary { Endpoint::Summary } else { Endpoint::Info };
        let request = Request { no_cache, ..self.request(endpoint, Value::Null) };
        let process = &self.processes[usize::from(process)];
        let reply = within_polls(process.send(&request, self.world.number()), killed_at).await;
        let Some(reply) = reply else { return Ok(()) };
        let truth = &mut *self.truth.lock().await;
        if reply.status != 200 {
            self.counts.lock().await.count(format!("GET {}", reply.status));
            ensure!(matches!(reply.status, 429 | 503 | 504), "{endpoint:?}: {}", reply.body);
            return Ok(());
        }
        let body = reply.json();
        let stale = body["stale"] == true;
        self.counts.lock().await.count(if stale { "GET stale" } else { "GET current" });
        let (what, shown, (followed, written_value), times) = if summary {
            let text = body["balance"].as_str().unwrap_or_default().replace('.', "");
            let least = (followed.balance, written.balance.max(shown_before.balance));
            ("balance", text.parse().unwrap_or(-1), least, &truth.balances)
        } else {
            let plans = body["plans"].as_array().into_iter().flatten();
            let mut names = plans.filter(|plan| plan["id"] == "pro" || plan["plan"] == "pro");
            let name = names.next().and_then(|plan| plan["name"].as_str()).unwrap_or_default();
            let number = name.strip_prefix("pro ").and_then(|number| number.parse().ok());
            ("name", number.unwrap_or(-1), (followed.name, shown_before.name), &truth.names)
        };
        let now = i64::try_from(times.len()).expect("a few");
        let least = if stale { written_value } else { followed.max(written_value) };
        ensure!(
            (least..=now).contains(&shown),
            "{what} is {shown}, not {least} to {now}, stale {stale}: {body}"
        );
        let as_of = body["asOf"].as_str().and_then(Timestamp::parse).ok_or("asOf is no time")?;
        let replaced = usize::try_from(shown).ok().and_then(|shown| times.get(shown));
        ensure!(
            replaced.is_none_or(|at| *at >= as_of.seconds()),
            "{what} {shown} was replaced at {replaced:?}, before asOf {}: {body}",
            as_of.seconds()
        );
        if !stale {
            let shown = if summary { &mut truth.shown.balance } else { &mut truth.shown.name };
            *shown = (*shown).max(followed);
        }
        // Without a change meanwhile, the plan is the one of the last change.
        if quiet && plans_before == truth.plans_begun && written.plan > 0 && summary {
            let (tier, _) = PLANS[usize::try_from(written.plan % 2).expect("0 or 1")];
            ensure!(body["plan"] == tier, "the plan is not {tier}, stale {stale}: {body}");
        }
        Ok(())
    }
}

/// Whatever write fails, the watermark is never published before the generation of each changed customer has risen.
#[test]
fn watermark_is_published_after_the_generations() {
    runtime().block_on(async {
        let mut outcomes = BTreeSet::new();
        for (after, calls) in (1..6).flat_map(|after| [(after, 1), (after, 100)]) {
            let world = World::new();
            let app = world.process(1).await.app();
            let deadline = tokio::time::Instant::now() + Duration::from_secs(1_000_000);
            let stripe = app.stripe(deadline);
            let mut follower = follow::Follower::new(app.table().clone());
            follower.sweep(&stripe).await.expect("the first sweep");
            let customer = world.stripe.post("/customers", &[]).await;
            let customer = customer["id"].as_str().expect("an ID");
            // A minute ago, so that a newer watermark differs.
            let mut watermark = world.table.item("FOLLOW", "WATERMARK").expect("a watermark");
            watermark["followedTo"] = json!({ "N": "1793611800" });
            world.table.put(&watermark);
            world.table.set_fault(Some(TableFault { write: None, after, calls, done: false }));
            let outcome = follower.sweep(&stripe).await;
            world.table.set_fault(None);
            let is_published = app.table().watermark().await.expect("the table").followed_to
                != Some(1_793_611_800);
            let stored =
                app.table().stored_read(Some(customer), "summary").await.expect("the table");
            let has_risen = stored.customer.number > 0;
            assert!(has_risen || !is_published, "after {after} calls: {outcome:?}");
            outcomes.insert((is_published, has_risen));
        }
        let all = [(false, false), (false, true), (true, true)];
        assert_eq!(outcomes, BTreeSet::from(all), "the faults hit each step");
    });
}
