//! Invariants that hold after every request, whatever its disturbances, and at the end of a history.

use std::collections::BTreeSet;

use model::plans::Plan;
use model::{Endpoint, Reply, Request};
use serde_json::{Value, json};

use crate::ensure;
use crate::expected::Expected;
use crate::ledger::Ledger;
use crate::run::{Applied, Begun, Checked, Keyed, Progress, Run, text};

/// One request, sent once or several times concurrently.
pub struct Case<'a> {
    pub request: &'a Request,
    pub plan: Plan,
    pub key: Option<&'a str>,
    pub before: &'a Ledger,
    pub after: &'a Ledger,
    /// Replies; `None` from a crashed process.
    pub replies: &'a [Option<Reply>],
    /// Whether an earlier change had left something that this request settles.
    pub is_left: bool,
    /// Whether the table had no fault, so that it stored the response for replay.
    pub stored: bool,
    /// Whether the request had no disturbances.
    pub calm: bool,
}

/// All statuses of the contract.
pub const STATUSES: [u16; 16] =
    [200, 201, 400, 402, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504];

/// Errors of a request that another one keeps from its work.
pub const BUSY: [&str; 2] = ["idempotency_in_progress", "change_in_progress"];

/// Returns whether the response is final: the same request with the same key would get no other.
pub fn is_definite(reply: &Reply) -> bool {
    reply.status < 500 && reply.status != 429 && !BUSY.contains(&&*reply.error())
}

/// Returns status and body without the request ID.
fn meaning(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body["requestId"] = json!(null);
    (reply.status, body)
}

impl Case<'_> {
    fn definite(&self) -> Vec<&Reply> {
        self.replies.iter().flatten().filter(|reply| is_definite(reply)).collect()
    }

    /// Returns the number of attempts without a definite response.
    fn unclear(&self) -> usize {
        self.replies.len() - self.definite().len()
    }

    /// Checks that nothing has changed since `before`, except what an earlier change had left: its metered prices are
    /// swapped, and the restored lines of its invoice wait for the next one.
    fn is_unchanged(&self, run: &Run<'_>, before: &Ledger) -> Checked {
        let mut before = before.clone();
        if self.is_left {
            let plan = |ledger: &Ledger| run.account.plan_of(&ledger.prices);
            if plan(self.after) == plan(&before) {
                before.prices.clone_from(&self.after.prices);
            }
            before.next = self.after.next;
        }
        self.after.unchanged_since(&before)
    }

    /// Returns the invoices of changes that were applied by the request.
    fn applied(&self) -> BTreeSet<String> {
        self.after.changes_since(self.before)
    }
}

/// Checks the invariants of a request.
pub fn check(run: &mut Run<'_>, case: &Case<'_>, expected: &Expected) -> Checked {
    for reply in case.replies.iter().flatten() {
        ensure!(STATUSES.contains(&reply.status), "{} is not in the contract", reply.status);
        ensure!(reply.status != 500, "a bug: {}", reply.body);
        ensure!(!case.calm || reply.status < 500 || case.key.is_some(), "a 5xx without a fault");
    }
    ensure!(case.after.live <= 1, "two subscriptions");
    // Stripe may open a session after its request has failed. Nobody gets its URL, and the next checkout expires it.
    let late = if case.request.endpoint == Endpoint::Checkout { case.unclear() } else { 0 };
    let most = case.before.open_sessions.len().max(1) + late;
    ensure!(case.after.open_sessions.len() <= most, "several open sessions");
    if let Some(first) = &expected.replay {
        return replays(case, first);
    }
    // The table may have stored a response although its write failed. Otherwise it may have stored that of a later attempt.
    if let Some(response) = begun(run, case).and_then(|begun| begun.response)
        && let Some(replay) = case.definite().into_iter().find(|reply| reply.replayed)
        && (replay.body == response || !is_among(replay, &expected.lost))
    {
        // One of several attempts at once may repeat the work, which has no other effect, and store its response.
        for reply in case.definite() {
            ensure!(reply.body == response, "not {response}");
        }
        ensure!(case.after == case.before, "the repetition had an effect");
        close(run, case, replay);
        return Ok(());
    }
    if case.request.endpoint == Endpoint::Checkout {
        return checkout(run, case, expected);
    }
    if case.key.is_none() && case.replies.len() > 1 {
        return several(run, case);
    }
    one(run, case, expected)
}

