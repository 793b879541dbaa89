//! Each mechanism of stored reads is necessary: without it, a short history violates a law of [`crate::fresh`].

use std::time::Duration;

use model::{Weakness, World, plans, runtime};
use serde_json::json;
use tokio::time::sleep;

use crate::fresh::Run;
use crate::run::Checked;

/// Runs a history with the mechanism and without it.
#[track_caller]
fn is_needed(weakness: Weakness, history: &impl AsyncFn(&Run<'_>) -> Checked) {
    let run = |weakness: Option<Weakness>| {
        runtime().block_on(async {
            let world = World::new();
            let prices = plans::create(&world.stripe).await;
            let run = Run::begin(&world, &prices, 1).await;
            if let Some(weakness) = weakness {
                world.table.weaken(weakness);
            }
            history(&run).await
        })
    };
    assert_eq!(run(None), Ok(()), "with the mechanism");
    let violation = run(Some(weakness)).expect_err("a violation");
    println!("{weakness:?}: {violation}");
}

async fn show(run: &Run<'_>) -> Checked {
    run.read(0, true, false, None).await
}

/// Shows the customer before a change and after it was followed.
async fn follow_a_change(run: &Run<'_>) -> Checked {
    show(run).await?;
    run.change_balance().await;
    run.follow(true).await;
    show(run).await
}

/// Delays one request to Stripe by five seconds: its execution, or only its response.
async fn delay(run: &Run<'_>, method: &str, path: &str, after_work: bool) {
    run.stripe
        .add_fault(&json!({
            "kind": "latency", "delay_ms": 5_000, "method": method, "path": path,
            "after_work": after_work, "count": 1,
        }))
        .await;
}

#[test]
fn put_has_a_condition() {
    is_needed(Weakness::UnconditionalPut, &async |run: &Run<'_>| {
        delay(run, "GET", "/v1/customers", true).await;
        let late = run.read(1, true, false, None);
        let others = async {
            sleep(Duration::from_secs(1)).await;
            run.change_balance().await;
            run.follow(true).await;
            show(run).await
        };
        let (late, others) = tokio::join!(late, others);
        late.and(others)?;
        run.set_outage(true).await;
        show(run).await
    });
}

#[test]
fn watermark_is_published_last() {
    is_needed(Weakness::EarlyWatermark, &follow_a_change);
}

#[test]
fn generations_are_read_strongly_consistent() {
    is_needed(Weakness::EventualRead, &follow_a_change);
}

#[test]
fn change_raises_its_generation_twice() {
    is_needed(Weakness::OneRaise, &async |run: &Run<'_>| {
        delay(run, "POST", "/v1/subscriptions", false).await;
        let early = async {
            sleep(Duration::from_secs(2)).await;
            show(run).await
        };
        let (change, early) = tokio::join!(run.change_plan(1, None), early);
        change.and(early)?;
        show(run).await
    });
}

#[test]
fn change_records_that_it_was_our_own() {
    is_needed(Weakness::NoWritten, &async |run: &Run<'_>| {
        show(run).await?;
        run.change_plan(1, None).await?;
        run.set_outage(true).await;
        show(run).await
    });
}

#[test]
fn time_of_a_read_is_by_the_clock_of_stripe() {
    let run = |ahead: i64| {
        runtime().block_on(async {
            let world = World::new();
            let prices = plans::create(&world.stripe).await;
            let run = Run::begin(&world, &prices, 1).await;
            // As with the time of a process whose clock is ahead.
            run.stripe.set_date_ahead(ahead);
            show(&run).await?;
            run.stripe.set_date_ahead(0);
            run.stripe.advance(60).await;
            run.change_balance().await;
            show(&run).await
        })
    };
    assert_eq!(run(0), Ok(()));
    assert!(run(300).is_err());
}
