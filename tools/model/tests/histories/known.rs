//! Histories that once broke a law, each by its name.

use model::plans::Plan;

use crate::lived;
use crate::steps::{Card, Fault, History, Kind, Quoted, Start, Step, Troubles};

fn plan(tier: &str, interval: &str) -> Plan {
    let mut all = Plan::ALL.into_iter();
    all.find(|plan| plan.tier == tier && plan.interval == interval).expect("it is sold")
}

fn month(tier: &str) -> Plan {
    plan(tier, "month")
}

fn change(to: Plan, key: Option<u8>, trouble: Troubles) -> Step {
    Step::Change { to, quote: Quoted::None, key, trouble }
}

fn fault(at: &'static str, kind: Kind, after_work: bool) -> Troubles {
    let fault = Fault { at, method: "POST", kind, after_work, count: 1 };
    Troubles { faults: vec![fault], ..Troubles::default() }
}

#[track_caller]
fn holds(start: Start, steps: Vec<Step>) {
    if let Err(broken) = lived(&History { start, steps, seed: 0 }) {
        panic!("{broken}");
    }
}

#[test]
fn a_change_that_nobody_heard_of_is_not_made_again_after_another_one() {
    let lost = fault("/v1/subscriptions/", Kind::Latency(40_000), true);
    let steps = vec![
        change(month("hobby"), Some(0), lost),
        change(month("pro"), None, Troubles::default()),
    ];
    holds(Start::Subscribed(month("pro"), Card::Good), steps);
}

#[test]
fn a_change_that_was_overtaken_starts_again_from_what_there_is() {
    for quote in [Quoted::None, Quoted::Fresh] {
        // Whoever is second refers to items that the first has taken away.
        let trouble = Troubles { twins: 2, ..Troubles::default() };
        let steps = vec![Step::Change { to: month("plain"), quote, key: None, trouble }];
        holds(Start::Subscribed(plan("pro", "year"), Card::Good), steps);
    }
}

#[test]
fn a_killed_change_is_undone_by_the_repetition_wherever_it_was_killed() {
    for polls in (1..90).step_by(5) {
        let killed = Troubles { crash: Some(polls), ..Troubles::default() };
        let steps = vec![
            Step::Usage { meter: 0, value: 2_500 },
            Step::Item(1_500),
            change(month("agency"), Some(0), killed),
        ];
        holds(Start::Subscribed(month("pro"), Card::Declined), steps);
    }
}

#[test]
fn what_a_change_that_waits_has_swept_up_is_not_charged_for_unseen() {
    for quote in [Quoted::Fresh, Quoted::None] {
        let trouble = Troubles::default;
        let steps = vec![
            Step::Item(1_500),
            Step::Card(Card::Authenticates),
            change(month("agency"), None, trouble()),
            Step::Card(Card::Good),
            Step::Change { to: plan("pro", "year"), quote, key: Some(0), trouble: trouble() },
        ];
        holds(Start::Subscribed(month("pro"), Card::Good), steps);
    }
}

#[test]
fn a_failure_that_stripe_remembers_keeps_nobody_from_a_checkout_for_a_day() {
    for at in ["/v1/customers", "/v1/checkout"] {
        let calm = Troubles::default;
        let to = month("pro");
        let steps = vec![
            Step::Checkout { to, key: Some(0), trouble: fault(at, Kind::Stored, true) },
            Step::Checkout { to, key: None, trouble: calm() },
            Step::Checkout { to: month("agency"), key: None, trouble: calm() },
        ];
        holds(Start::Fresh, steps);
    }
}

#[test]
fn a_change_is_not_told_as_the_one_that_came_after_it() {
    let lost = fault("/v1/subscriptions/", Kind::Latency(40_000), true);
    let steps = vec![
        change(month("hobby"), Some(0), lost),
        change(month("pro"), None, Troubles::default()),
        // Stripe's answer to the first one, given again, cannot be read.
        Step::Again { nth: 0, other: None, trouble: fault("/v1/", Kind::Garbage, false) },
    ];
    holds(Start::Subscribed(month("pro"), Card::Good), steps);
}

#[test]
fn a_change_that_was_paid_for_and_overtaken_is_told_as_it_was_made() {
    let killed = Troubles { crash: Some(20), ..Troubles::default() };
    let steps = vec![
        change(month("agency"), Some(1), killed),
        Step::Authenticate(true),
        change(month("hobby"), None, Troubles::default()),
    ];
    holds(Start::Subscribed(month("hobby"), Card::Authenticates), steps);
}

#[test]
fn a_decline_that_stripe_will_not_tell_again_is_told_from_what_was_noted() {
    let mut trouble = fault("/v1/", Kind::Stored, false);
    let void = fault("/v1/invoices/in_", Kind::Status(500), false).faults[0];
    trouble.faults.insert(0, Fault { count: 3, ..void });
    let steps = vec![
        change(month("pro"), Some(0), trouble),
        change(month("pro"), None, Troubles::default()),
    ];
    holds(Start::Subscribed(month("hobby"), Card::Declined), steps);
}

#[test]
fn what_was_swept_up_is_put_back_though_stripe_remembers_a_failure() {
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