/// Checks that a completed request is replayed without any effect.
fn replays(case: &Case<'_>, first: &str) -> Checked {
    for reply in case.definite() {
        ensure!(reply.replayed && reply.body == first, "not a replay of {first}");
    }
    ensure!(!case.calm || case.definite().len() == case.replies.len(), "no replay");
    ensure!(case.after == case.before, "the replay had an effect");
    Ok(())
}

/// Returns whether the reply is one of these.
fn is_among(reply: &Reply, responses: &[(u16, &str)]) -> bool {
    responses.contains(&(reply.status, reply.error().as_str()))
}

/// Checks one operation, which may have been sent several times.
fn one(run: &mut Run<'_>, case: &Case<'_>, expected: &Expected) -> Checked {
    let applied = case.applied();
    ensure!(applied.len() <= 1, "charged {} times", applied.len());
    let key = case.key.map_or_else(|| format!("without {}", run.charged.len()), str::to_owned);
    let definite = case.definite();
    for pair in definite.windows(2) {
        ensure!(meaning(pair[0]) == meaning(pair[1]), "different responses");
    }
    let begun = begun(run, case);
    let Some(reply) = definite.first().copied() else {
        return unclear(run, case, expected, &applied, &key);
    };
    let is_expected = is_among(reply, &expected.responses);
    let is_lost = reply.replayed && is_among(reply, &expected.lost);
    ensure!(is_expected || is_lost, "unexpected: {}", reply.status);
    match (reply.status, reply.error().as_str()) {
        _ if !is_expected => {
            ensure!(applied.is_empty(), "charged although rejected");
            case.is_unchanged(run, case.before)?;
        }
        (200, _) => check_applied(run, case, expected, reply, &key)?,
        (402, error) => {
            ensure!(applied.is_empty(), "charged although declined");
            let is_pending = error == "payment_action_required";
            // A replayed decline may coincide with another change's pending update, and a replayed update may have been
            // replaced since.
            let others = begun.is_some() && case.after.pending == case.before.pending;
            ensure!(
                case.after.pending.is_some() == is_pending
                    || others && (!is_pending || reply.replayed),
                "the response contradicts the pending update"
            );
            if is_pending {
                let plan = |ledger: &Ledger| run.account.plan_of(&ledger.prices);
                ensure!(plan(case.after) == plan(case.before), "changed without payment");
            } else {
                // Compares with the state before the first attempt, if nothing else has happened since.
                let before =
                    begun.as_ref().map_or(Some(case.before), |begun| begun.before.as_ref());
                if let Some(before) = before.filter(|before| before.pending.is_none()) {
                    case.is_unchanged(run, before)?;
                }
                let is_first = begun.is_none() && case.before.pending.is_none();
                ensure!(
                    !is_first || case.after.dropped_since(case.before).is_none(),
                    "a decline has left a void invoice"
                );
            }
        }
        _ => {
            ensure!(applied.is_empty(), "charged although rejected");
            ensure!(
                case.after.pending == case.before.pending,
                "a rejection has dropped a pending update"
            );
            // A retry that is rejected still restores the items that a previous attempt dropped.
            let next = begun.as_ref().map_or(case.before.next, |_| case.after.next);
            case.is_unchanged(run, &Ledger { next, ..case.before.clone() })?;
        }
    }
    close(run, case, reply);
    Ok(())
}

