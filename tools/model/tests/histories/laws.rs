//! The laws: what must hold after every request, whatever went wrong, and in the end.

use std::collections::BTreeSet;

use model::plans::Plan;
use model::{Endpoint, Reply, Request};
use serde_json::{Value, json};

use crate::expected::Expected;
use crate::law;
use crate::ledger::Ledger;
use crate::life::{Begun, Lawful, Life, Made, Progress, text};

/// One request, sent once or several times at once.
pub struct Case<'a> {
    pub request: &'a Request,
    pub plan: Plan,
    pub key: Option<&'a str>,
    pub before: &'a Ledger,
    pub after: &'a Ledger,
    /// None of a process that was killed.
    pub replies: &'a [Option<Reply>],
    /// The table was well: what was answered is what a repetition is answered.
    pub kept: bool,
    /// Nothing was made to go wrong.
    pub calm: bool,
}

/// Every status that the contract has.
const STATUSES: [u16; 16] =
    [200, 201, 400, 402, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504];

fn is_definite(reply: &Reply) -> bool {
    reply.status < 500 && reply.status != 429 && reply.error() != "idempotency_in_progress"
}

/// The body, but for the id of the request that an error was first given to.
fn meaning(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body["requestId"] = json!(null);
    (reply.status, body)
}

impl Case<'_> {
    fn definite(&self) -> Vec<&Reply> {
        self.replies.iter().flatten().filter(|reply| is_definite(reply)).collect()
    }

    /// Invoices of changes that were made meanwhile.
    fn made(&self) -> BTreeSet<String> {
        self.after.changes_since(self.before)
    }
}

pub fn hold(life: &mut Life<'_>, case: &Case<'_>, expected: &Expected) -> Lawful {
    for reply in case.replies.iter().flatten() {
        law!(STATUSES.contains(&reply.status), "no status of the contract: {}", reply.status);
        law!(reply.status != 500, "a bug: {}", reply.body);
        law!(!case.calm || reply.status < 500 || case.key.is_some(), "nothing was wrong");
    }
    law!(case.after.live <= 1, "two subscriptions");
    law!(case.after.open_sessions.len() <= 1, "two open sessions");
    if let Some(first) = &expected.replay {
        return replays(case, first);
    }
    // The table may have taken an answer that it said it could not take.
    if let Some(told) = begun(life, case).and_then(|begun| begun.told)
        && let Some(again) = case.definite().into_iter().find(|reply| reply.replayed)
    {
        replays(case, &told)?;
        close(life, case, again);
        return Ok(());
    }
    if case.request.endpoint == Endpoint::Checkout {
        return checkout(life, case, expected);
    }
    if case.key.is_none() && case.replies.len() > 1 {
        return several(life, case);
    }
    one(life, case, expected)
}

/// A request that was answered is answered the same, and nothing is done.
fn replays(case: &Case<'_>, first: &str) -> Lawful {
    for reply in case.definite() {
        law!(reply.replayed && reply.body == first, "another answer than {first}");
    }
    law!(!case.calm || case.definite().len() == case.replies.len(), "no answer");
    law!(case.after == case.before, "something was done");
    Ok(())
}

/// Whether the answer is among these.
fn is_among(reply: &Reply, answers: &[(u16, &str)]) -> bool {
    answers.contains(&(reply.status, reply.error().as_str()))
}

