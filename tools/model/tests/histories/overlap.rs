//! Histories whose requests overlap on one account: with each other, the customer, renewals and usage, and with crashes
//! and lost responses.
//!
//! A history is a flat list of moves, so that shrinking can remove each of them.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use model::plans::{Plan, Prices};
use model::{Endpoint, Process, Reply, Request, TableFault, World, Write, deadline};
use proptest::prelude::*;
use serde_json::Value;
use shared::values::sha256_hex;

use crate::account::Account;
use crate::amounts::{self, Books, Report};
use crate::ensure;
use crate::invariants::{BUSY, STATUSES, is_definite};
use crate::ledger::Ledger;
use crate::run::{Asked, Checked, Counts, within_polls};
use crate::steps::{Card, Fault, Quoted, Start, Step, card, fault, plan};

/// History of one account with overlapping requests.
#[derive(Clone, Debug)]
pub struct Overlap {
    pub start: Start,
    pub moves: Vec<Move>,
    /// Determines the delays of requests to Stripe.
    pub seed: u64,
}

#[derive(Clone, Debug)]
pub enum Move {
    /// A request is sent, and polled this often.
    Send { what: What, keyed: bool, polls: u8 },
    /// An earlier request with an idempotency key is sent once more, also while it is running.
    Retry { nth: u8, polls: u8 },
    /// A running request is polled this often.
    Poll { nth: u8, polls: u8 },
    /// The process of a running request crashes.
    Crash(u8),
    /// The leases of ended requests expire.
    Expire,
    /// Something happens that is not a request to the API.
    Event(Step),
    /// The next requests to Stripe that match fail.
    Fault(Fault),
    /// The next writes to the table of this kind fail.
    Table(TableFault),
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    Change(Plan, Quoted),
    Checkout(Plan),
    Preview(Plan),
}

fn what() -> impl Strategy<Value = What> {
    let quoted =
        prop_oneof![4 => Just(Quoted::None), 3 => Just(Quoted::Fresh), 2 => Just(Quoted::Kept)];
    prop_oneof![
        8 => (plan(), quoted).prop_map(|(to, quote)| What::Change(to, quote)),
        1 => plan().prop_map(What::Checkout),
        1 => plan().prop_map(What::Preview),
    ]
}

fn event() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => card().prop_map(Step::Pay),
        3 => card().prop_map(Step::Card),
        3 => any::<bool>().prop_map(Step::Authenticate),
        1 => Just(Step::PayInvoice),
        2 => prop_oneof![2 => 1..20_u16, 2 => 20..30_u16, 1 => 400..800_u16].prop_map(Step::Pass),
        3 => (0..2_u8, 0..3_000_u16).prop_map(|(meter, value)| Step::Usage { meter, value }),
        2 => (-900..2_000_i16).prop_map(Step::Item),
        1 => (-9_000..9_000_i16).prop_map(Step::Balance),
        1 => any::<bool>().prop_map(Step::Cancel),
    ]
}

fn table_fault() -> impl Strategy<Value = TableFault> {
    // The SDK makes three attempts at a write.
    let calls = prop_oneof![1_u8..2, 3_u8..4];
    (prop::sample::select(Write::ALL.to_vec()), 0..2_u8, calls, any::<bool>()).prop_map(
        |(write, after, calls, done)| TableFault { write: Some(write), after, calls, done },
    )
}

fn polls() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 1..40_u8, 1 => Just(u8::MAX)]
}

fn next() -> impl Strategy<Value = Move> {
    prop_oneof![
        8 => (what(), any::<bool>(), polls())
            .prop_map(|(what, keyed, polls)| Move::Send { what, keyed, polls }),
        4 => (any::<u8>(), polls()).prop_map(|(nth, polls)| Move::Retry { nth, polls }),
        8 => (0..4_u8, polls()).prop_map(|(nth, polls)| Move::Poll { nth, polls }),
        3 => (0..4_u8).prop_map(Move::Crash),
        2 => Just(Move::Expire),
        6 => event().prop_map(Move::Event),
        2 => fault().prop_map(Move::Fault),
        2 => table_fault().prop_map(Move::Table),
    ]
}

