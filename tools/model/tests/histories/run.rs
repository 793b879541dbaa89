//! Runs a history step by step and checks the invariants.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use model::plans::{Plan, Prices};
use model::{Endpoint, Process, Reply, Request, World};
use serde_json::{Value, json};

use crate::account::Account;
use crate::expected::Expected;
use crate::ledger::Ledger;
use crate::steps::{Card, Disturbances, History, Quoted, Step};

/// Result of a check; the error describes the violation.
pub type Checked<T = ()> = Result<T, String>;

/// Returns an error with this message unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}

/// Request with an idempotency key, and its progress.
pub struct Keyed {
    pub asked: Asked,
    pub progress: Progress,
}

/// Request, and its parameters.
#[derive(Clone)]
pub struct Asked {
    pub request: Request,
    pub plan: Plan,
    pub quoted: Quoted,
    /// Plan and body of the preview with the request's quote.
    pub shown: Option<(Plan, Value)>,
}

pub enum Progress {
    /// No attempt has a definite response that the table stored.
    Open(Box<Begun>),
    /// The table stored this response.
    Done(Reply),
}

/// Applied change, with its invoice if it has one.
#[derive(Clone, Debug)]
pub struct Applied(pub Option<String>);

/// Possible effects of the attempts at a request.
#[derive(Clone, Default)]
pub struct Begun {
    /// State before the first attempt, if nothing else has happened since.
    pub before: Option<Ledger>,
    /// The change, if it was applied.
    pub applied: Option<Applied>,
    /// Invoice of the request's pending update, even if it was dropped since.
    pub pending: Option<String>,
    /// Response that the table may not have stored.
    pub response: Option<String>,
    /// Rejections that the table may have stored without a response.
    pub lost: Vec<(u16, &'static str)>,
}

/// Numbers of responses and events by name.
#[derive(Clone, Debug, Default)]
pub struct Counts(pub BTreeMap<String, u32>);

impl Counts {
    pub fn count(&mut self, name: impl Into<String>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }
}

pub struct Run<'a> {
    pub account: Account<'a>,
    processes: Vec<Process>,
    pub keyed: BTreeMap<String, Keyed>,
    /// The request that each invoice of a change belongs to.
    pub charged: BTreeMap<String, String>,
    /// Whether a request without a key was interrupted, which no retry completes.
    pub cut_off: bool,
    /// Whether Stripe has expired a pending update together with the items on its invoice.
    pub expired: bool,
    pub counts: Counts,
    seed: u64,
    known: Option<Ledger>,
}

/// Runs a history. The error describes the violated invariant and its step.
pub async fn run(world: &World, prices: &Prices, history: &History) -> Checked<Counts> {
    let account = Account::new(world, prices, history.start).await;
    let mut run = Run {
        account,
        processes: Vec::new(),
        keyed: BTreeMap::new(),
        charged: BTreeMap::new(),
        cut_off: false,
        expired: false,
        counts: Counts::default(),
        seed: history.seed,
        known: None,
    };
    for (at, step) in history.steps.iter().enumerate() {
        run.step(step).await.map_err(|violation| format!("at step {at}: {violation}"))?;
    }
    run.end().await.map_err(|violation| format!("at the end: {violation}"))?;
    Ok(run.counts)
}