/// One operation, however often it was sent.
fn one(life: &mut Life<'_>, case: &Case<'_>, expected: &Expected) -> Lawful {
    let made = case.made();
    law!(made.len() <= 1, "charged {} times", made.len());
    let key = case.key.map_or_else(|| format!("without {}", life.charged.len()), str::to_owned);
    let definite = case.definite();
    for pair in definite.windows(2) {
        law!(meaning(pair[0]) == meaning(pair[1]), "two answers");
    }
    let begun = begun(life, case);
    let Some(reply) = definite.first().copied() else {
        return unclear(life, case, expected, &made, &key);
    };
    let is_expected = is_among(reply, &expected.answers);
    let is_kept = reply.replayed && is_among(reply, &expected.unheard);
    law!(is_expected || is_kept, "unexpected: {}", reply.status);
    match (reply.status, reply.error().as_str()) {
        _ if !is_expected => {
            law!(made.is_empty(), "charged all the same");
            case.after.unchanged_since(case.before)?;
        }
        (200, _) => applied(life, case, expected, reply, &key)?,
        (402, error) => {
            law!(made.is_empty(), "charged all the same");
            let waits = error == "payment_action_required";
            // An old decline that is told again says nothing of what another change has left waiting.
            let others = begun.is_some() && case.after.pending == case.before.pending;
            law!(
                case.after.pending.is_some() == waits || others && !waits,
                "it waits, or does not"
            );
            if waits {
                law!(case.after.prices == case.before.prices, "it is not paid for");
            } else {
                // Only what was there before it first began can be compared.
                let before =
                    begun.as_ref().map_or(Some(case.before), |begun| begun.before.as_ref());
                if let Some(before) = before.filter(|before| before.pending.is_none()) {
                    case.after.unchanged_since(before)?;
                }
            }
        }
        // What waited has given way before the price was seen to be another.
        (_, "quote_changed") if case.before.pending.is_some() => {
            law!(made.is_empty(), "charged all the same");
            law!(case.after.prices == case.before.prices, "changed all the same");
        }
        _ => {
            law!(made.is_empty(), "charged all the same");
            law!(case.after.pending == case.before.pending, "a refusal has dropped a change");
            // What an earlier start has dropped is put back, also by one that is refused in the end.
            let next = begun.as_ref().map_or(case.before.next, |_| case.after.next);
            case.after.unchanged_since(&Ledger { next, ..case.before.clone() })?;
        }
    }
    close(life, case, reply);
    Ok(())
}

/// What was answered stays so, unless the table could not take it.
fn close(life: &mut Life<'_>, case: &Case<'_>, reply: &Reply) {
    let Some(keyed) = case.key.and_then(|key| life.keyed.get_mut(key)) else { return };
    let Progress::Open(begun) = &mut keyed.progress else { return };
    if case.kept {
        keyed.progress = Progress::Done(reply.clone());
        return;
    }
    let invoice = reply.json()["invoice"]["id"].as_str().map(str::to_owned);
    **begun = Begun {
        before: None,
        made: (reply.status == 200).then_some(Made(invoice)),
        waits: case.after.pending.clone().filter(|_| reply.status == 402),
        told: Some(reply.body.clone()),
        unheard: Vec::new(),
    };
}

fn begun(life: &Life<'_>, case: &Case<'_>) -> Option<Begun> {
    match &life.keyed.get(case.key?)?.progress {
        Progress::Open(begun) => Some((**begun).clone()),
        Progress::Done(_) => None,
    }
}

/// What was answered is what was done and charged.
fn applied(
    life: &mut Life<'_>,
    case: &Case<'_>,
    expected: &Expected,
    reply: &Reply,
    key: &str,
) -> Lawful {
    let (made, body) = (case.made(), reply.json());
    let named = body["invoice"]["id"].as_str().map(str::to_owned);
    if let Some(before) = &expected.made {
        law!(made.is_empty(), "charged again");
        law!(named == before.0, "made with another invoice: {before:?}");
    } else {
        law!(case.after.prices == life.account.sorted(case.plan), "not the plan's prices");
        law!(made.iter().eq(named.iter()), "made {made:?}, named {named:?}");
        law!(case.after.pending.is_none(), "something waits");
    }
    law!(body["plan"] == case.plan.tier, "another plan");
    let amount = text(&body["prorationAmount"]);
    if let Some(named) = named {
        let invoice = case.after.invoices.get(&named);
        let Some(invoice) = invoice else { return Err("no such invoice".to_owned()) };
        let charge = if invoice.total < 0 { invoice.total } else { invoice.due };
        law!(amount == money(charge), "charged {charge}, told {amount}");
        law!(invoice.paid == invoice.due, "paid {}, due {}", invoice.paid, invoice.due);
        let other = life.charged.insert(named.clone(), key.to_owned());
        law!(
            other.as_ref().is_none_or(|other| other == key || other == "paid later"),
            "{named} was for {other:?}"
        );
    }
    if let (Some(shown), None) = (&expected.amount, &expected.made) {
        law!(*shown == amount, "shown {shown}, charged {amount}");
    }
    Ok(())
}

