//! Functions of a deployed stack.

/// Folders under `functions/`.
pub(crate) const FUNCTIONS: [&str; 12] = [
    "summary",
    "info",
    "invoices",
    "dunning",
    "usage",
    "invoice",
    "checkout-session",
    "portal-session",
    "plan-change-preview",
    "plan-change",
    "plan-change-cancel",
    "follow",
];
