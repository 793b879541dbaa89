//! Laws on amounts: responses report what Stripe charged, and everything is billed once.

use std::collections::BTreeMap;

use model::plans::{METERS, Plan};
use model::{Endpoint, Reply};
use serde_json::Value;

use crate::account::Account;
use crate::ensure;
use crate::invariants::money;
use crate::ledger::{OWN, list, number, text};
use crate::overlap::Operation;
use crate::run::Checked;

/// Invoice of a plan change.
#[derive(Debug)]
struct Change {
    status: String,
    total: i64,
    due: i64,
    paid: i64,
    url: String,
    /// Plan that it charges; `None` if it charges none.
    plan: Option<Plan>,
}

/// Subscription after an event.
#[derive(Debug, PartialEq)]
struct State {
    event: String,
    subscription: String,
    plan: Option<Plan>,
    /// Price and start of the period of each meter.
    metered: BTreeMap<usize, (String, i64)>,
    /// Pending update: its invoice, and the meters whose usage is on that invoice.
    held: Option<(String, Vec<usize>)>,
}

/// Usage of a meter, reported after an event of the subscription.
#[derive(Debug)]
pub struct Report {
    after: Option<String>,
    meter: usize,
    value: i64,
}

/// The amounts that Stripe has billed and will bill.
#[derive(Debug)]
pub struct Books {
    changes: BTreeMap<String, Change>,
    /// Invoice of the pending update.
    pending: Option<String>,
    /// Prices of the subscription's items, sorted.
    prices: Vec<String>,
    /// Usage in cents: billed, waiting for the next invoice, and still accruing.
    usage: [i64; 3],
    /// Invoice items of the test that are billed or wait, by description.
    items: BTreeMap<String, i64>,
    states: Vec<State>,
}

/// Events of the account's subscriptions, oldest first.
const EVENTS: &str = "/events?type=customer.subscription.*";

/// Returns whether a line or an item bills usage, also one that was restored by its amount: all prices of usage have
/// tiers.
fn is_usage(line: &Value) -> bool {
    text(&line["description"]).contains("(Tier ")
}

fn sum<'a>(lines: impl Iterator<Item = &'a Value>) -> i64 {
    lines.map(|line| number(&line["amount"])).sum()
}

impl Report {
    /// Returns the report of usage that comes next.
    pub async fn of(account: &Account<'_>, meter: u8, value: u16) -> Self {
        let last = account.world.stripe.get(&format!("{EVENTS}&limit=1")).await;
        let after = last["data"][0]["id"].as_str().map(str::to_owned);
        Self { after, meter: usize::from(meter) % METERS.len(), value: value.into() }
    }

    /// Returns whether there was no subscription yet.
    pub fn is_before_all(&self) -> bool {
        self.after.is_none()
    }
}

impl Account<'_> {
    /// Returns the meter of this price.
    fn meter_of(&self, price: &str) -> Option<usize> {
        let at = |(_, prices): &(Plan, Vec<String>)| prices.iter().position(|one| one == price);
        self.prices.iter().find_map(at)?.checked_sub(1)
    }
}

impl Books {
    pub async fn of(account: &Account<'_>) -> Self {
        let mut books = Self {
            changes: BTreeMap::new(),
            pending: None,
            prices: Vec::new(),
            usage: [0; 3],
            items: BTreeMap::new(),
            states: Vec::new(),
        };
        let Some(customer) = &account.customer else { return books };
        let stripe = &account.world.stripe;
        for invoice in all(account, &format!("/invoices?customer={customer}")).await {
            let id = text(&invoice["id"]);
            if invoice["status"] == "void" {
                books.add_change(account, &invoice, &[]);
                continue;
            }
            let lines = all(account, &format!("/invoices/{id}/lines?")).await;
            books.usage[0] += sum(lines.iter().filter(|line| is_usage(line)));
            books.add_items(&lines);
            books.add_change(account, &invoice, &lines);
        }
        let waiting =
            all(account, &format!("/invoiceitems?pending=true&customer={customer}")).await;
        books.usage[1] = sum(waiting.iter().filter(|item| is_usage(item)));
        books.add_items(&waiting);
        for live in all(account, &format!("/subscriptions?customer={customer}")).await {
            let id = text(&live["id"]);
            books.prices = prices(&live["items"]);
            let is_pending = !live["pending_update"].is_null();
            books.pending = is_pending.then(|| text(&live["latest_invoice"]));
            let (status, next) =
                stripe.try_post("/invoices/create_preview", &[("subscription", &*id)]).await;
            if status == 200 {
                let accrues = |line: &&Value| {
                    let item = &line["parent"]["subscription_item_details"];
                    is_usage(line) && item.is_object() && item["invoice_item"].is_null()
                };
                books.usage[2] += sum(list(&next["lines"]).iter().filter(accrues));
            }
        }
        let events = all(account, EVENTS).await;
        books.states = events.iter().rev().map(|event| State::of(account, event)).collect();
        books
    }