fn money(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

/// Nobody has heard what came of it: it was made, or not, or is on the way.
fn unclear(
    life: &mut Life<'_>,
    case: &Case<'_>,
    expected: &Expected,
    made: &BTreeSet<String>,
    key: &str,
) -> Lawful {
    let Case { before, after, .. } = case;
    let target = life.account.sorted(case.plan);
    let moved = after.prices != before.prices;
    law!(!moved || after.prices == target, "neither the one plan nor the other");
    law!(made.is_empty() || moved, "charged for nothing");
    if let Some(invoice) = made.first() {
        let other = life.charged.insert(invoice.clone(), key.to_owned());
        law!(other.is_none_or(|other| other == key), "{invoice} was another's");
    }
    let is_same = after.unchanged_since(before).is_ok();
    let Some(keyed) = case.key.and_then(|key| life.keyed.get_mut(key)) else {
        life.cut_off |= !is_same;
        return Ok(());
    };
    if let Progress::Open(begun) = &mut keyed.progress {
        if moved {
            law!(begun.made.is_none(), "made twice");
            begun.made = Some(Made(made.first().cloned()));
        }
        // Dropped within the same request, it is the same as if it still waited.
        let waits = after.pending.clone().filter(|_| after.pending != before.pending);
        begun.waits = waits.or_else(|| after.dropped_since(before)).or(begun.waits.take());
        begun.unheard.extend(expected.answers.iter().filter(|(status, _)| *status != 200));
    }
    Ok(())
}

/// Several requests without a key at once: each may do its work, and none more than told.
fn several(life: &mut Life<'_>, case: &Case<'_>) -> Lawful {
    let (made, definite) = (case.made(), case.definite());
    let applied = definite.iter().filter(|reply| reply.status == 200);
    // Whoever came second found the plan as it was to be, and names the invoice of the first.
    let named: BTreeSet<String> = applied
        .filter_map(|reply| reply.json()["invoice"]["id"].as_str().map(str::to_owned))
        .collect();
    law!(named.is_subset(&made), "named {named:?}, made {made:?}");
    let unclear = case.replies.len() - definite.len();
    law!(made.len() <= named.len() + unclear, "charged {} times", made.len());
    for invoice in made {
        life.charged.insert(invoice, "one of several".to_owned());
    }
    let waits = definite.iter().any(|reply| reply.error() == "payment_action_required");
    law!(
        unclear > 0 || case.after.pending.is_none() || waits || case.before.pending.is_some(),
        "something waits"
    );
    life.cut_off |= unclear > 0;
    Ok(())
}

fn checkout(life: &mut Life<'_>, case: &Case<'_>, expected: &Expected) -> Lawful {
    let untouched = |ledger: &Ledger| {
        let open_sessions = BTreeSet::new();
        Ledger { open_sessions, ..ledger.clone() }
    };
    law!(untouched(case.after) == untouched(case.before), "a session changes nothing by itself");
    let definite = case.definite();
    for reply in &definite {
        law!(is_among(reply, &expected.answers), "unexpected: {}", reply.status);
        if reply.status == 201 {
            let id = text(&reply.json()["id"]);
            let is_it = case.after.open_sessions.iter().eq([&id]);
            law!(is_it, "{id} is not the one open session");
        }
    }
    if let Some(reply) = definite.first() {
        close(life, case, reply);
    }
    Ok(())
}

/// When all is over.
pub fn end(life: &Life<'_>, ledger: &Ledger) -> Lawful {
    if life.cut_off {
        return Ok(());
    }
    let told_to_wait = life.keyed.values().any(|keyed| match &keyed.progress {
        Progress::Done(reply) => reply.error() == "payment_action_required",
        Progress::Open(_) => false,
    });
    law!(
        ledger.pending.is_none()
            || told_to_wait
            || life.seen.0.keys().any(|seen| seen.ends_with("payment_action_required")),
        "something waits"
    );
    let ordered = life.account.items.iter().filter(|(_, amount)| *amount != 0);
    let is_owed = life.expired
        || ledger.owed().into_iter().filter(|(_, amount)| *amount != 0).eq(ordered.cloned());
    law!(is_owed, "ordered {:?}, billed {:?}", life.account.items, ledger.owed());
    for (id, invoice) in &ledger.invoices {
        let is_change = invoice.reason == "subscription_update" && invoice.status == "paid";
        law!(!is_change || life.charged.contains_key(id), "nobody was told of {id}");
    }
    Ok(())
}
