//! Histories of changes at the end of the period: scheduled, dropped, interrupted, repeated, and taking effect.
//!
//! One request at a time, so that the state at Stripe before and after each of them says what it did.

use std::time::Duration;

use model::plans::{Plan, Prices};
use model::{Endpoint, Process, Reply, Request, World};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::account::Account;
use crate::ensure;
use crate::invariants::{BUSY, STATUSES, is_definite};
use crate::ledger::{list, number};
use crate::run::{Checked, Counts, text, within_polls};
use crate::steps::{Card, Fault, Start, fault_at, plan};

/// History of one subscription.
#[derive(Clone, Debug)]
pub struct Later {
    pub plan: Plan,
    pub moves: Vec<Move>,
    /// Determines the delays of requests to Stripe.
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub enum Move {
    /// A request is sent, with an idempotency key or without.
    Send { what: What, keyed: bool, trouble: Trouble },
    /// An earlier request with an idempotency key is sent once more.
    Retry { nth: u8, trouble: Trouble },
    /// The customer's default card changes.
    Card(bool),
    /// The customer cancels at the end of the period (true), or undoes that.
    Cancel(bool),
    /// The current period ends (true), or some hours pass.
    Pass(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// A change at the end of the period.
    Schedule(Plan),
    /// A change now.
    Change(Plan),
    /// Dropping what is pending.
    Drop,
}

/// Disturbances of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Number of polls after which the process crashes.
    pub crash: Option<u8>,
    pub faults: Vec<Fault>,
}

impl Trouble {
    fn is_none(&self) -> bool {
        self.crash.is_none() && self.faults.is_empty()
    }
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let places = vec![
        ("/v1/", "GET"),
        ("/v1/", "POST"),
        ("/v1/subscription_schedules", "POST"),
        ("/v1/subscription_schedules/sub_sched", "POST"),
        ("/v1/subscriptions/", "POST"),
        ("/v1/invoices/in_", "POST"),
    ];
    let rough =
        (prop::option::weighted(0.6, 1..90_u8), prop::collection::vec(fault_at(places), 0..3));
    let rough = rough.prop_map(|(crash, faults)| Trouble { crash, faults });
    prop_oneof![3 => Just(Trouble::default()), 4 => rough]
}

fn next() -> impl Strategy<Value = Move> {
    let what = prop_oneof![
        4 => plan().prop_map(What::Schedule),
        3 => plan().prop_map(What::Change),
        3 => Just(What::Drop),
    ];
    prop_oneof![
        9 => (what, any::<bool>(), trouble())
            .prop_map(|(what, keyed, trouble)| Move::Send { what, keyed, trouble }),
        3 => (any::<u8>(), trouble()).prop_map(|(nth, trouble)| Move::Retry { nth, trouble }),
        2 => any::<bool>().prop_map(Move::Card),
        1 => any::<bool>().prop_map(Move::Cancel),
        2 => any::<bool>().prop_map(Move::Pass),
    ]
}

/// Generates any history.
pub fn later() -> impl Strategy<Value = Later> {
    (plan(), prop::collection::vec(next(), 1..12), any::<u64>())
        .prop_map(|(plan, moves, seed)| Later { plan, moves, seed })
}

/// A subscription, and the changes that are pending.
#[derive(Clone, Debug, PartialEq)]
struct View {
    plan: Option<Plan>,
    status: String,
    /// Plan of a phase that has not begun.
    scheduled: Option<Plan>,
    /// Plan of a pending update.
    waits: Option<Plan>,
    /// Unix seconds.
    ends: Option<i64>,
    /// Number of invoices that are paid or open, and their sum in cents.
    invoices: (usize, i64),
    /// All that a change leaves as it is.
    kept: Value,
}

impl View {
    fn is_pending(&self) -> bool {
        self.scheduled.is_some() || self.waits.is_some() || self.ends.is_some()
    }

    /// Returns the view once the first of what is pending is dropped, in the order of `DELETE`.
    fn dropped(&self) -> Self {
        let mut view = self.clone();
        if view.waits.take().is_none() && view.scheduled.take().is_none() {
            view.ends = None;
        }
        view
    }

    /// Returns the view without what a change charges.
    fn unpriced(&self) -> Self {
        Self { invoices: (0, 0), ..self.clone() }
    }
}

/// A request, and its progress.
struct Operation {
    what: What,
    request: Request,
    /// Whether an attempt without a definite response has taken effect.
    has_happened: bool,
    /// Whether it waited for its payment in vain.
    has_lapsed: bool,
    is_unclear: bool,
    /// The response that is replayed.
    stored: Option<Reply>,
}

struct Walk<'a> {
    account: Account<'a>,
    subscription: String,
    process: Option<Process>,
    operations: Vec<Operation>,
    seed: u64,
    counts: Counts,
}

