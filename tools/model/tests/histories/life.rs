//! A history as it is lived, step by step, and what must hold after each step and in the end.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use model::plans::{Plan, Prices};
use model::{Endpoint, Process, Reply, Request, World};
use serde_json::{Value, json};
use shared::values::token::Bounds;

use crate::account::Account;
use crate::expected::Expected;
use crate::ledger::Ledger;
use crate::steps::{Card, History, Quoted, Step, Troubles};

/// What the law says is broken.
pub type Lawful<T = ()> = Result<T, String>;

#[macro_export]
macro_rules! law {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}

/// A request with an idempotency key, and how far it has come.
pub struct Keyed {
    pub asked: Asked,
    pub progress: Progress,
}

/// A request, and what it is about.
#[derive(Clone)]
pub struct Asked {
    pub request: Request,
    pub plan: Plan,
    pub quoted: Quoted,
    /// The preview that its quote is of, and for which plan.
    pub shown: Option<(Plan, Value)>,
}

pub enum Progress {
    /// Nobody has heard what came of it.
    Open(Box<Begun>),
    Done(Reply),
}

/// A change that was made, and its invoice, if there is one.
#[derive(Clone, Debug)]
pub struct Made(pub Option<String>);

/// A request that may have been carried out, wholly or in part.
#[derive(Clone, Default)]
pub struct Begun {
    /// What was before, as long as nothing else has happened.
    pub before: Option<Ledger>,
    /// The change, if it was made.
    pub made: Option<Made>,
    /// The change waits, or waited, for this invoice.
    pub waits: Option<String>,
    /// What was answered, if the table may not have kept it.
    pub told: Option<String>,
    /// The refusals that nobody may have heard, and the table has kept.
    pub unheard: Vec<(u16, &'static str)>,
}

/// How often what was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen(pub BTreeMap<String, u32>);

impl Seen {
    pub fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what.clone()).or_default() += times;
        }
    }
}

pub struct Life<'a> {
    pub account: Account<'a>,
    processes: Vec<Process>,
    pub keyed: BTreeMap<String, Keyed>,
    /// The last preview, and what for.
    kept: Option<(Plan, Value)>,
    /// Which request each invoice of a change is for.
    pub charged: BTreeMap<String, String>,
    /// A request without a key was cut off on its way: nobody goes on with it.
    pub cut_off: bool,
    /// Stripe has dropped a change that waited too long, and with it what else was on its invoice.
    pub expired: bool,
    pub seen: Seen,
    seed: u64,
    known: Option<Ledger>,
}

/// Lives the history. The error says which law was broken at which step.
pub async fn live(world: &World, prices: &Prices, history: &History) -> Lawful<Seen> {
    let account = Account::new(world, prices, history.start).await;
    let mut life = Life {
        account,
        processes: Vec::new(),
        keyed: BTreeMap::new(),
        kept: None,
        charged: BTreeMap::new(),
        cut_off: false,
        expired: false,
        seen: Seen::default(),
        seed: history.seed,
        known: None,
    };
    for (at, step) in history.steps.iter().enumerate() {
        life.step(step).await.map_err(|broken| format!("at step {at}: {broken}"))?;
    }
    life.end().await.map_err(|broken| format!("in the end: {broken}"))?;
    Ok(life.seen)
}

