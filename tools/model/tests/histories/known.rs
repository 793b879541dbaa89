//! Histories that once violated an invariant.

use model::plans::Plan;
use model::{TableFault, Write};

use crate::overlap::{Move, Overlap, What};
use crate::steps::{Card, Disturbances, Fault, History, Kind, Quoted, Start, Step};
use crate::{check, check_overlap};

fn plan(tier: &str, interval: &str) -> Plan {
    let mut all = Plan::ALL.into_iter();
    all.find(|plan| plan.tier == tier && plan.interval == interval).expect("it is sold")
}

pub fn month(tier: &str) -> Plan {
    plan(tier, "month")
}

/// A POST that Stripe executes, and whose failure it keeps.
pub fn stored(at: &'static str) -> Fault {
    Fault { at, method: "POST", kind: Kind::Stored, after_work: true, count: 1 }
}

fn change(to: Plan, key: Option<u8>, disturbances: Disturbances) -> Step {
    Step::Change { to, quote: Quoted::None, key, disturbances }
}

fn fault(at: &'static str, kind: Kind, after_work: bool) -> Disturbances {
    let fault = Fault { at, method: "POST", kind, after_work, count: 1 };
    Disturbances { faults: vec![fault], ..Disturbances::default() }
}

#[track_caller]
fn holds(start: Start, steps: Vec<Step>) {
    if let Err(violation) = check(&History { start, steps, seed: 0 }) {
        panic!("{violation}");
    }
}

#[test]
fn change_with_a_lost_response_is_not_applied_again_after_another_change() {
    let lost = fault("/v1/subscriptions/", Kind::Latency(40_000), true);
    let steps = vec![
        change(month("hobby"), Some(0), lost),
        change(month("pro"), None, Disturbances::default()),
    ];
    holds(Start::Subscribed(month("pro"), Card::Good), steps);
}

#[test]
fn superseded_change_starts_again_from_the_current_state() {
    for quote in [Quoted::None, Quoted::Fresh] {
        // The second change refers to items that the first one has removed.
        let disturbances = Disturbances { twins: 2, ..Disturbances::default() };
        let steps = vec![Step::Change { to: month("plain"), quote, key: None, disturbances }];
        holds(Start::Subscribed(plan("pro", "year"), Card::Good), steps);
    }
}

#[test]
fn retry_undoes_a_declined_change_killed_at_any_point() {
    for polls in (1..90).step_by(5) {
        let killed = Disturbances { crash: Some(polls), ..Disturbances::default() };
        let steps = vec![
            Step::Usage { meter: 0, value: 2_500 },
            Step::Item(1_500),
            change(month("agency"), Some(0), killed),
        ];
        holds(Start::Subscribed(month("pro"), Card::Declined), steps);
    }
}

#[test]
fn items_on_a_pending_updates_invoice_are_not_charged_without_a_preview() {
    for quote in [Quoted::Fresh, Quoted::None] {
        let disturbances = Disturbances::default;
        let steps = vec![
            Step::Item(1_500),
            Step::Card(Card::Authenticates),
            change(month("agency"), None, disturbances()),
            Step::Card(Card::Good),
            Step::Change {
                to: plan("pro", "year"),
                quote,
                key: Some(0),
                disturbances: disturbances(),
            },
        ];
        holds(Start::Subscribed(month("pro"), Card::Good), steps);
    }
}

#[test]
fn stored_stripe_failure_does_not_block_checkout() {
    for at in ["/v1/customers", "/v1/checkout"] {
        let calm = Disturbances::default;
        let to = month("pro");
        let steps = vec![
            Step::Checkout { to, key: Some(0), disturbances: fault(at, Kind::Stored, true) },
            Step::Checkout { to, key: None, disturbances: calm() },
            Step::Checkout { to: month("agency"), key: None, disturbances: calm() },
        ];
        holds(Start::Fresh, steps);
    }
}

#[test]
fn later_change_is_not_reported_as_the_retried_one() {
    let lost = fault("/v1/subscriptions/", Kind::Latency(40_000), true);
    let steps = vec![
        change(month("hobby"), Some(0), lost),
        change(month("pro"), None, Disturbances::default()),
        // Stripe's replayed response to the first change is malformed.
        Step::Retry { nth: 0, other: None, disturbances: fault("/v1/", Kind::Garbage, false) },
    ];
    holds(Start::Subscribed(month("pro"), Card::Good), steps);
}