/// Runs a history. The error describes the violated law.
pub async fn run(world: &World, prices: &Prices, history: &Later) -> Checked<Counts> {
    let account = Account::new(world, prices, Start::Subscribed(history.plan, Card::Good)).await;
    let customer = account.customer.clone().unwrap_or_default();
    let all = world.stripe.get(&format!("/subscriptions?customer={customer}")).await;
    let subscription = text(&all["data"][0]["id"]);
    let form = [("metadata[team]", "blue"), ("description", "Ours")];
    world.stripe.post(&format!("/subscriptions/{subscription}"), &form).await;
    let mut walk = Walk {
        account,
        subscription,
        process: None,
        operations: Vec::new(),
        seed: history.seed,
        counts: Counts::default(),
    };
    for (at, next) in history.moves.iter().enumerate() {
        walk.next(next).await.map_err(|violation| format!("at move {at}: {violation}"))?;
    }
    walk.end().await.map_err(|violation| format!("at the end: {violation}"))?;
    Ok(walk.counts)
}

impl Walk<'_> {
    async fn view(&self) -> View {
        let stripe = &self.account.world.stripe;
        let one = stripe.get(&format!("/subscriptions/{}", self.subscription)).await;
        let ids = |items: &Value, price: fn(&Value) -> &Value| -> Vec<String> {
            items.as_array().into_iter().flatten().map(|item| text(price(item))).collect()
        };
        let of_items =
            |items: &Value| self.account.plan_of(&ids(items, |item| &item["price"]["id"]));
        let mut scheduled = None;
        if let Some(schedule) = one["schedule"].as_str() {
            let schedule = stripe.get(&format!("/subscription_schedules/{schedule}")).await;
            let phases = schedule["phases"].as_array().cloned().unwrap_or_default();
            let now = self.account.now();
            let next = phases.iter().find(|phase| number(&phase["start_date"]) > now);
            scheduled = next.and_then(|phase| {
                self.account.plan_of(&ids(&phase["items"], |item| &item["price"]))
            });
        }
        let customer = self.account.customer.as_deref().unwrap_or_default();
        let invoices = stripe.get(&format!("/invoices?customer={customer}&limit=100")).await;
        let counted = list(&invoices);
        let counted = counted.iter().filter(|invoice| invoice["status"] == "paid");
        let amounts: Vec<i64> = counted.map(|invoice| number(&invoice["total"])).collect();
        View {
            plan: of_items(&one["items"]["data"]),
            status: text(&one["status"]),
            scheduled,
            waits: of_items(&one["pending_update"]["subscription_items"]),
            ends: one["cancel_at"].as_i64(),
            invoices: (amounts.len(), amounts.iter().sum()),
            kept: json!([one["metadata"]["team"], one["description"], one["discounts"]]),
        }
    }

    async fn next(&mut self, next: &Move) -> Checked {
        match next {
            Move::Send { what, keyed, trouble } => {
                let number = self.operations.len();
                let mut request = self.request(*what);
                request.key = keyed.then(|| format!("key-{number}"));
                self.operations.push(Operation {
                    what: *what,
                    request,
                    has_happened: false,
                    has_lapsed: false,
                    is_unclear: false,
                    stored: None,
                });
                self.attempt(number, trouble).await
            }
            Move::Retry { nth, trouble } => {
                let keyed: Vec<usize> = self.keyed().collect();
                match usize::from(*nth).checked_rem(keyed.len()) {
                    Some(nth) => self.attempt(keyed[nth], trouble).await,
                    None => Ok(()),
                }
            }
            Move::Card(is_good) => {
                self.account.give(if *is_good { Card::Good } else { Card::Authenticates }).await;
                Ok(())
            }
            Move::Cancel(cancel) => {
                // Stripe refuses it for a subscription with a schedule.
                let at = if *cancel { "max_period_end" } else { "" };
                let path = format!("/subscriptions/{}", self.subscription);
                self.account.world.stripe.try_post(&path, &[("cancel_at", at)]).await;
                Ok(())
            }
            Move::Pass(is_over) => self.pass(*is_over).await,
        }
    }

    fn keyed(&self) -> impl Iterator<Item = usize> {
        let keyed = |operation: &Operation| operation.request.key.is_some();
        (0..self.operations.len()).filter(move |nth| keyed(&self.operations[*nth]))
    }

    fn request(&self, what: What) -> Request {
        match what {
            What::Schedule(to) => {
                let mut request = self.account.request(Endpoint::Change, to, None);
                request.body["effective"] = json!("period_end");
                request
            }
            What::Change(to) => self.account.request(Endpoint::Change, to, None),
            What::Drop => {
                let request = self.account.request(Endpoint::Cancel, Plan::ALL[0], None);
                Request { body: json!({}), ..request }
            }
        }
    }

    /// Lets time pass: a scheduled change takes effect at the end of the period and not before.
    async fn pass(&mut self, is_over: bool) -> Checked {
        let before = self.view().await;
        if before.status != "active" {
            return Ok(());
        }
        let path = format!("/subscriptions/{}", self.subscription);
        let one = self.account.world.stripe.get(&path).await;
        let end = number(&one["items"]["data"][0]["current_period_end"]);
        let hours = if is_over { (end - self.account.now()) / 3_600 + 2 } else { 30 };
        if !is_over && self.account.now() + hours * 3_600 >= end {
            return Ok(());
        }
        self.account.pass(hours * 3_600).await;
        if before.waits.is_some() && self.view().await.waits.is_none() {
            self.forget_lapsed(before.waits);
        }
        if self.account.now() < end {
            // Stripe refuses to advance that far at once.
            return Ok(());
        }
        let after = self.view().await;
        if before.ends.is_some_and(|ends| ends <= end) {
            ensure!(after.status == "canceled", "it was to end: {before:?} {after:?}");
            return Ok(());
        }
        self.counts.count("a period ended");
        let expected = before.scheduled.or(before.plan);
        ensure!(after.plan == expected, "the period has ended: {before:?} {after:?}");
        ensure!(after.scheduled.is_none(), "it is still scheduled: {before:?} {after:?}");
        ensure!(after.kept == before.kept, "not kept: {before:?} {after:?}");
        if before.scheduled.is_some() {
            self.counts.count("a scheduled change took effect");
        }
        Ok(())
    }

    /// Lets the change that waited be made again by its retry.
    fn forget_lapsed(&mut self, waited: Option<Plan>) {
        for operation in &mut self.operations {
            if let What::Change(to) = operation.what
                && Some(to) == waited
            {
                operation.has_lapsed |= operation.has_happened;
                operation.has_happened = false;
            }
        }
    }

    /// Makes an attempt at an operation, and checks what it did.
    async fn attempt(&mut self, nth: usize, trouble: &Trouble) -> Checked {
        let before = self.view().await;
        let is_left = self.account.is_change_left();
        let reply = self.send(nth, trouble).await;
        let after = self.view().await;
        let checked = self.check(nth, trouble, is_left, reply.as_ref(), (&before, &after));
        let Operation { what, request, .. } = &self.operations[nth];
        checked.map_err(|violation| {
            let key = &request.key;
            format!("{violation}\n{what:?} {key:?}\nreply {reply:?}\nbefore {before:#?}\nafter {after:#?}")
        })
    }

    async fn send(&mut self, nth: usize, trouble: &Trouble) -> Option<Reply> {
        let world = self.account.world;
        let process = if let Some(process) = self.process.take() {
            process
        } else {
            self.seed = self.seed.wrapping_add(0x5851_f42d_4c95_7f2d);
            world.process(self.seed).await
        };
        for fault in &trouble.faults {
            world.stripe.add_fault(&Account::fault(fault)).await;
        }
        let work = process.send(&self.operations[nth].request, world.number());
        let reply = within_polls(work, trouble.crash).await;
        if reply.is_some() {
            self.process = Some(process);
        }
        // Longer than any request to Stripe in progress, and than any lease.
        tokio::time::sleep(Duration::from_mins(3)).await;
        world.stripe.clear_faults().await;
        world.table.expire_leases(i64::MAX);
        reply
    }

    fn check(
        &mut self,
        nth: usize,
        trouble: &Trouble,
        is_left: bool,
        reply: Option<&Reply>,
        (before, after): (&View, &View),
    ) -> Checked {
        let operation = &mut self.operations[nth];
        let name = reply.map_or("crashed".to_owned(), |reply| {
            let replayed = if reply.replayed { " replayed" } else { "" };
            let what = match operation.what {
                What::Schedule(_) => "schedule",
                What::Change(_) => "change",
                What::Drop => "drop",
            };
            format!("{what} {} {}{replayed}", reply.status, reply.error())
        });
        self.counts.count(name);
        ensure!(after.kept == before.kept, "not kept");
        if let Some(reply) = reply {
            ensure!(STATUSES.contains(&reply.status), "{} is not in the contract", reply.status);
            ensure!(reply.status != 500, "a bug");
            ensure!(!trouble.is_none() || reply.status < 500, "a 5xx without a fault");
            let is_busy = BUSY.contains(&&*reply.error());
            ensure!(!trouble.is_none() || !is_busy, "nothing is in progress");
        }
        let effect = effect(operation.what, before, after);
        let Some(reply) = reply.filter(|reply| is_definite(reply)) else {
            // It has taken effect or not; another change that waited may be withdrawn for it.
            let is_withdrawn = View { waits: None, ..before.clone() } == *after;
            ensure!(before == after || effect || is_withdrawn, "neither before nor after");
            ensure!(!operation.has_happened || before == after, "it took effect again");
            operation.has_happened |= before != after && effect;
            operation.is_unclear = true;
            return Ok(());
        };
        if let Some(first) = &operation.stored {
            ensure!(reply.body == first.body && reply.replayed, "not a replay of {}", first.body);
            ensure!(before == after, "a replay had an effect");
            return Ok(());
        }
        let has_happened = operation.has_happened;
        if operation.request.key.is_some() {
            operation.stored = Some(reply.clone());
        }
        let error = reply.error();
        if has_happened {
            ensure!(before == after, "it took effect again");
            // A change that waits for the customer is no success.
            let waits = ["payment_action_required", "payment_failed"].contains(&&*error);
            ensure!(reply.status == 200 || waits, "it took effect in an earlier attempt");
            return Ok(());
        }
        match (operation.what, reply.status, error.as_str()) {
            (What::Drop, 200, _) => {
                ensure!(effect && before.is_pending(), "nothing was dropped");
            }
            (_, 200, _) => ensure!(effect, "a success without its effect"),
            (What::Change(_), 402, "payment_action_required") => {
                let was_told = operation.has_lapsed && reply.replayed;
                ensure!(after.waits.is_some() || was_told, "nothing waits");
            }
            (What::Change(_), 402, _) => ensure!(
                View { waits: None, ..before.clone() } == *after || before == after,
                "a decline had an effect"
            ),
            _ => ensure!(before == after, "a rejection had an effect"),
        }
        // A predictable response.
        if is_left || operation.is_unclear || before.status != "active" {
            return Ok(());
        }
        let expected = match operation.what {
            What::Drop if before.is_pending() => "",
            What::Drop => "no_pending_change",
            What::Schedule(to) | What::Change(to) if before.plan == Some(to) => "already_on_plan",
            _ if before.ends.is_some() || before.scheduled.is_some() => {
                "subscription_not_changeable"
            }
            What::Schedule(_) => "",
            What::Change(_) => return Ok(()),
        };
        // Several reasons to refuse may hold at a time.
        let is_other = expected == "already_on_plan" && error == "subscription_not_changeable";
        ensure!(error == expected || is_other, "expected {expected:?}");
        Ok(())
    }

    /// Retries all open requests without trouble, drops what is pending, and checks that nothing is left.
    async fn end(&mut self) -> Checked {
        let calm = Trouble::default();
        for operation in self.keyed().collect::<Vec<_>>() {
            for _ in 0..4 {
                if self.operations[operation].stored.is_none() {
                    self.attempt(operation, &calm).await?;
                }
            }
            ensure!(self.operations[operation].stored.is_some(), "it never completes");
            self.attempt(operation, &calm).await?;
        }
        let last = Move::Send { what: What::Drop, keyed: false, trouble: Trouble::default() };
        // Settles what was interrupted, and drops a waiting change, a scheduled one and a cancellation.
        for _ in 0..4 {
            self.next(&last).await?;
        }
        let view = self.view().await;
        ensure!(view.status != "active" || !view.is_pending(), "something is pending: {view:?}");
        let customer = self.account.customer.as_deref().unwrap_or_default();
        let path = format!("/subscription_schedules?customer={customer}&limit=100");
        let all = self.account.world.stripe.get(&path).await;
        for schedule in list(&all).iter().filter(|schedule| schedule["status"] == "active") {
            // The schedule of a change that took effect stays until the end of its phase, or the next change.
            let is_ours = schedule["metadata"]["cantila_operation"].is_string();
            ensure!(is_ours, "a schedule without its phase is left: {schedule}");
        }
        Ok(())
    }
}

/// Returns whether `after` is `before` with the effect of the operation.
fn effect(what: What, before: &View, after: &View) -> bool {
    match what {
        What::Schedule(to) => {
            let expected = View { scheduled: Some(to), ..before.clone() };
            // A change that waited is withdrawn for it.
            *after == expected || *after == View { waits: None, ..expected }
        }
        What::Change(to) => {
            let expected = View { waits: None, ..before.unpriced() };
            let applied = View { plan: Some(to), ..expected.clone() };
            let waits = View { waits: Some(to), ..expected };
            [applied, waits].contains(&after.unpriced())
        }
        What::Drop => *after == before.dropped(),
    }
}
