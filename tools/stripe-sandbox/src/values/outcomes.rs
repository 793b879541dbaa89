//! Outcomes of charges.

use super::failures::Failure;

/// Outcome of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    RequiresAction,
    Declined(Failure),
    /// The outcome is known later.
    Processing(Ending),
}

/// End of a payment that is processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Never,
    Succeeds,
    Fails(Failure),
}