/// Generates any history.
pub fn overlap() -> impl Strategy<Value = Overlap> {
    let start = prop_oneof![
        1 => Just(Start::Fresh),
        1 => card().prop_map(Start::Customer),
        20 => (plan(), card()).prop_map(|(plan, card)| Start::Subscribed(plan, card)),
    ];
    (start, prop::collection::vec(next(), 4..24), any::<u64>())
        .prop_map(|(start, moves, seed)| Overlap { start, moves, seed })
}

/// Largest number of requests at a time.
const AT_ONCE: usize = 4;

/// Request of a caller, and the responses of its attempts.
pub struct Operation {
    pub asked: Asked,
    /// Definite responses, in order.
    pub replies: Vec<Reply>,
    /// Responses after which the request may be tried again.
    others: Vec<Reply>,
    /// Response that the table replays.
    pub stored: Option<Reply>,
    /// Whether an attempt ended without a definite response.
    pub unclear: bool,
    /// Whether something other than usage has happened during an attempt that may move amounts.
    pub moved: bool,
    /// Whether usage was reported during an attempt.
    pub used: bool,
    /// Number of moves of amounts when its quote was made; `None` without a fresh quote.
    quoted_at: Option<usize>,
}

/// Attempt at an operation.
struct Running {
    operation: usize,
    process: Process,
    work: Pin<Box<dyn Future<Output = Reply>>>,
    /// In milliseconds since 1970.
    deadline: i64,
    /// Whether no other request has run since it began.
    is_alone: bool,
}

struct Race<'a> {
    account: Account<'a>,
    idle: Vec<Process>,
    running: Vec<Running>,
    operations: Vec<Operation>,
    reports: Vec<Report>,
    /// Number of attempts at changes, and of events other than usage: of all that may move the amount of a change.
    moves: usize,
    /// Stripe's faults that wait for a request.
    faults: Vec<Value>,
    /// Whether a fault may make a request fail.
    is_faulty: bool,
    /// Number of Stripe's faults, which may make it refuse a request as one of two at a time.
    stripe_faults: usize,
    /// Whether an ended request may hold a lease.
    may_be_leased: bool,
    /// Fault of the table.
    table: Option<TableFault>,
    /// Whether a bank may have asked for authentication.
    may_authenticate: bool,
    counts: Counts,
    seed: u64,
}

/// Runs a history. The error describes the violated law.
pub async fn run(world: &World, prices: &Prices, history: &Overlap) -> Checked<Counts> {
    let mut race = Race {
        account: Account::new(world, prices, history.start).await,
        idle: Vec::new(),
        running: Vec::new(),
        operations: Vec::new(),
        reports: Vec::new(),
        moves: 0,
        faults: Vec::new(),
        is_faulty: false,
        stripe_faults: 0,
        may_be_leased: false,
        table: None,
        may_authenticate: matches!(
            history.start,
            Start::Customer(Card::Authenticates) | Start::Subscribed(_, Card::Authenticates)
        ),
        counts: Counts::default(),
        seed: history.seed,
    };
    for (at, next) in history.moves.iter().enumerate() {
        let outcome = race.next(next).await;
        outcome.map_err(|violation| format!("at move {at}: {violation}\n{}", race.told()))?;
    }
    let outcome = race.end().await;
    outcome.map_err(|violation| format!("at the end: {violation}\n{}", race.told()))?;
    Ok(race.counts)
}

impl Operation {
    /// Returns whether no response tells what became of the request.
    pub fn is_open(&self) -> bool {
        self.unclear && self.replies.is_empty()
    }

    /// Returns whether the quoted change bills usage at once.
    pub fn bills_usage(&self) -> bool {
        self.asked.shown.as_ref().is_some_and(|(_, preview)| !preview["usage"].is_null())
    }

    fn told(&self) -> String {
        let Self { asked, unclear, moved, used, .. } = self;
        let shown = asked.shown.as_ref().map(|(_, preview)| &preview["prorationAmount"]);
        let replies = self.others.iter().chain(&self.replies);
        let replies: Vec<String> =
            replies.map(|reply| format!("\n    {} {}", reply.status, reply.body)).collect();
        let replies = replies.concat();
        let Request { endpoint, key, .. } = &asked.request;
        format!(
            "  {endpoint:?} {} {} key {key:?} shown {shown:?} unclear {unclear} moved {moved} used {used}{replies}\n",
            asked.plan.tier, asked.plan.interval
        )
    }
}

