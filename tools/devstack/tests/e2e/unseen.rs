//! Parts of `openapi.yaml` that no response of the suite covers, each with the reason.

/// Parts as [`contract::all_cases`] names them.
pub(crate) const UNSEEN: &[(&str, &str)] = &[
    ("ChangeInvoice.hostedUrl null", "a change's invoice is finalized, and then it has a URL"),
    ("ChangeInvoice.number null", "a change's invoice is finalized, and then it has a number"),
    (
        "CancellationReason = \"payment_disputed\"",
        "the sandbox has no disputes; a unit test of dunning covers it",
    ),
    (
        "CancellationReason = \"payment_failed\"",
        "takes weeks of retries; a unit test of dunning covers it",
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
    ("Info.mode = \"live\"", "the local stack has no live key"),
    ("Info.plans empty", "the local stack always has a catalogue"),
    ("Estimate.lines empty", "the next invoice of a plan has at least the base fee"),
    (
        "EstimateLine.description null",
        "optional in Stripe's types; lines of a subscription have one",
    ),
    ("EstimateLine.quantity null", "optional in Stripe's types; lines of a subscription have one"),
    (
        "PreviewLine.description null",
        "optional in Stripe's types; lines of a subscription have one",
    ),
    ("Invoice.dueDate given", "only for invoices that are sent, which operators set up"),
    ("Invoice.number null", "optional in Stripe's types; a finalized invoice has one"),
    ("UnpaidInvoice.number null", "optional in Stripe's types; an open invoice has one"),
    ("Invoice.reason null", "optional in Stripe's types"),
    (
        "PaymentActionRequiredError.details.url null",
        "the invoice of a pending update is finalized, and then it has a URL",
    ),
    (
        "AlreadyCancelingError.details.cancelAt null",
        "the subscription was canceled between our check and Stripe's, and was restored since",
    ),
    (
        "LaterChange.interval null",
        "a schedule to a price outside of the catalogue; unit tests of summary cover it",
    ),
    (
        "LaterChange.plan null",
        "a schedule to a price outside of the catalogue; unit tests of summary cover it",
    ),
    (
        "LaterChange.quantity null",
        "a schedule to a price outside of the catalogue; unit tests of summary cover it",
    ),
    ("PaymentMethod.last4 null", "a payment method of the older kind; a unit test covers it"),
    ("PriceInterval = \"day\"", "plans are sold by month and by year"),
    ("PriceInterval = \"week\"", "plans are sold by month and by year"),
    ("PaymentFailure.code null", "optional in Stripe's types"),
    ("PaymentFailure.kind = \"hard\"", "a unit test of declines covers every kind"),
    (
        "PendingChange.plan null",
        "a schedule to a price outside of the catalogue; unit tests of summary cover it",
    ),
    (
        "PlanChange.currentPeriodEnd null",
        "a subscription without items, which Stripe does not create",
    ),
    (
        "PlanChange.outcome = \"processing\"",
        "the sandbox has no card that needs an authentication and is then processing",
    ),
    ("PlanChange.plan null", "the target plan was archived during the change"),
    (
        "InvoiceLine.description null",
        "optional in Stripe's types; a unit test of invoice covers it",
    ),
    (
        "InvoiceLine.plan null",
        "an add-on, an invoice item or a price that was deleted; a unit test of invoice covers it",
    ),
    ("InvoiceLine.quantity null", "optional in Stripe's types; a unit test of invoice covers it"),
    (
        "InvoicePayment.status = \"action_required\"",
        "a unit test of shared covers every state of a payment",
    ),
    ("InvoicePayment.status = \"canceled\"", "a unit test of invoice covers it"),
    ("InvoicePayment.status = \"none\"", "a unit test of invoice covers it"),
    ("InvoicePayment.status = \"processing\"", "a unit test of invoice covers it"),
    (
        "MeterUsage.name null",
        "the meter was deactivated between the reads of the price and of the meters",
    ),
    (
        "PlanChangeCancellation.plan null",
        "a subscription to prices outside of the catalogue, with a cancellation",
    ),
    ("Usage.warnings[] = \"multiple_subscriptions\"", "a unit test of usage covers it"),
    ("Usage.warnings[] = \"tax_location_required\"", "a unit test of usage covers it"),
    ("WholeInvoice.dueDate given", "as of Invoice"),
    ("WholeInvoice.hostedUrl null", "as of Invoice"),
    ("WholeInvoice.number null", "as of Invoice"),
    ("WholeInvoice.pdfUrl null", "as of Invoice"),
    ("WholeInvoice.reason null", "as of Invoice"),
];
