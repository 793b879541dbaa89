//! A round: a new account, volleys of concurrent requests, and everything until nothing is unclear any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use devstack::Stack;
use devstack::functions::FUNCTIONS;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::account::{Account, DAY, HOUR, unix_now};
use crate::actions::{self, Card, Volley};
use crate::client::Clients;
use crate::dice::Dice;
use crate::faults;
use crate::record::{Exchange, Kind, Record, Target};
use crate::servers::Servers;
use crate::settings::Settings;
use crate::truth::{Reader, Truth};

/// Timeout of a response: longer than a function may take.
const PATIENT: Duration = Duration::from_secs(32);

/// The same where a process is killed, to whose request the gateway never responds.
const IMPATIENT: Duration = Duration::from_secs(8);

/// Time until every operation must have a result once the faults are off: a lease lasts until the function's deadline.
const SETTLED: Duration = Duration::from_secs(75);

/// Number of the client that settles an account.
const SETTLER: usize = 9;

/// The events of a round.
pub struct Outcome {
    pub account: Account,
    pub record: Arc<Record>,
    /// Plan at the beginning; `None` without a subscription.
    pub plan: Option<(&'static str, &'static str)>,
    /// Whether Stripe had no fault and no process was killed.
    pub is_calm: bool,
    /// Whether processes were killed.
    pub has_kills: bool,
    /// Meter of each metered price.
    pub meters: Arc<HashMap<String, String>>,
    /// Billing after one more settled change.
    pub settled: Truth,
    /// Billing after the next renewal, which bills all usage and pending items.
    pub renewed: Truth,
    /// The requests that remained unclear.
    pub unsettled: Vec<String>,
}

/// Random parameters of a round.
struct Plan {
    plan: Option<(&'static str, &'static str)>,
    clients: u64,
    volleys: u64,
    is_calm: bool,
    has_kills: bool,
}

impl Plan {
    fn random(dice: &mut Dice, settings: &Settings) -> Self {
        let tier = dice.pick(&["hobby", "starter", "pro", "agency"]);
        let interval = dice.pick(&["month", "month", "month", "year"]);
        let plan = (!dice.one_in(6)).then_some((tier, interval));
        let any = 2 + dice.below(3);
        let (volleys, is_calm) = (2 + dice.below(5), dice.one_in(3));
        let has_kills = !is_calm && dice.one_in(6) && settings.kills;
        Self { plan, clients: settings.clients.unwrap_or(any), volleys, is_calm, has_kills }
    }
}

/// Stack of all rounds.
pub struct Fuzzer {
    pub stack: Stack,
    pub servers: Arc<Servers>,
    pub reader: Reader,
    /// Meter of each metered price.
    pub meters: Arc<HashMap<String, String>>,
    pub settings: Settings,
}

/// Runs the round with this seed. `name` is its account's handle.
pub async fn run(fuzzer: &mut Fuzzer, seed: u64, name: &str) -> Outcome {
    let Fuzzer { stack, servers, reader, meters, settings } = fuzzer;
    let mut dice = Dice(seed);
    let plan = Plan::random(&mut dice, settings);
    let account = Account::create(stack, servers, name, plan.plan, &mut dice).await;
    let round = Round {
        clients: Arc::new(Clients::new(&account.key, name)),
        account: Arc::new(account),
        servers: Arc::clone(servers),
        record: Arc::new(Record::new()),
    };
    for number in 0..plan.volleys {
        let is_subscribed = plan.plan.is_some() || number >= 3;
        let volley = actions::volley(&mut dice, &number.to_string(), plan.clients, is_subscribed);
        if !plan.is_calm && dice.one_in(2) {
            for _ in 0..=dice.below(2) {
                round.add_fault(&faults::fault(&mut dice)).await;
            }
        }
        let kill = (plan.has_kills && dice.one_in(2)).then(|| {
            (
                Duration::from_millis(dice.below(250)),
                u8::try_from(dice.below(settings.processes.into())),
            )
        });
        let limit = if kill.is_some() { IMPATIENT } else { PATIENT };
        let mut running = round.start(&volley, limit);
        if let Some((after, process)) = kill {
            sleep(after).await;
            let function = FUNCTIONS.iter().find(|one| one.name == "plan-change").expect("a row");
            let process = process.unwrap_or(0) + 1;
            stack.replace_process(function, process).expect("it starts again");
            round.record.note(format!("process {process} of plan-change is killed"));
        }
        while let Some(done) = running.join_next().await {
            done.expect("no action panics");
        }
        round.servers.sandbox("DELETE", "/faults", &Value::Null).await;
        round.record.note("—");
    }
    let mut unsettled = Vec::new();
    if plan.has_kills {
        // A request without a response may still run.
        sleep(PATIENT.saturating_sub(IMPATIENT)).await;
    }
    round.retry_all(&mut unsettled).await;
    round.account.pay_all(&round.servers, &round.record).await;
    match dice.below(3) {
        0 => {
            let action = actions::StripeAction::Authenticate(true);
            round.account.act(&round.servers, &round.record, &action).await;
        }
        1 => {
            // A pending update expires after 23 hours.
            round.account.advance(&round.servers, unix_now() + DAY).await;
            round.record.note("a day passes");
        }
        _ => {}
    }
    round.account.card(&round.servers, Card::Good).await;
    let before = reader.read(&round.account.customer, round.account.since);
    if before.live().len() == 1 {
        round.settle(&mut dice, &before, &mut unsettled).await;
    }
    let settled = reader.read(&round.account.customer, round.account.since);
    round.renew(&settled).await;
    let renewed = reader.read(&round.account.customer, round.account.since);
    let Round { account, record, clients, .. } = round;
    drop(clients);
    let Ok(account) = Arc::try_unwrap(account) else { panic!("an action still runs") };
    Outcome {
        account,
        record,
        plan: plan.plan,
        is_calm: plan.is_calm,
        has_kills: plan.has_kills,
        meters: Arc::clone(meters),
        settled,
        renewed,
        unsettled,
    }
}

