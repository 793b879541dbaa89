//! Outage table: every endpoint under every fault of Stripe, AWS and clocks.
//!
//! `docs/reliability.md` has the results, and the suite fails if they differ; `UPDATE=1` updates the document. `cell`
//! checks what must hold for every result.

mod bulk_accounts;
mod cell;
mod faults;
mod fields;
mod json_fields;
mod proxy;
mod report;
mod request;

use crate::cases;
use crate::function_process::PATIENT;
use crate::harness::Harness;
use cell::{Cell, Undisturbed};
use faults::{ALL, FAULTS};

cases![every_endpoint_under_every_fault, missing_field_that_is_read_returns_an_error];

/// Number of concurrent functions, and of those that mostly wait.
const AT_ONCE: usize = 24;
const WAITING_AT_ONCE: usize = 48;

fn every_endpoint_under_every_fault(harness: &Harness) {
    let prices = harness.prices("pro", "month");
    harness.forget_stored_reads();
    let undisturbed = Undisturbed::of(harness, &prices);
    let all = FAULTS.iter().enumerate().flat_map(|(number, fault)| {
        let concerned = ALL.iter().filter(|name| fault.concerns.contains(name));
        concerned.map(move |name| (number, fault, *name))
    });
    let (quick, slow): (Vec<_>, Vec<_>) = all.partition(|(_, fault, _)| fault.time == PATIENT);
    let waves = quick.chunks(AT_ONCE).chain(slow.chunks(WAITING_AT_ONCE));
    let (mut rows, mut count) = (Vec::new(), 0..);
    for wave in waves {
        let mut cells: Vec<_> = wave
            .iter()
            .zip(&mut count)
            .map(|((_, fault, name), number)| {
                Cell::prepare(harness, fault, name, (&prices, number))
            })
            .collect();
        cells.iter_mut().for_each(Cell::send);
        let first: Vec<_> = cells.iter_mut().map(Cell::first).collect();
        cells.iter_mut().for_each(Cell::send);
        let second: Vec<_> = cells.iter_mut().map(Cell::second).collect();
        for (((cell, first), second), (number, ..)) in cells.iter().zip(first).zip(second).zip(wave)
        {
            rows.push((*number, cell.row(first, &second, &undisturbed)));
        }
    }
    rows.sort_by_key(|(number, _)| *number);
    report::compare(&rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
}

fn missing_field_that_is_read_returns_an_error(harness: &Harness) {
    report::compare_fields(&fields::sweep(harness), fields::is_soak());
}
