//! Histories of changes at the end of the period that once violated an invariant.

use model::plans::Plan;

use crate::check_later;
use crate::known::{month, stored};
use crate::later::{Later, Move, Trouble, What};
use crate::steps::{Fault, Kind};

#[track_caller]
fn holds(plan: Plan, moves: Vec<Move>) {
    let history = Later { plan, moves, seed: 0 };
    if let Err(violation) = check_later(&history) {
        panic!("{violation}\n{history:?}");
    }
}

fn send(what: What, keyed: bool, trouble: Trouble) -> Move {
    Move::Send { what, keyed, trouble }
}

fn killed(polls: u8) -> Trouble {
    Trouble { crash: Some(polls), faults: Vec::new() }
}

fn failing(fault: Fault) -> Trouble {
    Trouble { crash: None, faults: vec![fault] }
}

#[test]
fn schedule_whose_response_stripe_keeps_as_a_failure_is_found_and_released() {
    for keyed in [false, true] {
        let trouble = failing(stored("/v1/subscription_schedules"));
        holds(month("plain"), vec![send(What::Schedule(month("hobby")), keyed, trouble)]);
    }
}

#[test]
fn scheduled_change_whose_response_was_lost_is_reported_after_its_schedule_is_over() {
    for polls in (1..60).step_by(2) {
        let moves = vec![
            send(What::Schedule(month("pro")), true, killed(polls)),
            Move::Pass(true),
            Move::Pass(true),
        ];
        holds(month("hobby"), moves);
    }
}

#[test]
fn schedule_that_settling_makes_is_released_although_stripe_keeps_a_failure() {
    for polls in (1..60).step_by(2) {
        let moves = vec![
            send(What::Schedule(month("pro")), false, killed(polls)),
            send(What::Schedule(month("hobby")), false, failing(stored("/v1/"))),
        ];
        holds(month("hobby"), moves);
    }
}

#[test]
fn interrupted_scheduling_does_not_undo_a_later_cancellation() {
    for polls in (1..60).step_by(4) {
        let scheduling = send(What::Schedule(month("hobby")), false, killed(polls));
        holds(month("plain"), vec![scheduling, Move::Cancel(true)]);
    }
}

#[test]
fn dropped_cancellation_is_not_dropped_again_after_another_one() {
    for next in [
        Move::Retry { nth: 0, trouble: Trouble::default() },
        send(What::Schedule(month("hobby")), false, Trouble::default()),
    ] {
        let kind = Kind::Status(500);
        let fault = Fault { kind, count: 3, ..stored("/v1/subscriptions/") };
        let moves = vec![
            Move::Cancel(true),
            send(What::Drop, true, failing(fault)),
            Move::Cancel(true),
            next,
        ];
        holds(month("hobby"), moves);
    }
}

#[test]
fn retry_of_a_drop_does_not_undo_a_later_cancellation() {
    let scheduled = vec![
        send(What::Schedule(month("pro")), false, Trouble::default()),
        send(What::Drop, true, failing(stored("/v1/subscription_schedules/"))),
        Move::Cancel(true),
    ];
    holds(month("plain"), scheduled);
    let waiting = vec![
        Move::Card(false),
        send(What::Change(month("pro")), false, Trouble::default()),
        send(What::Drop, true, failing(stored("/v1/invoices/"))),
        Move::Cancel(true),
    ];
    holds(month("plain"), waiting);
}

#[test]
fn cancellation_can_be_dropped_after_a_change_that_was_cut_off() {
    for polls in 1..60 {
        for keyed in [false, true] {
            let moves = vec![
                send(What::Change(month("hobby")), keyed, killed(polls)),
                Move::Cancel(true),
                send(What::Drop, true, killed(polls)),
            ];
            holds(month("plain"), moves);
        }
    }
}

#[test]
fn waiting_change_that_was_cut_off_and_dropped_is_not_made_again_by_its_retry() {
    for polls in (1..70).step_by(2) {
        let moves = vec![
            Move::Card(false),
            send(What::Change(month("pro")), true, killed(polls)),
            send(What::Drop, false, Trouble::default()),
        ];
        holds(month("hobby"), moves);
    }
}

#[test]
fn drop_that_came_too_late_is_no_success() {
    for polls in 1..60 {
        let moves = vec![
            send(What::Schedule(month("pro")), false, Trouble::default()),
            send(What::Drop, true, killed(polls)),
            Move::Pass(true),
        ];
        holds(month("plain"), moves);
    }
}

#[test]
fn stored_failure_of_a_release_does_not_block_the_next_request() {
    let at = "/v1/subscription_schedules/sub_sched";
    let cut = Fault { kind: Kind::HangUp, after_work: false, count: 3, ..stored(at) };
    let moves = [cut, stored("/v1/")]
        .map(|fault| send(What::Schedule(month("hobby")), false, failing(fault)));
    holds(month("pro"), moves.into());
}
