//! State of an account at Stripe.

use std::collections::{BTreeMap, BTreeSet};

use model::Stripe;
use serde_json::Value;

/// State that a request may change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    pub subscription: Option<String>,
    pub status: String,
    /// Prices of the items, sorted.
    pub prices: Vec<String>,
    /// Invoice of a pending update.
    pub pending: Option<String>,
    /// Balance with Stripe's sign.
    pub balance: i64,
    pub invoices: BTreeMap<String, Invoice>,
    /// Description and amount of pending invoice items.
    pub waiting: Vec<(String, i64)>,
    /// Total of the next invoice, if there will be one.
    pub next: Option<i64>,
    pub open_sessions: BTreeSet<String>,
    /// Number of live subscriptions.
    pub live: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Invoice {
    pub status: String,
    pub reason: String,
    pub total: i64,
    pub due: i64,
    pub paid: i64,
    /// Description and amount of each line.
    pub single: Vec<(String, i64)>,
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn list(value: &Value) -> Vec<Value> {
    value["data"].as_array().cloned().unwrap_or_default()
}

pub fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

/// Prefix of the descriptions of the test's invoice items.
pub const OWN: &str = "item-";

impl Ledger {
    pub async fn of(stripe: &Stripe, customer: Option<&str>) -> Self {
        let Some(customer) = customer else { return Self::default() };
        let mut ledger = Self {
            balance: number(&stripe.get(&format!("/customers/{customer}")).await["balance"]),
            ..Self::default()
        };
        let all = stripe.get(&format!("/subscriptions?customer={customer}&limit=100")).await;
        let live = list(&all);
        ledger.live = live.len();
        if let Some(subscription) = live.first() {
            ledger.read(subscription);
            let form = [("subscription", &*text(&subscription["id"]))];
            let (status, next) = stripe.try_post("/invoices/create_preview", &form).await;
            ledger.next = (status == 200).then(|| number(&next["total"]));
        }
        for invoice in list(&stripe.get(&format!("/invoices?customer={customer}&limit=100")).await)
        {
            ledger.invoices.insert(text(&invoice["id"]), Invoice::of(&invoice));
        }
        let path = format!("/invoiceitems?pending=true&customer={customer}&limit=100");
        ledger.waiting = list(&stripe.get(&path).await).iter().map(single).collect();
        ledger.waiting.sort();
        let path = format!("/checkout/sessions?customer={customer}&limit=100");
        let sessions = list(&stripe.get(&path).await);
        let open = sessions.iter().filter(|session| session["status"] == "open");
        ledger.open_sessions = open.map(|session| text(&session["id"])).collect();
        ledger
    }

    fn read(&mut self, subscription: &Value) {
        self.subscription = Some(text(&subscription["id"]));
        self.status = text(&subscription["status"]);
        let items = list(&subscription["items"]);
        self.prices = items.iter().map(|item| text(&item["price"]["id"])).collect();
        self.prices.sort();
        let waits = !subscription["pending_update"].is_null();
        self.pending = waits.then(|| text(&subscription["latest_invoice"]));
    }

    /// Returns the invoices of changes that were paid since `before`.
    pub fn changes_since(&self, before: &Self) -> BTreeSet<String> {
        let is_new = |id: &String, invoice: &Invoice| {
            let was = before.invoices.get(id);
            invoice.reason == "subscription_update"
                && invoice.status == "paid"
                && was.is_none_or(|was| was.status != "paid")
        };
        let new = self.invoices.iter().filter(|(id, invoice)| is_new(id, invoice));
        new.map(|(id, _)| id.clone()).collect()
    }

    /// Returns a voided invoice of a change that was attempted since `before`.
    pub fn dropped_since(&self, before: &Self) -> Option<String> {
        let is_dropped = |id: &String, invoice: &Invoice| {
            let is_change = invoice.reason == "subscription_update" && invoice.status == "void";
            is_change && !before.invoices.contains_key(id)
        };
        let mut dropped = self.invoices.iter().filter(|(id, invoice)| is_dropped(id, invoice));
        dropped.next().map(|(id, _)| id.clone())
    }

    /// Checks that nothing has changed since `before`, except void invoices, pending items and sessions.
    pub fn unchanged_since(&self, before: &Self) -> Result<(), String> {
        let kept = |ledger: &Self| {
            let mut kept = ledger.clone();
            kept.invoices.retain(|_, invoice| invoice.status != "void");
            kept.waiting.clear();
            kept.open_sessions.clear();
            kept
        };
        let (after, before) = (kept(self), kept(before));
        if after == before { Ok(()) } else { Err(format!("was {before:#?}\nis {after:#?}")) }
    }

    /// Returns the amounts of the test's invoice items that are billed or pending, by description.
    pub fn owed(&self) -> BTreeMap<String, i64> {
        let mut owed = BTreeMap::new();
        let billed = self.invoices.values().filter(|invoice| invoice.status != "void");
        let single = billed.flat_map(|invoice| &invoice.single).chain(&self.waiting);
        for (name, amount) in single.filter(|(name, _)| name.starts_with(OWN)) {
            *owed.entry(name.clone()).or_default() += amount;
        }
        owed
    }
}

fn single(item: &Value) -> (String, i64) {
    (text(&item["description"]), number(&item["amount"]))
}

impl Invoice {
    fn of(invoice: &Value) -> Self {
        Self {
            status: text(&invoice["status"]),
            reason: text(&invoice["billing_reason"]),
            total: number(&invoice["total"]),
            due: number(&invoice["amount_due"]),
            paid: number(&invoice["amount_paid"]),
            single: list(&invoice["lines"]).iter().map(single).collect(),
        }
    }
}