/// Polled so often and no more: whatever it was waiting for then, it never hears of it.
async fn within_polls<T>(work: impl Future<Output = T>, most: Option<u8>) -> Option<T> {
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

impl Life<'_> {
    async fn step(&mut self, step: &Step) -> Lawful {
        match step {
            Step::Change { to, quote, key, trouble } => {
                self.change(*to, *quote, *key, trouble).await
            }
            Step::Checkout { to, key, trouble } => {
                let request = self.account.request(Endpoint::Checkout, *to, None);
                let asked = Asked { request, plan: *to, quoted: Quoted::None, shown: None };
                self.send(asked, *key, trouble).await
            }
            Step::Again { nth, other, trouble } => self.again(*nth, *other, trouble).await,
            _ => {
                self.aside(step).await;
                Ok(())
            }
        }
    }

    /// What Stripe has; asked for once after each step.
    async fn look(&mut self) -> Ledger {
        if self.known.is_none() {
            self.known = Some(self.account.ledger().await);
        }
        self.known.clone().unwrap_or_default()
    }

    /// What is none of our doing.
    async fn aside(&mut self, step: &Step) {
        let before = self.look().await;
        match step {
            Step::Pay(card) => {
                if let Some(session) = before.open_sessions.first() {
                    self.account.pay(session, *card).await;
                }
            }
            Step::Card(card) => self.account.give(*card).await,
            Step::Authenticate(succeed) => {
                if let Some(pending) = &before.pending {
                    self.account.authenticate(*succeed, pending).await;
                }
            }
            Step::Pass(hours) => self.account.pass(i64::from(*hours) * 3_600).await,
            Step::Usage { meter, value } => self.account.use_up(*meter, *value).await,
            Step::Item(amount) => {
                if let Some(subscription) = before.subscription.clone() {
                    self.account.order(*amount, &subscription).await;
                }
            }
            Step::Balance(amount) => self.account.balance(*amount).await,
            Step::Change { .. } | Step::Checkout { .. } | Step::Again { .. } => {}
        }
        self.something_else_happened(None);
        self.known = None;
        let after = self.look().await;
        self.note_paid(&before, &after);
    }

    /// A change that waited was paid for by the customer, or Stripe has dropped it.
    fn note_paid(&mut self, before: &Ledger, after: &Ledger) {
        for invoice in after.changes_since(before) {
            self.seen.note("a change was paid for later");
            for keyed in self.keyed.values_mut() {
                if let Progress::Open(begun) = &mut keyed.progress
                    && begun.waits.as_ref() == Some(&invoice)
                {
                    begun.made = Some(Made(Some(invoice.clone())));
                }
            }
            self.charged.entry(invoice).or_insert_with(|| "paid later".to_owned());
        }
        let is_void =
            |id: &String| after.invoices.get(id).is_some_and(|invoice| invoice.status == "void");
        if before.pending.as_ref().is_some_and(is_void) {
            self.seen.note("a change has expired");
            self.expired = true;
        }
    }

    /// What is open cannot be held to what was before it any more.
    fn something_else_happened(&mut self, but: Option<&str>) {
        for (key, keyed) in &mut self.keyed {
            if let Progress::Open(begun) = &mut keyed.progress
                && but != Some(key)
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
        trouble: &Troubles,
    ) -> Lawful {
        let mut quoted = quote;
        if matches!(quoted, Quoted::Fresh | Quoted::Expired) {
            let preview = self.account.request(Endpoint::Preview, to, None);
            let id = self.account.world.number();
            let reply = self.account.observer.ask(&preview, id).await;
            if reply.status == 200 {
                self.kept = Some((to, reply.json()));
            } else {
                quoted = Quoted::None;
            }
        }
        let shown = self.kept.clone().filter(|_| quoted != Quoted::None);
        let token = shown.as_ref().map(|(_, preview)| text(&preview["quote"]));
        let token = match quoted {
            Quoted::Expired => token.map(|token| self.aged(&token)),
            _ => token,
        };
        let request = self.account.request(Endpoint::Change, to, token.as_deref());
        self.send(Asked { request, plan: to, quoted, shown }, key, trouble).await
    }

    /// The quote as it would be 15 minutes later.
    fn aged(&self, token: &str) -> String {
        let (keys, account) = (self.account.world.quote_keys(), self.account.id.as_str());
        let bounds = || Bounds { purpose: "quote", account };
        let quote = keys.open(bounds(), token).expect("ours");
        let mut quote: Value = serde_json::from_slice(&quote).expect("JSON");
        quote["issued_at"] = json!(quote["issued_at"].as_i64().expect("a moment") - 15 * 60);
        keys.seal(bounds(), quote.to_string().as_bytes())
    }

    async fn again(&mut self, nth: u8, other: Option<Plan>, trouble: &Troubles) -> Lawful {
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
        self.send_as(asked, Some(key), trouble).await
    }

    async fn send(&mut self, asked: Asked, key: Option<u8>, trouble: &Troubles) -> Lawful {
        let key = key.map(|key| format!("key-{key}"));
        // What is open is sent again as it was: another body might be the first to get there.
        let asked = match key.as_ref().and_then(|key| self.keyed.get(key)) {
            Some(Keyed { progress: Progress::Open(_), asked }) => asked.clone(),
            _ => asked,
        };
        self.send_as(asked, key, trouble).await
    }

    /// Sends it, lets go wrong what is to, and holds what came of it to the law.
    async fn send_as(
        &mut self,
        mut asked: Asked,
        key: Option<String>,
        trouble: &Troubles,
    ) -> Lawful {
        asked.request.key.clone_from(&key);
        let before = self.look().await;
        let expected = Expected::of(self, &asked, &before).await?;
        if let Some(key) = &key
            && !self.keyed.contains_key(key)
        {
            let begun = Begun { before: Some(before.clone()), ..Begun::default() };
            let progress = Progress::Open(Box::new(begun));
            let keyed = Keyed { asked: asked.clone(), progress };
            self.keyed.insert(key.clone(), keyed);
        }
        let replies = self.perform(&asked.request, trouble).await;
        self.known = None;
        let after = self.look().await;
        for reply in &replies {
            let name = reply.as_ref().map_or("killed".to_owned(), |reply| {
                let again = if reply.replayed { " again" } else { "" };
                format!("{:?} {} {}{again}", asked.request.endpoint, reply.status, reply.error())
            });
            self.seen.note(name);
        }
        if after != before {
            self.something_else_happened(key.as_deref());
        }
        let case = crate::laws::Case {
            request: &asked.request,
            plan: asked.plan,
            key: key.as_deref(),
            before: &before,
            after: &after,
            replies: &replies,
            kept: trouble.table.is_none(),
            calm: trouble.faults.is_empty() && trouble.table.is_none() && trouble.crash.is_none(),
        };
        let told = || {
            let replies: Vec<_> = replies
                .iter()
                .map(|reply| {
                    reply.as_ref().map_or("none".to_owned(), |r| format!("{} {}", r.status, r.body))
                })
                .collect();
            format!(
                "\nrequest {:?}\nanswers {replies:#?}\nexpected {expected:?}\nbefore {before:#?}\nafter {after:#?}",
                asked.request
            )
        };
        crate::laws::hold(self, &case, &expected).map_err(|broken| format!("{broken}{}", told()))
    }

    async fn perform(&mut self, request: &Request, trouble: &Troubles) -> Vec<Option<Reply>> {
        let world = self.account.world;
        let count = usize::from(trouble.twins) + 1;
        while self.processes.len() < count {
            self.seed = self.seed.wrapping_add(0x5851_f42d_4c95_7f2d);
            self.processes.push(world.process(self.seed).await);
        }
        for fault in &trouble.faults {
            self.account.fail(fault).await;
        }
        world.table.trouble(trouble.table);
        let asked = self.processes.iter().take(count).enumerate().map(|(nth, process)| {
            let most = trouble.crash.filter(|_| nth == 0);
            within_polls(process.ask(request, world.number()), most)
        });
        let replies = join_all(asked).await;
        if replies[0].is_none() {
            self.processes.remove(0);
        }
        // Whatever is still on its way at Stripe gets there; and no process lives as long.
        tokio::time::sleep(Duration::from_mins(3)).await;
        world.table.trouble(None);
        world.stripe.mend().await;
        world.table.free_claims();
        replies
    }

    /// All is well again, and whatever nobody has heard of is asked for again.
    async fn end(&mut self) -> Lawful {
        let calm = Troubles::default();
        let open: Vec<String> = self.open().collect();
        for key in open {
            let asked = self.keyed[&key].asked.clone();
            let is_open = |life: &Self| matches!(life.keyed[&key].progress, Progress::Open(_));
            // One more time where Stripe remembers a failure of its own.
            for _ in 0..4 {
                if is_open(self) {
                    let key = Some(key.clone());
                    self.send_as(asked.clone(), key, &calm).await?;
                }
            }
            law!(!is_open(self), "{key} is never answered");
            self.seen.note("finished by a repetition");
        }
        for key in self.keyed.keys().cloned().collect::<Vec<_>>() {
            let asked = self.keyed[&key].asked.clone();
            self.send_as(asked, Some(key), &calm).await?;
        }
        let ledger = self.look().await;
        crate::laws::end(self, &ledger)
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
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