    fn add_items(&mut self, lines: &[Value]) {
        for line in lines {
            let name = text(&line["description"]);
            if name.starts_with(OWN) {
                *self.items.entry(name).or_default() += number(&line["amount"]);
            }
        }
    }

    fn add_change(&mut self, account: &Account<'_>, invoice: &Value, lines: &[Value]) {
        if invoice["billing_reason"] != "subscription_update" {
            return;
        }
        // A free plan's credit is 0 as well, so the sign does not tell what is charged.
        let is_credit = |line: &Value| {
            let parent = &line["parent"]["subscription_item_details"];
            !parent["proration_details"]["credited_items"].is_null()
        };
        let charged = lines.iter().filter(|line| number(&line["amount"]) >= 0 && !is_credit(line));
        let plan = charged
            .filter_map(|line| line["pricing"]["price_details"]["price"].as_str())
            .find_map(|price| account.plan_of(&[price.to_owned()]));
        let change = Change {
            status: text(&invoice["status"]),
            total: number(&invoice["total"]),
            due: number(&invoice["amount_due"]),
            paid: number(&invoice["amount_paid"]),
            url: text(&invoice["hosted_invoice_url"]),
            plan,
        };
        self.changes.insert(text(&invoice["id"]), change);
    }

    /// Returns the changes of plan, oldest first.
    fn moves(&self) -> Vec<(Plan, Plan)> {
        let pairs = self.states.windows(2);
        let same = pairs.filter(|pair| pair[0].subscription == pair[1].subscription);
        let moves = same.filter_map(|pair| Some((pair[0].plan?, pair[1].plan?)));
        moves.filter(|(from, to)| from != to).collect()
    }

    /// Returns the cost of the usage at the prices in force when it was reported. Each price counts its own allowance,
    /// from the start of the period or from when it came into force.
    fn cost_of(&self, reports: &[Report]) -> i64 {
        let mut used: BTreeMap<usize, i64> = BTreeMap::new();
        let mut total = 0;
        let mut before: Option<&State> = None;
        for state in &self.states {
            for meter in 0..METERS.len() {
                let same = |before: &State| {
                    before.subscription == state.subscription
                        && before.metered.get(&meter) == state.metered.get(&meter)
                };
                let is_billed =
                    state.held.as_ref().is_some_and(|(_, meters)| meters.contains(&meter));
                let is_held = is_billed && before.is_none_or(|before| before.held != state.held);
                if before.is_none_or(|before| !same(before)) || is_held {
                    total += cost(used.remove(&meter).unwrap_or_default());
                }
            }
            let since = reports.iter().filter(|report| report.after.as_ref() == Some(&state.event));
            for report in since.filter(|report| state.metered.contains_key(&report.meter)) {
                *used.entry(report.meter).or_default() += report.value;
            }
            before = Some(state);
        }
        total + used.into_values().map(cost).sum::<i64>()
    }
}

/// Returns the cost of usage in cents: 100 are free, each more costs 1.2.
fn cost(used: i64) -> i64 {
    ((used - 100).max(0) * 12 + 5) / 10
}

/// Returns all objects of a list, newest first.
async fn all(account: &Account<'_>, path: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let last = all.last().map(|last| format!("&starting_after={}", text(&last["id"])));
        let path = format!("{path}&limit=100{}", last.unwrap_or_default());
        let page = account.world.stripe.get(&path).await;
        all.extend(list(&page));
        if page["has_more"] != true {
            return all;
        }
    }
}

fn prices(items: &Value) -> Vec<String> {
    let mut prices: Vec<_> = list(items).iter().map(|item| text(&item["price"]["id"])).collect();
    prices.sort();
    prices
}

