//! GETs of an account whose reads are stored, after a change at Stripe, under each fault. Writes the table of
//! docs/reliability.md.

use std::fmt::Write as _;

use fixtures::WrittenPart;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use model::{Endpoint, Reply, TableFault, World, plans, runtime};
use serde_json::json;

use crate::fresh::{Disturbance, Run};

const TABLE: WrittenPart = WrittenPart {
    page: "reliability.md",
    begin: "<!-- stored reads: begin. Written by the test `histories`; UPDATE=1 updates it. -->\n",
    end: "<!-- stored reads: end -->\n",
};

/// A fault: its name, and what happens before the account is read for the first time and then before its balance changes.
struct Case {
    name: &'static str,
    begin: for<'a> fn(&'a World) -> LocalBoxFuture<'a, ()>,
    strike: for<'a> fn(&'a World, &'a Run<'a>) -> LocalBoxFuture<'a, ()>,
    /// Whether the events are followed after the change.
    follows: bool,
}

const USUAL: Case = Case {
    name: "no fault",
    begin: |_| async {}.boxed_local(),
    strike: |_, _| async {}.boxed_local(),
    follows: true,
};

const CASES: [Case; 11] = [
    USUAL,
    Case {
        name: "events are listed twice",
        strike: |_, run| run.disturb(Disturbance::Duplicate).boxed_local(),
        ..USUAL
    },
    Case {
        name: "events are listed in reverse order",
        strike: |_, run| run.disturb(Disturbance::Reverse).boxed_local(),
        ..USUAL
    },
    Case {
        name: "the event is listed 50 s late",
        strike: |_, run| run.disturb(Disturbance::Late(50)).boxed_local(),
        ..USUAL
    },
    Case {
        name: "the event is never listed",
        strike: |_, run| run.disturb(Disturbance::Lose).boxed_local(),
        ..USUAL
    },
    Case { name: "`follow` has not run for 30 s", follows: false, ..USUAL },
    Case {
        name: "`follow` has not run for 10 min",
        begin: |world| async { world.stripe.set_date_ahead(-600) }.boxed_local(),
        strike: |world, _| async { world.stripe.set_date_ahead(0) }.boxed_local(),
        follows: false,
    },
    Case {
        name: "the same, and Stripe is down",
        begin: |world| async { world.stripe.set_date_ahead(-600) }.boxed_local(),
        strike: |world, _| {
            async {
                world.stripe.set_date_ahead(0);
                world.stripe.set_outage(true);
            }
            .boxed_local()
        },
        follows: false,
    },
    Case {
        name: "DynamoDB is throttled",
        strike: |world, _| {
            async {
                let fault = TableFault { write: None, after: 0, calls: u8::MAX, done: false };
                world.table.set_fault(Some(fault));
            }
            .boxed_local()
        },
        follows: false,
        ..USUAL
    },
    Case {
        name: "our clock is 5 min behind Stripe's",
        begin: |world| world.stripe.advance(300).map(drop).boxed_local(),
        follows: false,
        ..USUAL
    },
    Case {
        name: "our clock is 5 min ahead of Stripe's",
        begin: |world| async { world.stripe.set_date_ahead(-300) }.boxed_local(),
        follows: false,
        ..USUAL
    },
];

/// Describes what a GET shows.
fn shown(reply: &Reply) -> String {
    let body = reply.json();
    if reply.status != 200 {
        return format!("{} `{}`", reply.status, reply.error());
    }
    let change = if body["balance"] == "0.01" { "with" } else { "without" };
    let stale = if body["stale"] == true { ", `stale`" } else { "" };
    format!("{change} the change{stale}")
}

fn row(case: &Case) -> String {
    runtime().block_on(async {
        let world = World::new();
        let prices = plans::create(&world.stripe).await;
        (case.begin)(&world).await;
        let run = Run::begin(&world, &prices, 1).await;
        run.follow(true).await;
        run.get(Endpoint::Summary).await;
        (case.strike)(&world, &run).await;
        run.change_balance().await;
        if case.follows {
            run.follow(true).await;
        }
        let first = run.get(Endpoint::Summary).await;
        let post = run.post(Endpoint::Preview, json!({ "plan": "agency" })).await;
        // A minute later, and the fault is over.
        world.stripe.set_outage(false);
        world.table.set_fault(None);
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        run.stripe.advance(61).await;
        run.follow(true).await;
        let second = run.get(Endpoint::Summary).await;
        let post = match post.error() {
            error if error.is_empty() => post.status.to_string(),
            error => format!("{} `{error}`", post.status),
        };
        format!("| {} | {} | {post} | {} |", case.name, shown(&first), shown(&second))
    })
}

#[test]
fn table_of_stored_reads_under_each_fault() {
    let mut table =
        "\n| fault | GET | preview | GET a minute after the fault |\n|---|---|---|---|\n"
            .to_owned();
    for case in &CASES {
        let _ = writeln!(table, "{}", row(case));
    }
    TABLE.check(&format!("{table}\n"));
}