/// The state that the tasks of a round share.
struct Round {
    account: Arc<Account>,
    clients: Arc<Clients>,
    servers: Arc<Servers>,
    record: Arc<Record>,
}

impl Round {
    async fn add_fault(&self, fault: &Value) {
        let added = self.servers.sandbox("POST", "/faults", fault).await;
        assert!(added["error"].is_null(), "{fault}: {added}");
        self.record.note(format!("fault {fault}"));
    }

    /// Starts all actions of a volley.
    fn start(&self, volley: &Volley, limit: Duration) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for (client, timed) in volley.clients.iter().cloned().enumerate() {
            let (clients, servers) = (Arc::clone(&self.clients), Arc::clone(&self.servers));
            let record = Arc::clone(&self.record);
            running.spawn(async move {
                sleep(timed.after).await;
                clients.act(&servers, &record, client, &timed.action, limit).await;
            });
        }
        for timed in volley.stripe.iter().cloned() {
            let (account, servers) = (Arc::clone(&self.account), Arc::clone(&self.servers));
            let record = Arc::clone(&self.record);
            running.spawn(async move {
                sleep(timed.after).await;
                account.act(&servers, &record, &timed.action).await;
            });
        }
        running
    }

    /// Sends a request until its response is the operation's result, or the time is over.
    async fn send_until_final(&self, kind: &Kind, key: &str, end: Instant) -> Exchange {
        loop {
            let (kind, key) = (kind.clone(), Some(key.to_owned()));
            let exchange =
                self.clients.send(&self.servers, &self.record, SETTLER, kind, key, PATIENT).await;
            if exchange.is_final() || Instant::now() > end {
                return exchange;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Retries every request that has an idempotency key.
    async fn retry_all(&self, unsettled: &mut Vec<String>) {
        let end = Instant::now() + SETTLED;
        for (key, kind) in self.clients.keyed() {
            let exchange = self.send_until_final(&kind, &key, end).await;
            if !exchange.is_final() {
                unsettled.push(format!("{key} has no result: {}", exchange.json()));
            }
        }
    }

    /// Changes the plan once more.
    async fn settle(&self, dice: &mut Dice, before: &Truth, unsettled: &mut Vec<String>) {
        let current = before.plan().map(|plan| plan.tier);
        let others = ["hobby", "starter", "pro", "agency"];
        let others: Vec<_> =
            others.into_iter().filter(|tier| Some(*tier) != current.as_deref()).collect();
        let to = Target { tier: dice.pick(&others), interval: None };
        let mut exchange = self.settled_change(to, "settled").await;
        if exchange.json()["details"]["reason"] == "too_many_changes" {
            self.renew(before).await;
            exchange = self.settled_change(to, "renewed").await;
        }
        if exchange.status() != 200 {
            unsettled.push(format!("the last change: {} {}", exchange.status(), exchange.json()));
        }
    }

    async fn settled_change(&self, to: Target, name: &str) -> Exchange {
        let key = format!("{}-{name}", self.account.handle);
        let end = Instant::now() + SETTLED;
        self.send_until_final(&Kind::Change { to, shown: None }, &key, end).await
    }

    /// Advances the clock beyond the next renewal and its invoice.
    async fn renew(&self, settled: &Truth) {
        let live = settled.live();
        let items =
            live.iter().flat_map(|one| one["items"]["data"].as_array().into_iter().flatten());
        let Some(end) = items.filter_map(|item| item["current_period_end"].as_i64()).max() else {
            return;
        };
        self.account.advance(&self.servers, end + 60).await;
        self.account.advance(&self.servers, end + 2 * HOUR).await;
        self.record.note("the subscription renews");
    }
}

/// Returns the sandbox's log of its requests since then, oldest first.
pub async fn log(servers: &Servers, since: i64) -> Vec<String> {
    let log = servers.sandbox("GET", "/requests", &json!(null)).await;
    let entries = log["requests"].as_array().cloned().unwrap_or_default();
    let recent = entries.iter().rev().filter(|entry| entry["at"].as_i64() >= Some(since));
    recent
        .map(|entry| {
            let part = |name: &str| match &entry[name] {
                Value::Null => "-".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let fields =
                ["at", "method", "path", "status", "key", "idempotency_key", "fault", "message"];
            let replayed = if entry["replayed"] == true { " replayed" } else { "" };
            format!("{}{replayed}", fields.map(part).join(" "))
        })
        .collect()
}