/// Polls a future at most this often, and drops it then, as a crash of its process does.
pub async fn within_polls<T>(work: impl Future<Output = T>, most: Option<u8>) -> Option<T> {
    let (mut work, mut left) = (pin!(work), most);
    std::future::poll_fn(|context| {
        match &mut left {
            Some(0) => return Poll::Ready(None),
            Some(left) => *left -= 1,
            None => {}
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) -> Checked {
        match step {
            Step::Change { to, quote, key, disturbances } => {
                self.change(*to, *quote, *key, disturbances).await
            }
            Step::Checkout { to, key, disturbances } => {
                let request = self.account.request(Endpoint::Checkout, *to, None);
                let asked = Asked { request, plan: *to, quoted: Quoted::None, shown: None };
                self.send(asked, *key, disturbances).await
            }
            Step::Retry { nth, other, disturbances } => {
                self.retry(*nth, *other, disturbances).await
            }
            _ => {
                self.external(step).await;
                Ok(())
            }
        }
    }

    /// Returns the account's state at Stripe, which is read once after each step.
    async fn ledger(&mut self) -> Ledger {
        if self.known.is_none() {
            self.known = Some(self.account.ledger().await);
        }
        self.known.clone().unwrap_or_default()
    }

    /// Runs a step that is not a request to the API.
    async fn external(&mut self, step: &Step) {
        let before = self.ledger().await;
        self.account.happen(step, &before).await;
        self.forget_before(None);
        self.known = None;
        let after = self.ledger().await;
        self.record_pending_update(&before, &after);
    }

    /// Records that a pending update was paid by the customer or expired by Stripe.
    fn record_pending_update(&mut self, before: &Ledger, after: &Ledger) {
        for invoice in after.changes_since(before) {
            self.counts.count("a pending update was paid");
            for keyed in self.keyed.values_mut() {
                if let Progress::Open(begun) = &mut keyed.progress
                    && begun.pending.as_ref() == Some(&invoice)
                {
                    begun.applied = Some(Applied(Some(invoice.clone())));
                }
            }
            self.charged.entry(invoice).or_insert_with(|| "paid later".to_owned());
        }
        let is_void =
            |id: &String| after.invoices.get(id).is_some_and(|invoice| invoice.status == "void");
        if before.pending.as_ref().is_some_and(is_void) {
            self.counts.count("a pending update expired");
            self.expired = true;
        }
    }

    /// Forgets the earlier states of open requests, except one, because something else has changed the account.
    fn forget_before(&mut self, except: Option<&str>) {
        for (key, keyed) in &mut self.keyed {
            if let Progress::Open(begun) = &mut keyed.progress
                && except != Some(key)
            {
                begun.before = None;
            }
        }
    }

    async fn change(
        &mut self,
        to: Plan,
        quote: Quoted,
        key: Option<u8>,
        disturbances: &Disturbances,
    ) -> Checked {
        let asked = self.account.ask_change(to, quote).await;
        self.send(asked, key, disturbances).await
    }

    async fn retry(
        &mut self,
        nth: u8,
        other: Option<Plan>,
        disturbances: &Disturbances,
    ) -> Checked {
        if self.keyed.is_empty() {
            return Ok(());
        }
        let key = self.keyed.keys().nth(usize::from(nth) % self.keyed.len()).cloned();
        let key = key.expect("there is one");
        let keyed = &self.keyed[&key];
        let mut asked = keyed.asked.clone();
        if let (Some(other), Progress::Done(_)) = (other, &keyed.progress)
            && other != asked.plan
        {
            asked.plan = other;
            asked.request.body["plan"] = json!(other.tier);
            asked.request.body["interval"] = json!(other.interval);
        }
        self.send_as(asked, Some(key), disturbances).await
    }

    async fn send(
        &mut self,
        asked: Asked,
        key: Option<u8>,
        disturbances: &Disturbances,
    ) -> Checked {
        let key = key.map(|key| format!("key-{key}"));
        // An open request is retried unchanged: another body might be the first that the table stores.
        let asked = match key.as_ref().and_then(|key| self.keyed.get(key)) {
            Some(Keyed { progress: Progress::Open(_), asked }) => asked.clone(),
            _ => asked,
        };
        self.send_as(asked, key, disturbances).await
    }

    /// Sends a request with its disturbances and checks the invariants.
    async fn send_as(
        &mut self,
        mut asked: Asked,
        key: Option<String>,
        disturbances: &Disturbances,
    ) -> Checked {
        asked.request.key.clone_from(&key);
        let before = self.ledger().await;
        let expected = Expected::of(self, &asked, &before).await?;
        let is_left = self.account.is_change_left();
        if let Some(key) = &key
            && !self.keyed.contains_key(key)
        {
            // The metered prices that an earlier change has left will be swapped.
            let before = (!is_left).then(|| before.clone());
            let begun = Begun { before, ..Begun::default() };
            let progress = Progress::Open(Box::new(begun));
            let keyed = Keyed { asked: asked.clone(), progress };
            self.keyed.insert(key.clone(), keyed);
        }
        let replies = self.perform(&asked.request, disturbances).await;
        self.known = None;
        let after = self.ledger().await;
        for reply in &replies {
            let name = reply.as_ref().map_or("crashed".to_owned(), |reply| {
                let replayed = if reply.replayed { " replayed" } else { "" };
                format!("{:?} {} {}{replayed}", asked.request.endpoint, reply.status, reply.error())
            });
            self.counts.count(name);
        }
        if after != before {
            self.forget_before(key.as_deref());
        }
        let case = crate::invariants::Case {
            request: &asked.request,
            plan: asked.plan,
            key: key.as_deref(),
            before: &before,
            after: &after,
            replies: &replies,
            is_left,
            stored: disturbances.table.is_none(),
            calm: disturbances.faults.is_empty()
                && disturbances.table.is_none()
                && disturbances.crash.is_none(),
        };
        let details = || {
            let replies: Vec<_> = replies
                .iter()
                .map(|reply| {
                    reply.as_ref().map_or("none".to_owned(), |r| format!("{} {}", r.status, r.body))
                })
                .collect();
            format!(
                "\nrequest {:?}\nresponses {replies:#?}\nexpected {expected:?}\nbefore {before:#?}\nafter {after:#?}",
                asked.request
            )
        };
        crate::invariants::check(self, &case, &expected)
            .map_err(|violation| format!("{violation}{}", details()))
    }

    async fn perform(
        &mut self,
        request: &Request,
        disturbances: &Disturbances,
    ) -> Vec<Option<Reply>> {
        let world = self.account.world;
        let count = usize::from(disturbances.twins) + 1;
        while self.processes.len() < count {
            self.seed = self.seed.wrapping_add(0x5851_f42d_4c95_7f2d);
            self.processes.push(world.process(self.seed).await);
        }
        for fault in &disturbances.faults {
            world.stripe.add_fault(&Account::fault(fault)).await;
        }
        world.table.set_fault(disturbances.table);
        let requests = self.processes.iter().take(count).enumerate().map(|(nth, process)| {
            let most = disturbances.crash.filter(|_| nth == 0);
            within_polls(process.send(request, world.number()), most)
        });
        let replies = join_all(requests).await;
        if replies[0].is_none() {
            self.processes.remove(0);
        }
        // Longer than any request to Stripe in progress, and than any lease.
        tokio::time::sleep(Duration::from_mins(3)).await;
        world.table.set_fault(None);
        world.stripe.clear_faults().await;
        world.table.expire_leases(i64::MAX);
        replies
    }

    /// Retries all open requests without disturbances, and checks that completed ones are replayed.
    async fn end(&mut self) -> Checked {
        let calm = Disturbances::default();
        let open: Vec<String> = self.open().collect();
        for key in open {
            let asked = self.keyed[&key].asked.clone();
            let is_open = |run: &Self| matches!(run.keyed[&key].progress, Progress::Open(_));
            // Several times, because Stripe may replay a stored failure.
            for _ in 0..4 {
                if is_open(self) {
                    let key = Some(key.clone());
                    self.send_as(asked.clone(), key, &calm).await?;
                }
            }
            ensure!(!is_open(self), "{key} never completes");
            self.counts.count("completed by a retry");
        }
        for key in self.keyed.keys().cloned().collect::<Vec<_>>() {
            let asked = self.keyed[&key].asked.clone();
            self.send_as(asked, Some(key), &calm).await?;
        }
        let ledger = self.ledger().await;
        crate::invariants::check_end(self, &ledger)
    }

    fn open(&self) -> impl Iterator<Item = String> {
        let open = |keyed: &Keyed| matches!(keyed.progress, Progress::Open(_));
        self.keyed.iter().filter(move |(_, keyed)| open(keyed)).map(|(key, _)| key.clone())
    }

    pub fn card(&self) -> Option<Card> {
        self.account.card
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}