/// Completes the operation, unless the table may not have stored the response.
fn close(run: &mut Run<'_>, case: &Case<'_>, reply: &Reply) {
    let Some(keyed) = case.key.and_then(|key| run.keyed.get_mut(key)) else { return };
    let Progress::Open(begun) = &mut keyed.progress else { return };
    if case.stored {
        keyed.progress = Progress::Done(reply.clone());
        return;
    }
    let invoice = reply.json()["invoice"]["id"].as_str().map(str::to_owned);
    **begun = Begun {
        before: None,
        applied: (reply.status == 200).then_some(Applied(invoice)),
        pending: case.after.pending.clone().filter(|_| reply.status == 402),
        response: Some(reply.body.clone()),
        lost: Vec::new(),
    };
}

fn begun(run: &Run<'_>, case: &Case<'_>) -> Option<Begun> {
    match &run.keyed.get(case.key?)?.progress {
        Progress::Open(begun) => Some((**begun).clone()),
        Progress::Done(_) => None,
    }
}

/// Checks that the response of an applied change equals its effect and charge.
fn check_applied(
    run: &mut Run<'_>,
    case: &Case<'_>,
    expected: &Expected,
    reply: &Reply,
    key: &str,
) -> Checked {
    let (applied, body) = (case.applied(), reply.json());
    let named = body["invoice"]["id"].as_str().map(str::to_owned);
    if let Some(before) = &expected.applied {
        ensure!(applied.is_empty(), "charged again");
        ensure!(named == before.0, "applied with another invoice: {before:?}");
    } else {
        let (prices, plan) = (&case.after.prices, run.account.plan_of(&case.after.prices));
        ensure!(plan == Some(case.plan), "not the plan's price");
        // A later request swaps the metered prices where Stripe could not be reached for that.
        ensure!(!case.calm || *prices == run.account.sorted(case.plan), "not the plan's prices");
        ensure!(applied.iter().eq(named.iter()), "applied {applied:?}, named {named:?}");
        ensure!(case.after.pending.is_none(), "an update is pending");
    }
    ensure!(body["plan"] == case.plan.tier, "another plan");
    let amount = text(&body["prorationAmount"]);
    if let Some(named) = named {
        let invoice = case.after.invoices.get(&named);
        let Some(invoice) = invoice else { return Err("the invoice does not exist".to_owned()) };
        let charge = if invoice.total < 0 { invoice.total } else { invoice.due };
        ensure!(amount == money(charge), "charged {charge}, reported {amount}");
        ensure!(invoice.paid == invoice.due, "paid {}, due {}", invoice.paid, invoice.due);
        let other = run.charged.insert(named.clone(), key.to_owned());
        ensure!(
            other.as_ref().is_none_or(|other| other == key || other == "paid later"),
            "{named} belongs to {other:?}"
        );
    }
    if let (Some(shown), None) = (&expected.amount, &expected.applied) {
        ensure!(*shown == amount, "previewed {shown}, charged {amount}");
    }
    Ok(())
}

