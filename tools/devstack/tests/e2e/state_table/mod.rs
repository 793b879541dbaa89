//! State table: what every endpoint says in every billing state.
//!
//! `docs/states.md` has the results, and the case fails if they differ; `UPDATE=1` updates the page. `row` checks for
//! every state that `info.capabilities` promises what the calls then do.

mod fixtures;
mod page;
mod row;

use crate::cases;
use crate::harness::Harness;
use fixtures::STATES;
use row::Row;

cases![every_endpoint_says_in_every_state_what_the_page_says];

fn every_endpoint_says_in_every_state_what_the_page_says(harness: &Harness) {
    let rows = STATES.iter().enumerate().map(|(number, state)| {
        let account = (state.make)(harness, &format!("state-{number}"));
        Row::of(harness, state, &account)
    });
    let rows: Vec<Row> = rows.collect();
    page::compare(&rows);
    let broken: Vec<_> =
        rows.iter().filter(|row| !row.keeps_promises()).map(|row| row.name).collect();
    assert_eq!(broken, [""; 0], "states whose capabilities differ from the calls");
}