impl State {
    fn of(account: &Account<'_>, event: &Value) -> Self {
        let subscription = &event["data"]["object"];
        let has_ended =
            ["canceled", "incomplete_expired"].contains(&&*text(&subscription["status"]));
        let items = if has_ended { Vec::new() } else { list(&subscription["items"]) };
        let price = |item: &Value| text(&item["price"]["id"]);
        let metered: BTreeMap<usize, (String, i64)> = items
            .iter()
            .filter_map(|item| {
                let start = number(&item["current_period_start"]);
                Some((account.meter_of(&price(item))?, (price(item), start)))
            })
            .collect();
        let update = &subscription["pending_update"];
        let next = update["subscription_items"].as_array();
        let held = next.map(|next| {
            let keeps = |metered: &String| {
                update["billing_cycle_anchor"].is_null()
                    && next.iter().any(|item| price(item) == *metered)
            };
            let billed = metered.iter().filter(|(_, (price, _))| !keeps(price));
            (text(&subscription["latest_invoice"]), billed.map(|(meter, _)| *meter).collect())
        });
        Self {
            event: text(&event["id"]),
            subscription: text(&subscription["id"]),
            plan: account.plan_of(&items.iter().map(price).collect::<Vec<_>>()),
            metered,
            held,
        }
    }
}

impl Change {
    /// Returns the amount that the response reports.
    fn amount(&self) -> String {
        money(if self.total < 0 { self.total } else { self.due })
    }
}

impl Operation {
    fn is_change(&self) -> bool {
        self.asked.request.endpoint == Endpoint::Change
    }

    fn shown(&self) -> Option<String> {
        let (_, preview) = self.asked.shown.as_ref()?;
        Some(text(&preview["prorationAmount"]))
    }

    fn with_error(&self, error: &str) -> impl Iterator<Item = &Reply> {
        self.replies.iter().filter(move |reply| reply.error() == error)
    }

    /// Returns whether a response names the invoice as the one to authenticate.
    fn awaits(&self, change: &Change) -> bool {
        self.with_error("payment_action_required")
            .any(|reply| reply.json()["details"]["url"] == change.url)
    }
}

/// Checks that a pending update waits for a customer whose response said so. Before the last change, it may also be that of a
/// request that nobody retries.
pub fn check_pending(books: &Books, operations: &[Operation], is_settled: bool) -> Checked {
    for (id, change) in &books.changes {
        if !["open", "draft"].contains(&&*change.status) {
            continue;
        }
        ensure!(books.pending.as_ref() == Some(id), "{id} is open, but no update is pending");
        let is_told = operations.iter().any(|operation| operation.awaits(change));
        let is_lost = |operation: &Operation| operation.is_change() && operation.is_open();
        ensure!(
            is_told || !is_settled && operations.iter().any(is_lost),
            "an update is pending, but nobody was told to authenticate {id}"
        );
    }
    Ok(())
}

/// Checks that the responses tell what Stripe has done, and that there is a response for all of it.
pub fn check(books: &Books, account: &Account<'_>, operations: &[Operation]) -> Checked {
    let mut moves = books.moves();
    let mut unnamed: BTreeMap<&String, &Change> =
        books.changes.iter().filter(|(_, change)| change.status == "paid").collect();
    let changes = || operations.iter().filter(|operation| operation.is_change());
    for operation in changes() {
        let mut named = None;
        for reply in operation.replies.iter().filter(|reply| reply.status == 200) {
            let body = reply.json();
            check_answer(books, operation, &body)?;
            let invoice = body["invoice"]["id"].as_str().map(str::to_owned);
            ensure!(
                named.is_none_or(|named| named == invoice),
                "two responses name different invoices"
            );
            named = Some(invoice);
        }
        let Some(named) = named else { continue };
        if let Some(invoice) = &named {
            ensure!(unnamed.remove(invoice).is_some(), "two requests name {invoice}");
        }
        let success = operation.replies.iter().find(|reply| reply.status == 200);
        let previous = success.map(|reply| text(&reply.json()["previousPlan"]));
        let is_it = |(from, to): &(Plan, Plan)| {
            *to == operation.asked.plan && Some(from.tier) == previous.as_deref()
        };
        let Some(at) = moves.iter().position(is_it) else {
            return Err(format!(
                "applied from {previous:?}, but Stripe has only {:?}",
                books.moves()
            ));
        };
        moves.remove(at);
    }
    let mut open: Vec<&Operation> = changes().filter(|operation| operation.is_open()).collect();
    for operation in changes() {
        let paid = unnamed.iter().find(|(_, change)| operation.awaits(change));
        let Some((id, change)) = paid.map(|(id, change)| (*id, *change)) else { continue };
        check_shown(operation, change)?;
        unnamed.remove(id);
        let at = moves.iter().position(|(_, to)| *to == operation.asked.plan);
        ensure!(at.is_some(), "{id} is paid, but its plan was never in force");
        at.map(|at| moves.remove(at));
    }
    for (id, change) in unnamed {
        let is_it =
            |operation: &&Operation| change.plan.is_none_or(|to| operation.asked.plan == to);
        let Some(at) = open.iter().position(is_it) else {
            let is_declined = |operation: &Operation| {
                operation.is_change() && operation.with_error("payment_failed").next().is_some()
            };
            let declined = operations.iter().any(is_declined);
            return Err(format!("no response reports {id}, declined {declined}: {change:?}"));
        };
        let operation = open.remove(at);
        check_shown(operation, change)?;
        let at = moves.iter().position(|(_, to)| *to == operation.asked.plan);
        ensure!(at.is_some(), "{id} is paid, but its plan was never in force");
        at.map(|at| moves.remove(at));
    }
    for (from, to) in moves {
        let at = open.iter().position(|operation| operation.asked.plan == to);
        ensure!(at.is_some(), "no response reports a change from {from:?} to {to:?}");
        at.map(|at| open.remove(at));
    }
    let is_whole = |(plan, _): &(Plan, _)| account.sorted(*plan) == books.prices;
    ensure!(
        books.prices.is_empty() || account.prices.iter().any(is_whole),
        "neither the old plan nor the new one: {:?}",
        books.prices
    );
    Ok(())
}