#[test]
fn superseded_change_that_was_paid_is_reported_as_applied() {
    let killed = Disturbances { crash: Some(20), ..Disturbances::default() };
    let steps = vec![
        change(month("agency"), Some(1), killed),
        Step::Authenticate(true),
        change(month("hobby"), None, Disturbances::default()),
    ];
    holds(Start::Subscribed(month("hobby"), Card::Authenticates), steps);
}

#[test]
fn decline_is_reported_from_the_journal_if_stripe_replays_a_failure() {
    let mut disturbances = fault("/v1/", Kind::Stored, false);
    let void = fault("/v1/invoices/in_", Kind::Status(500), false).faults[0];
    disturbances.faults.insert(0, Fault { count: 3, ..void });
    let steps = vec![
        change(month("pro"), Some(0), disturbances),
        change(month("pro"), None, Disturbances::default()),
    ];
    holds(Start::Subscribed(month("hobby"), Card::Declined), steps);
}

#[test]
fn accrued_usage_is_restored_although_stripe_stored_a_failure() {
    for after_work in [false, true] {
        let steps = vec![
            Step::Usage { meter: 0, value: 101 },
            change(
                plan("pro", "year"),
                Some(0),
                fault("/v1/invoiceitems", Kind::Stored, after_work),
            ),
        ];
        holds(Start::Subscribed(month("pro"), Card::Declined), steps);
    }
}

fn send(to: Plan, keyed: bool, polls: u8) -> Move {
    Move::Send { what: What::Change(to, Quoted::None), keyed, polls }
}

#[track_caller]
fn holds_overlapping(start: Start, moves: Vec<Move>) {
    if let Err(violation) = check_overlap(&Overlap { start, moves, seed: 0 }) {
        panic!("{violation}");
    }
}

#[test]
fn two_changes_at_once_report_the_plans_that_they_replaced() {
    for polls in (1..40).step_by(3) {
        let moves = vec![send(month("hobby"), false, polls), send(month("pro"), true, u8::MAX)];
        holds_overlapping(Start::Subscribed(month("agency"), Card::Good), moves);
    }
}

#[test]
fn two_changes_at_once_bill_accrued_usage_once() {
    for polls in (1..40).step_by(3) {
        let moves = vec![
            Move::Event(Step::Usage { meter: 0, value: 2_086 }),
            send(plan("pro", "year"), true, polls),
            send(month("hobby"), false, u8::MAX),
        ];
        holds_overlapping(Start::Subscribed(month("pro"), Card::Authenticates), moves);
    }
}

#[test]
fn change_that_replaces_a_waiting_one_charges_the_restored_usage_once() {
    let moves = vec![
        Move::Event(Step::Usage { meter: 0, value: 500 }),
        send(plan("pro", "year"), false, u8::MAX),
    ];
    holds_overlapping(Start::Subscribed(month("agency"), Card::Authenticates), moves);
}

#[test]
fn crashed_change_is_settled_by_the_next_one() {
    for polls in (1..40).step_by(7) {
        for card in [Card::Good, Card::Declined, Card::Authenticates] {
            let moves = vec![
                Move::Event(Step::Usage { meter: 0, value: 700 }),
                Move::Event(Step::Item(1_500)),
                send(month("agency"), polls % 2 == 0, polls),
                Move::Crash(0),
            ];
            holds_overlapping(Start::Subscribed(month("pro"), card), moves);
        }
    }
}

#[test]
fn crashed_change_from_a_free_plan_is_reported_by_its_invoice() {
    for polls in (1..40).step_by(7) {
        let moves = vec![send(month("pro"), false, polls), Move::Crash(0)];
        holds_overlapping(Start::Subscribed(month("hobby"), Card::Good), moves);
    }
}