pub fn money(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

/// Checks an operation without a definite response: it may have been applied or not.
fn unclear(
    run: &mut Run<'_>,
    case: &Case<'_>,
    expected: &Expected,
    applied: &BTreeSet<String>,
    key: &str,
) -> Checked {
    let Case { before, after, .. } = case;
    let plan = run.account.plan_of(&after.prices);
    let moved = plan != run.account.plan_of(&before.prices);
    ensure!(!moved || plan == Some(case.plan), "neither the old plan nor the new one");
    ensure!(applied.is_empty() || moved, "charged without a change");
    if let Some(invoice) = applied.first() {
        let other = run.charged.insert(invoice.clone(), key.to_owned());
        ensure!(other.is_none_or(|other| other == key), "{invoice} belongs to another request");
    }
    let is_same = case.is_unchanged(run, before).is_ok();
    let Some(keyed) = case.key.and_then(|key| run.keyed.get_mut(key)) else {
        run.cut_off |= !is_same;
        return Ok(());
    };
    if let Progress::Open(begun) = &mut keyed.progress {
        if moved {
            ensure!(begun.applied.is_none(), "applied twice");
            begun.applied = Some(Applied(applied.first().cloned()));
        }
        // A pending update that the same request has dropped counts as pending.
        let pending = after.pending.clone().filter(|_| after.pending != before.pending);
        begun.pending = pending.or_else(|| after.dropped_since(before)).or(begun.pending.take());
        lose(begun, expected);
    }
    Ok(())
}

/// Records that the table may have stored one of the expected rejections, whose response was lost.
fn lose(begun: &mut Begun, expected: &Expected) {
    begun.lost.extend(expected.responses.iter().filter(|(status, _)| *status >= 400));
}

/// Checks concurrent requests without an idempotency key: each may take effect, and reports its effect.
fn several(run: &mut Run<'_>, case: &Case<'_>) -> Checked {
    let (applied, definite) = (case.applied(), case.definite());
    let successes = definite.iter().filter(|reply| reply.status == 200);
    // A second success may find the target plan and name the first one's invoice.
    let named: BTreeSet<String> = successes
        .filter_map(|reply| reply.json()["invoice"]["id"].as_str().map(str::to_owned))
        .collect();
    ensure!(named.is_subset(&applied), "named {named:?}, applied {applied:?}");
    let unclear = case.unclear();
    ensure!(applied.len() <= named.len() + unclear, "charged {} times", applied.len());
    for invoice in applied {
        run.charged.insert(invoice, "one of several".to_owned());
    }
    let is_pending = definite.iter().any(|reply| reply.error() == "payment_action_required");
    ensure!(
        unclear > 0 || case.after.pending.is_none() || is_pending || case.before.pending.is_some(),
        "an unreported update is pending"
    );
    run.cut_off |= unclear > 0;
    Ok(())
}

fn checkout(run: &mut Run<'_>, case: &Case<'_>, expected: &Expected) -> Checked {
    let untouched = |ledger: &Ledger| {
        let open_sessions = BTreeSet::new();
        Ledger { open_sessions, ..ledger.clone() }
    };
    ensure!(untouched(case.after) == untouched(case.before), "a checkout must change nothing");
    let definite = case.definite();
    for reply in &definite {
        let is_lost = reply.replayed && is_among(reply, &expected.lost);
        ensure!(is_among(reply, &expected.responses) || is_lost, "unexpected: {}", reply.status);
        // A replayed session is that of an attempt that was killed after it had stored its response. A checkout for another
        // plan may have expired it since.
        if reply.status == 201 && !reply.replayed {
            let id = text(&reply.json()["id"]);
            let open = &case.after.open_sessions;
            let is_only = open.len() == 1 || case.unclear() > 0;
            ensure!(is_only && open.contains(&id), "{id} is not the only open session");
        }
    }
    if let Some(reply) = definite.first() {
        close(run, case, reply);
    } else if let Some(Keyed { progress: Progress::Open(begun), .. }) =
        case.key.and_then(|key| run.keyed.get_mut(key))
    {
        lose(begun, expected);
    }
    Ok(())
}

/// Checks the invariants at the end of a history.
pub fn check_end(run: &Run<'_>, ledger: &Ledger) -> Checked {
    if run.cut_off {
        return Ok(());
    }
    let is_reported = run.keyed.values().any(|keyed| match &keyed.progress {
        Progress::Done(reply) => reply.error() == "payment_action_required",
        Progress::Open(_) => false,
    });
    ensure!(
        ledger.pending.is_none()
            || is_reported
            || run.counts.0.keys().any(|name| name.ends_with("payment_action_required")),
        "an unreported update is pending"
    );
    let added = run.account.items.iter().filter(|(_, amount)| *amount != 0);
    let is_owed = run.expired
        || ledger.owed().into_iter().filter(|(_, amount)| *amount != 0).eq(added.cloned());
    ensure!(is_owed, "added {:?}, owed {:?}", run.account.items, ledger.owed());
    for (id, invoice) in &ledger.invoices {
        let is_change = invoice.reason == "subscription_update" && invoice.status == "paid";
        ensure!(!is_change || run.charged.contains_key(id), "no response reported {id}");
    }
    Ok(())
}