/// Checks a success against Stripe's invoice.
fn check_answer(books: &Books, operation: &Operation, body: &Value) -> Checked {
    ensure!(body["plan"] == operation.asked.plan.tier, "another plan");
    let amount = text(&body["prorationAmount"]);
    let warns = body["warnings"] == serde_json::json!(["amount_differs"]);
    // Without a quote it is not known whether the change bills usage at once.
    let may_use = operation.used && (operation.asked.shown.is_none() || operation.bills_usage());
    ensure!(!warns || operation.moved || may_use, "amount_differs, but nothing has moved it");
    if let Some(id) = body["invoice"]["id"].as_str() {
        let Some(change) = books.changes.get(id) else { return Err(format!("no invoice {id}")) };
        ensure!(amount == change.amount(), "charged {}, answered {amount}", change.amount());
        ensure!(body["invoice"]["amount"] == money(change.total), "another total");
        ensure!(change.status == "paid" && change.paid == change.due, "not paid: {change:?}");
    } else {
        ensure!(amount == "0.00", "answered {amount} without an invoice");
    }
    let Some((_, preview)) = operation.asked.shown.as_ref().filter(|_| !warns) else {
        return Ok(());
    };
    let shown = &preview["prorationAmount"];
    ensure!(*shown == amount, "shown {shown}, charged {amount}");
    let total = &preview["breakdown"]["total"];
    ensure!(
        body["invoice"].is_null() || body["invoice"]["amount"] == *total,
        "shown a total of {total}, not {}",
        body["invoice"]["amount"]
    );
    Ok(())
}

/// Checks the charge of a change that no success reports.
fn check_shown(operation: &Operation, change: &Change) -> Checked {
    let shown = operation.shown();
    ensure!(
        operation.moved || shown.as_ref().is_none_or(|shown| *shown == change.amount()),
        "shown {shown:?}, charged {} without a response",
        change.amount()
    );
    Ok(())
}

/// Checks that only a change that waited for authentication has left a void invoice: a decline leaves none.
pub fn check_void(books: &Books, operations: &[Operation], may_authenticate: bool) -> Checked {
    for (id, change) in books.changes.iter().filter(|(_, change)| change.status == "void") {
        let is_told = operations.iter().any(|operation| operation.awaits(change));
        ensure!(may_authenticate || is_told, "{id} is void, but nobody had to authenticate");
    }
    Ok(())
}

/// Checks that usage and invoice items are billed once.
pub fn check_settled(books: &Books, account: &Account<'_>, reports: &[Report]) -> Checked {
    let expected = books.cost_of(reports);
    let [billed, waiting, accruing] = books.usage;
    ensure!(
        billed + waiting + accruing == expected,
        "usage of {expected}: billed {billed}, waiting {waiting}, accruing {accruing}\n{reports:?}\n{:#?}",
        books.states
    );
    let items = account.items.iter().filter(|(_, amount)| *amount != 0).cloned();
    let owed: BTreeMap<String, i64> =
        books.items.clone().into_iter().filter(|(_, a)| *a != 0).collect();
    ensure!(
        items.clone().collect::<BTreeMap<_, _>>() == owed,
        "items {:?}, billed or waiting {owed:?}",
        account.items
    );
    Ok(())
}