impl Race<'_> {
    fn told(&self) -> String {
        self.operations.iter().map(Operation::told).collect()
    }

    async fn next(&mut self, next: &Move) -> Checked {
        match next {
            Move::Send { what, keyed, polls } => {
                if self.running.len() < AT_ONCE {
                    let operation = self.ask(*what, *keyed).await;
                    return self.start(operation, Some(*polls)).await;
                }
            }
            Move::Retry { nth, polls } => {
                let keyed: Vec<usize> = self.keyed().collect();
                if !keyed.is_empty() && self.running.len() < AT_ONCE {
                    let operation = keyed[usize::from(*nth) % keyed.len()];
                    return self.start(operation, Some(*polls)).await;
                }
            }
            Move::Poll { nth, polls } => {
                if let Some(running) = self.nth(*nth) {
                    return self.poll(running, Some(*polls)).await;
                }
            }
            Move::Crash(nth) => {
                if let Some(running) = self.nth(*nth) {
                    let crashed = self.running.remove(running);
                    self.operations[crashed.operation].unclear = true;
                    self.may_be_leased = true;
                    self.counts.count("crashed");
                }
            }
            Move::Expire => self.expire(),
            Move::Event(step) => return self.event(step).await,
            Move::Fault(fault) => {
                self.is_faulty = true;
                self.stripe_faults += 1;
                self.faults.push(Account::fault(fault));
            }
            Move::Table(fault) => {
                self.is_faulty = true;
                self.table = Some(*fault);
                self.account.world.table.set_fault(Some(*fault));
            }
        }
        Ok(())
    }

    fn keyed(&self) -> impl Iterator<Item = usize> {
        let keyed = |operation: &Operation| operation.asked.request.key.is_some();
        (0..self.operations.len()).filter(move |nth| keyed(&self.operations[*nth]))
    }

    fn nth(&self, nth: u8) -> Option<usize> {
        usize::from(nth).checked_rem(self.running.len())
    }

    /// Adds an operation.
    async fn ask(&mut self, what: What, keyed: bool) -> usize {
        let unquoted = |request, to| Asked { request, plan: to, quoted: Quoted::None, shown: None };
        let mut asked = match what {
            What::Change(to, quote) => self.account.ask_change(to, quote).await,
            What::Checkout(to) => unquoted(self.account.request(Endpoint::Checkout, to, None), to),
            What::Preview(to) => unquoted(self.account.request(Endpoint::Preview, to, None), to),
        };
        // A change that settles another one first swaps its metered prices, and the quote was about other items.
        let is_left =
            self.account.is_change_left() && self.account.ledger().await.pending.is_none();
        let is_fresh = asked.quoted == Quoted::Fresh && self.running.is_empty() && !is_left;
        let nth = self.operations.len();
        let keyed = keyed && asked.request.endpoint != Endpoint::Preview;
        asked.request.key = keyed.then(|| format!("key-{nth}"));
        self.operations.push(Operation {
            asked,
            replies: Vec::new(),
            others: Vec::new(),
            stored: None,
            unclear: false,
            moved: false,
            used: false,
            quoted_at: is_fresh.then_some(self.moves),
        });
        nth
    }

    /// Starts an attempt at an operation.
    async fn start(&mut self, operation: usize, polls: Option<u8>) -> Checked {
        let world = self.account.world;
        let process = if let Some(process) = self.idle.pop() {
            process
        } else {
            self.seed = self.seed.wrapping_add(0x5851_f42d_4c95_7f2d);
            world.process(self.seed).await
        };
        let request = self.operations[operation].asked.request.clone();
        self.moves += usize::from(request.endpoint == Endpoint::Change);
        let (id, sender) = (world.number(), process.clone());
        let work = Box::pin(async move { sender.send(&request, id).await });
        let deadline = i64::try_from(deadline(id)).unwrap_or(i64::MAX);
        let is_alone = self.running.is_empty();
        for running in &mut self.running {
            running.is_alone = false;
        }
        self.running.push(Running { operation, process, work, deadline, is_alone });
        self.poll(self.running.len() - 1, polls).await
    }

    /// Polls a running request this often, or until it ends.
    async fn poll(&mut self, running: usize, polls: Option<u8>) -> Checked {
        let stripe = &self.account.world.stripe;
        // Requests of the test never meet a fault.
        for fault in &self.faults {
            stripe.add_fault(fault).await;
        }
        let reply = within_polls(&mut self.running[running].work, polls).await;
        if !self.faults.is_empty() {
            self.faults = stripe.faults().await;
            stripe.clear_faults().await;
        }
        let Some(reply) = reply else { return Ok(()) };
        let ended = self.running.remove(running);
        let is_free = ended.is_alone && !self.may_be_leased;
        // Another write may have failed to release a lease.
        let begins = [Write::Claim, Write::TakeOver, Write::Acquire].map(Some);
        self.may_be_leased |= self.table.is_some_and(|fault| !begins.contains(&fault.write));
        self.idle.push(ended.process);
        self.ended(ended.operation, reply, is_free)
    }

    /// Checks the response of an attempt. `is_free`: no other request was running or held a lease.
    fn ended(&mut self, operation: usize, reply: Reply, is_free: bool) -> Checked {
        let is_calm = is_free && !self.is_faulty;
        let answer = self.stored_answer(operation);
        let operation = &mut self.operations[operation];
        let Asked { request, plan, .. } = &operation.asked;
        let replayed = if reply.replayed { " replayed" } else { "" };
        let error = reply.error();
        self.counts.count(format!("{:?} {} {error}{replayed}", request.endpoint, reply.status));
        ensure!(STATUSES.contains(&reply.status), "{} is not in the contract", reply.status);
        ensure!(reply.status != 500, "a bug: {}", reply.body);
        ensure!(
            self.is_faulty || reply.status < 500,
            "a 5xx without a fault: {} {}",
            reply.status,
            reply.body
        );
        if !is_definite(&reply) {
            // A waiting change that the customer pays for meanwhile is another change, too.
            let is_alone = is_free && !operation.moved;
            ensure!(!is_calm || !is_alone, "no response: {} {error}", reply.status);
            ensure!(
                !BUSY.contains(&&*error) || !is_alone || self.stripe_faults > 0,
                "{error}, but nothing is in progress"
            );
            let is_unclear = reply.status >= 500 || reply.status == 429;
            operation.unclear |= is_unclear;
            self.may_be_leased |= is_unclear;
            operation.others.push(reply);
            return Ok(());
        }
        if request.endpoint == Endpoint::Preview && reply.status == 200 {
            self.account.last_preview = Some((*plan, reply.json()));
        }
        if error == "quote_changed" && !operation.bills_usage() {
            ensure!(
                operation.quoted_at.is_none_or(|at| self.moves > at + 1),
                "quote_changed, but nothing has moved the amount"
            );
        }
        if let Some(first) = &operation.stored {
            // The attempt that stored the response may end after another one that replays it.
            ensure!(
                (reply.status, &reply.body) == (first.status, &first.body)
                    && (reply.replayed || !is_calm),
                "not a replay: {} {}, first {} {}",
                reply.status,
                reply.body,
                first.status,
                first.body
            );
            return Ok(());
        }
        if let Some(answer) = answer {
            ensure!(answer == reply.body, "stored {answer}\nanswered {}", reply.body);
            operation.stored = Some(reply.clone());
        }
        operation.replies.push(reply);
        Ok(())
    }

    /// Returns the body that the table has stored for the operation.
    fn stored_answer(&self, operation: usize) -> Option<String> {
        let key = self.operations[operation].asked.request.key.as_ref()?;
        let pk = format!("IDEMPOTENCY#{}", self.account.id);
        let item = self.account.world.table.item(&pk, &sha256_hex(key))?;
        item["answer"]["S"].as_str().map(str::to_owned)
    }

    /// Lets the leases of ended requests expire: a request ends before its lease does.
    fn expire(&mut self) {
        self.may_be_leased &= !self.running.is_empty();
        let until = self.running.iter().map(|running| running.deadline).min();
        // Less than the difference of two requests' deadlines.
        let until = until.map_or(i64::MAX, |until| until - 5);
        self.account.world.table.expire_leases(until);
    }

    async fn event(&mut self, step: &Step) -> Checked {
        let running: Vec<usize> = self.running.iter().map(|running| running.operation).collect();
        for (nth, operation) in self.operations.iter_mut().enumerate() {
            // Stripe may execute the request of a crashed process late.
            let is_meanwhile = running.contains(&nth) || operation.is_open();
            match step {
                Step::Card(_) => {}
                Step::Usage { .. } => operation.used |= is_meanwhile,
                _ => operation.moved |= is_meanwhile,
            }
        }
        if let Step::Usage { meter, value } = step {
            let report = Report::of(&self.account, *meter, *value).await;
            if report.is_before_all() {
                return self.use_up_before(*meter, *value, report).await;
            }
            self.reports.push(report);
        } else {
            self.moves += 1;
        }
        let is_bank =
            matches!(step, Step::Card(Card::Authenticates) | Step::Pay(Card::Authenticates));
        self.may_authenticate |= is_bank;
        let before = match step {
            Step::Card(_) | Step::Pass(_) | Step::Usage { .. } | Step::Balance(_) => {
                Ledger::default()
            }
            _ => self.account.ledger().await,
        };
        self.account.happen(step, &before).await;
        if matches!(step, Step::Pay(_)) {
            ensure!(self.account.ledger().await.live <= 1, "two subscriptions");
        }
        Ok(())
    }

    /// Reports usage before there is a subscription. Stripe bills that of the second in which the subscription starts.
    async fn use_up_before(&mut self, meter: u8, value: u16, report: Report) -> Checked {
        if self.account.has_clock() {
            self.account.use_up(meter, value).await;
            self.account.pass(1).await;
            self.reports.push(report);
        }
        Ok(())
    }

    /// Sends a request without a fault and without another one at the same time.
    async fn send_alone(&mut self, operation: usize) -> Checked {
        self.start(operation, None).await?;
        self.rest().await;
        Ok(())
    }

    /// Waits longer than any request to Stripe in progress, and than any lease.
    async fn rest(&mut self) {
        tokio::time::sleep(Duration::from_mins(3)).await;
        self.expire();
    }

    /// Ends all requests, retries those with a key until they have a response, settles the rest with one more change,
    /// and checks the laws.
    async fn end(&mut self) -> Checked {
        self.account.world.table.set_fault(None);
        self.table = None;
        self.faults.clear();
        while !self.running.is_empty() {
            self.poll(0, None).await?;
        }
        self.rest().await;
        for operation in self.keyed().collect::<Vec<_>>() {
            for _ in 0..4 {
                if self.operations[operation].stored.is_none() {
                    // Stripe replays failures.
                    self.is_faulty = true;
                    self.send_alone(operation).await?;
                }
            }
            ensure!(self.operations[operation].stored.is_some(), "it never completes");
        }
        if self.account.ledger().await.pending.is_some() {
            let books = Books::of(&self.account).await;
            amounts::check_pending(&books, &self.operations, false)?;
        }
        let is_settled = self.settle().await?;
        let before = self.account.ledger().await;
        self.is_faulty = false;
        for operation in self.keyed().collect::<Vec<_>>() {
            self.send_alone(operation).await?;
        }
        let after = self.account.ledger().await;
        ensure!(after == before, "a replay had an effect: was {before:#?}\nis {after:#?}");
        ensure!(after.open_sessions.len() <= 1, "two open sessions");
        let books = Books::of(&self.account).await;
        amounts::check(&books, &self.account, &self.operations)?;
        if is_settled {
            self.counts.count("settled");
            amounts::check_pending(&books, &self.operations, true)?;
            amounts::check_settled(&books, &self.account, &self.reports)?;
            ensure!(
                after.pending.is_some() || !self.account.is_change_left(),
                "the journal has an operation that is over"
            );
        }
        amounts::check_void(&books, &self.operations, self.may_authenticate)
    }

    /// Changes the plan once more, which settles what interrupted requests have left. Returns whether the customer's
    /// subscription could be changed.
    async fn settle(&mut self) -> Checked<bool> {
        let ledger = self.account.ledger().await;
        self.account.happen(&Step::Cancel(false), &ledger).await;
        let base = |plan: Plan| &self.account.prices_of(plan)[0];
        let other = Plan::ALL.into_iter().rev().find(|plan| !ledger.prices.contains(base(*plan)));
        let other = other.expect("more than one plan");
        let operation = self.ask(What::Change(other, Quoted::None), false).await;
        self.is_faulty = false;
        self.send_alone(operation).await?;
        let reply = self.operations[operation].replies.first();
        let Some(reply) = reply else { return Err("the last change is not answered".to_owned()) };
        let error = reply.error();
        ensure!(
            [200, 402].contains(&reply.status)
                || ["no_subscription", "subscription_not_changeable"].contains(&&*error),
            "the last change: {} {}",
            reply.status,
            reply.body
        );
        Ok(reply.status != 409)
    }
}
