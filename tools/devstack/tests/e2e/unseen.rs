//! What `openapi.yaml` has and the suite never sees, each with the reason.

/// As [`contract::all_cases`] words it.
pub(crate) const UNSEEN: &[(&str, &str)] = &[
    ("ChangeInvoice.hostedUrl null", "an invoice of a change is final, and then it has a page"),
    ("ChangeInvoice.number null", "an invoice of a change is final, and then it has a number"),
    (
        "CancellationReason = \"payment_disputed\"",
        "the sandbox has no disputes; a test of dunning's own has",
    ),
    (
        "CancellationReason = \"payment_failed\"",
        "takes weeks of retries; a test of dunning's own has it",
    ),
    (
        "EmbeddedCheckoutSession.publishableKey null",
        "the local stack always stores a publishable key",
    ),
    (
        "HostedCheckoutSession.publishableKey null",
        "the local stack always stores a publishable key",
    ),
    ("Info.publishableKey null", "the local stack always stores a publishable key"),
    ("Info.mode = \"live\"", "nothing here has a live key"),
    ("Info.plans empty", "the local stack always has a catalogue"),
    ("Plan.metered empty", "every plan of catalog.toml is metered"),
    ("Estimate.lines empty", "the next invoice of a plan has its base fee at least"),
    (
        "EstimateLine.description null",
        "optional in Stripe's types; lines of a subscription have one",
    ),
    ("EstimateLine.quantity null", "optional in Stripe's types; lines of a subscription have one"),
    (
        "PreviewLine.description null",
        "optional in Stripe's types; lines of a subscription have one",
    ),
    ("Invoice.dueDate given", "only where invoices are sent, which is for operators to do"),
    (
        "Invoice.number null",
        "what is shown is final, and then it has a number; optional in Stripe's types",
    ),
    (
        "UnpaidInvoice.number null",
        "what is owed is final, and then it has a number; optional in Stripe's types",
    ),
    ("Invoice.reason null", "optional in Stripe's types"),
    ("Meter.unitAmount null", "only for a price that no decimal holds"),
    (
        "PaymentActionRequiredError.details.url null",
        "what waits for authentication is final, and then it has a page",
    ),
    ("PaymentFailure.code null", "optional in Stripe's types"),
    ("PaymentFailure.kind = \"hard\"", "of what dunning shows; a test of declines has every kind"),
    (
        "PendingChange.plan null",
        "a schedule to what is no plan, or a change of another's; tests of summary's own have it",
    ),
    (
        "PlanChange.currentPeriodEnd null",
        "a subscription without items, which Stripe does not make",
    ),
    ("PlanChange.plan null", "the plan that was changed to left the catalogue at the same moment"),
];