#[test]
fn response_of_an_interrupted_change_is_stored_before_another_one_is_made() {
    let fails = TableFault { write: Some(Write::Store), after: 0, calls: 3, done: false };
    for polls in (1..60).step_by(3) {
        let moves = vec![
            send(month("agency"), true, polls),
            Move::Crash(0),
            Move::Expire,
            Move::Table(fails),
            send(month("plain"), false, u8::MAX),
        ];
        holds_overlapping(Start::Subscribed(month("pro"), Card::Good), moves);
    }
}

#[test]
fn change_during_which_the_customer_cancels_is_no_error_of_stripes() {
    for polls in 1..40 {
        let moves = vec![
            send(month("plain"), false, polls),
            Move::Event(Step::Cancel(true)),
            Move::Poll { nth: 0, polls: u8::MAX },
        ];
        holds_overlapping(Start::Subscribed(month("agency"), Card::Good), moves);
    }
}

#[test]
fn rejection_that_was_not_stored_is_replaced_by_that_of_a_retry() {
    for polls in (1..60).step_by(4) {
        let table = TableFault { write: Some(Write::Store), after: 0, calls: 3, done: false };
        let not_stored = Disturbances { table: Some(table), ..Disturbances::default() };
        let killed = Disturbances { crash: Some(polls), ..Disturbances::default() };
        let steps = vec![
            Step::Checkout { to: month("hobby"), key: Some(0), disturbances: not_stored },
            Step::Retry { nth: 0, other: None, disturbances: killed },
        ];
        holds(Start::Subscribed(month("hobby"), Card::Good), steps);
    }
}

#[test]
fn one_of_two_retries_repeats_a_checkout_whose_response_was_not_stored() {
    let failing = |write, after, calls| {
        let table = TableFault { write, after, calls, done: false };
        Disturbances { table: Some(table), ..Disturbances::default() }
    };
    for calls in 1..4 {
        let twins = Disturbances { twins: 1, ..failing(None, 0, calls) };
        let steps = vec![
            Step::Checkout {
                to: month("hobby"),
                key: Some(0),
                disturbances: failing(Some(Write::Store), 0, 3),
            },
            Step::Retry { nth: 0, other: None, disturbances: twins },
        ];
        holds(Start::Customer(Card::Good), steps);
    }
}

#[test]
fn rejection_that_was_stored_although_its_write_failed_is_replayed_after_a_crash() {
    let table = TableFault { write: None, after: 0, calls: 1, done: false };
    let failing = Disturbances { table: Some(table), ..Disturbances::default() };
    let killed = Disturbances { crash: Some(1), ..Disturbances::default() };
    let steps = vec![
        change(month("pro"), None, Disturbances::default()),
        change(month("pro"), Some(1), failing),
        change(plan("pro", "year"), None, Disturbances::default()),
        change(month("hobby"), Some(1), killed),
    ];
    holds(Start::Subscribed(month("hobby"), Card::Good), steps);
}

#[test]
fn change_that_was_applied_is_no_rejection_after_a_failure_of_the_table() {
    for after in 0..12 {
        let table = TableFault { write: None, after, calls: 3, done: false };
        let steps = vec![
            Step::Change {
                to: month("hobby"),
                quote: Quoted::None,
                key: Some(0),
                disturbances: Disturbances { twins: 1, crash: Some(29), ..Disturbances::default() },
            },
            Step::Retry {
                nth: 0,
                other: None,
                disturbances: Disturbances { table: Some(table), ..Disturbances::default() },
            },
        ];
        let start = Start::Subscribed(month("agency"), Card::Good);
        if let Err(violation) = check(&History { start, steps, seed: 2_074_080_323_573_078_346 }) {
            panic!("{after}: {violation}");
        }
    }
}

#[test]
fn session_that_stripe_opens_late_is_one_that_nobody_got() {
    let kind = Kind::Latency(12_000);
    let slow = Fault { at: "/v1/checkout", method: "POST", kind, after_work: false, count: 1 };
    for twins in 0..3 {
        let disturbances = Disturbances { twins, faults: vec![slow], ..Disturbances::default() };
        let again = Disturbances::default();
        let steps = vec![
            Step::Checkout { to: month("hobby"), key: None, disturbances },
            Step::Checkout { to: month("hobby"), key: None, disturbances: again },
        ];
        holds(Start::Fresh, steps);
    }
}
