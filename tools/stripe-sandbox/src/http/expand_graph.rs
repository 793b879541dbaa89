//! Expandable fields of each object type.

/// Kind of an expandable field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// ID that becomes an object.
    One(&'static str),
    /// Array of IDs that become objects.
    Many(&'static str),
    /// Object that is always included.
    Inline(&'static str),
    /// List object that is always included.
    Embedded(&'static str),
    /// List that is included only on request.
    IncludedList(&'static str),
    /// Value that is included only on request.
    IncludedValue,
}

use Target::{Embedded, IncludedList, IncludedValue, Inline, Many, One};

/// Object type, path in it (`*` matches any name), and target. Also lists fields that are always
/// null in the sandbox, such as `application`: Stripe accepts expanding them.
type Row = (&'static str, &'static str, Target);

pub const EXPANSIONS: &[Row] = &[
    ("billing_portal.configuration", "application", One("application")),
    (
        "billing_portal.configuration",
        "features.subscription_cancel.cancellation_reason.feedback_options",
        Many("feedback_option"),
    ),
    ("billing_portal.session", "configuration", One("billing_portal.configuration")),
    ("checkout.session", "automatic_tax.liability.account", One("account")),
    ("checkout.session", "customer", One("customer")),
    ("checkout.session", "discounts.coupon", One("coupon")),
    ("checkout.session", "discounts.promotion_code", One("promotion_code")),
    ("checkout.session", "invoice", One("invoice")),
    ("checkout.session", "invoice_creation.invoice_data.account_tax_ids", Many("tax_id")),
    ("checkout.session", "invoice_creation.invoice_data.issuer.account", One("account")),
    ("checkout.session", "line_items", IncludedList("item")),
    ("checkout.session", "payment_intent", One("payment_intent")),
    ("checkout.session", "payment_link", One("payment_link")),
    ("checkout.session", "setup_intent", One("setup_intent")),
    ("checkout.session", "shipping_cost.shipping_rate", One("shipping_rate")),
    ("checkout.session", "shipping_options.shipping_rate", One("shipping_rate")),
    ("checkout.session", "subscription", One("subscription")),
    ("coupon", "applies_to", IncludedValue),
    ("coupon", "currency_options", IncludedValue),
    ("customer", "default_source", One("source")),
    // The discount is an object. The sandbox has none of customers.
    ("customer", "discount.customer", One("customer")),
    ("customer", "discount.promotion_code", One("promotion_code")),
    ("customer", "discount.source.coupon", One("coupon")),
    ("customer", "invoice_settings.default_payment_method", One("payment_method")),
    ("customer", "subscriptions", IncludedList("subscription")),
    ("customer", "tax", IncludedValue),
    ("customer", "test_clock", One("test_helpers.test_clock")),
    ("customer_balance_transaction", "checkout_session", One("checkout.session")),
    ("customer_balance_transaction", "credit_note", One("credit_note")),
    ("customer_balance_transaction", "customer", One("customer")),
    ("customer_balance_transaction", "invoice", One("invoice")),
    ("discount", "customer", One("customer")),
    ("discount", "promotion_code", One("promotion_code")),
    ("discount", "source.coupon", One("coupon")),
    ("invoice", "account_tax_ids", Many("tax_id")),
    ("invoice", "application", One("application")),
    ("invoice", "automatic_tax.liability.account", One("account")),
    ("invoice", "confirmation_secret", IncludedValue),
    ("invoice", "customer", One("customer")),
    ("invoice", "default_payment_method", One("payment_method")),
    ("invoice", "default_source", One("source")),
    ("invoice", "discounts", Many("discount")),
    ("invoice", "from_invoice.invoice", One("invoice")),
    ("invoice", "issuer.account", One("account")),
    ("invoice", "latest_revision", One("invoice")),
    ("invoice", "lines", Embedded("line_item")),
    ("invoice", "on_behalf_of", One("account")),
    ("invoice", "parent.subscription_details.subscription", One("subscription")),
    ("invoice", "payments", IncludedList("invoice_payment")),
    ("invoice", "shipping_cost.shipping_rate", One("shipping_rate")),
    ("invoice", "test_clock", One("test_helpers.test_clock")),
    ("invoice", "total_discount_amounts.discount", One("discount")),
    (
        "invoice",
        "total_pretax_credit_amounts.credit_balance_transaction",
        One("billing.credit_balance_transaction"),
    ),
    ("invoice", "total_pretax_credit_amounts.discount", One("discount")),
    ("invoice", "total_taxes.tax_rate_details.tax_rate", One("tax_rate")),
    ("invoice_payment", "invoice", One("invoice")),
    ("invoice_payment", "payment.charge", One("charge")),
    ("invoice_payment", "payment.payment_intent", One("payment_intent")),
    ("invoice_payment", "payment.payment_record", One("payment_record")),
    ("invoiceitem", "customer", One("customer")),
    ("invoiceitem", "discounts", Many("discount")),
    ("invoiceitem", "invoice", One("invoice")),
    ("invoiceitem", "pricing.price_details.price", One("price")),
    ("invoiceitem", "proration_details.discount_amounts.discount", One("discount")),
    ("invoiceitem", "test_clock", One("test_helpers.test_clock")),
    ("item", "discounts", IncludedValue),
    ("item", "price", Inline("price")),
    ("item", "taxes", IncludedValue),
    ("line_item", "discount_amounts.discount", One("discount")),
    ("line_item", "discounts", Many("discount")),
    (
        "line_item",
        "pretax_credit_amounts.credit_balance_transaction",
        One("billing.credit_balance_transaction"),
    ),
    ("line_item", "pretax_credit_amounts.discount", One("discount")),
    ("line_item", "pricing.price_details.price", One("price")),
    ("line_item", "subscription", One("subscription")),
    ("line_item", "taxes.tax_rate_details.tax_rate", One("tax_rate")),
    ("payment_intent", "application", One("application")),
    ("payment_intent", "customer", One("customer")),
    ("payment_intent", "latest_charge", One("charge")),
    ("payment_intent", "on_behalf_of", One("account")),
    ("payment_intent", "payment_method", One("payment_method")),
    ("payment_intent", "payment_record", One("payment_record")),
    ("payment_intent", "review", One("review")),
    ("payment_intent", "source", One("source")),
    ("payment_intent", "transfer_data.destination", One("account")),
    ("payment_method", "card.generated_from.setup_attempt", One("setup_attempt")),
    ("payment_method", "customer", One("customer")),
    ("payment_method", "sepa_debit.generated_from.charge", One("charge")),
    ("payment_method", "sepa_debit.generated_from.setup_attempt", One("setup_attempt")),
    ("plan", "product", One("product")),
    ("price", "currency_options", IncludedValue),
    ("price", "currency_options.*.tiers", IncludedValue),
    ("price", "product", One("product")),
    ("price", "tiers", IncludedValue),
    ("product", "default_price", One("price")),
    ("product", "tax_code", One("tax_code")),
    ("promotion_code", "customer", One("customer")),
    ("promotion_code", "promotion.coupon", One("coupon")),
    ("subscription", "application", One("application")),
    ("subscription", "automatic_tax.liability.account", One("account")),
    ("subscription", "billing_schedules.applies_to.price", One("price")),
    ("subscription", "cancellation_details.feedback_option", One("feedback_option")),
    ("subscription", "customer", One("customer")),
    ("subscription", "default_payment_method", One("payment_method")),
    ("subscription", "default_source", One("source")),
    ("subscription", "discounts", Many("discount")),
    ("subscription", "invoice_settings.account_tax_ids", Many("tax_id")),
    ("subscription", "invoice_settings.issuer.account", One("account")),
    ("subscription", "items", Embedded("subscription_item")),
    ("subscription", "latest_invoice", One("invoice")),
    ("subscription", "on_behalf_of", One("account")),
    ("subscription", "pending_setup_intent", One("setup_intent")),
    ("subscription", "pending_update.discounts", Many("discount")),
    ("subscription", "schedule", One("subscription_schedule")),
    ("subscription", "test_clock", One("test_helpers.test_clock")),
    ("subscription", "transfer_data.destination", One("account")),
    ("subscription_item", "discounts", Many("discount")),
    ("subscription_item", "plan", Inline("plan")),
    ("subscription_item", "price", Inline("price")),
    ("subscription_schedule", "application", One("application")),
    ("subscription_schedule", "customer", One("customer")),
    ("subscription_schedule", "default_settings.automatic_tax.liability.account", One("account")),
    ("subscription_schedule", "default_settings.default_payment_method", One("payment_method")),
    ("subscription_schedule", "default_settings.invoice_settings.account_tax_ids", Many("tax_id")),
    ("subscription_schedule", "default_settings.invoice_settings.issuer.account", One("account")),
    ("subscription_schedule", "default_settings.on_behalf_of", One("account")),
    ("subscription_schedule", "default_settings.transfer_data.destination", One("account")),
    ("subscription_schedule", "phases.add_invoice_items.discounts.coupon", One("coupon")),
    ("subscription_schedule", "phases.add_invoice_items.discounts.discount", One("discount")),
    (
        "subscription_schedule",
        "phases.add_invoice_items.discounts.promotion_code",
        One("promotion_code"),
    ),
    ("subscription_schedule", "phases.add_invoice_items.price", One("price")),
    ("subscription_schedule", "phases.automatic_tax.liability.account", One("account")),
    ("subscription_schedule", "phases.default_payment_method", One("payment_method")),
    ("subscription_schedule", "phases.discounts.coupon", One("coupon")),
    ("subscription_schedule", "phases.discounts.discount", One("discount")),
    ("subscription_schedule", "phases.discounts.promotion_code", One("promotion_code")),
    ("subscription_schedule", "phases.invoice_settings.account_tax_ids", Many("tax_id")),
    ("subscription_schedule", "phases.invoice_settings.issuer.account", One("account")),
    ("subscription_schedule", "phases.items.discounts.coupon", One("coupon")),
    ("subscription_schedule", "phases.items.discounts.discount", One("discount")),
    ("subscription_schedule", "phases.items.discounts.promotion_code", One("promotion_code")),
    ("subscription_schedule", "phases.items.plan", One("plan")),
    ("subscription_schedule", "phases.items.price", One("price")),
    ("subscription_schedule", "phases.on_behalf_of", One("account")),
    ("subscription_schedule", "phases.transfer_data.destination", One("account")),
    ("subscription_schedule", "subscription", One("subscription")),
    ("subscription_schedule", "test_clock", One("test_helpers.test_clock")),
];

/// Returns the row with the longest matching path, and the number of its segments.
pub fn find(kind: &str, segments: &[&str]) -> Option<(&'static Row, usize)> {
    EXPANSIONS
        .iter()
        .filter(|(object, _, _)| *object == kind)
        .filter_map(|row| {
            let path: Vec<&str> = row.1.split('.').collect();
            let fits = path.len() <= segments.len()
                && path
                    .iter()
                    .zip(segments)
                    .all(|(expected, given)| expected == given || *expected == "*");
            fits.then_some((row, path.len()))
        })
        .max_by_key(|(_, length)| *length)
}

/// Returns whether the path is a hash that contains an expandable field.
pub fn is_hash(kind: &str, segments: &[&str]) -> bool {
    let prefix = format!("{}.", segments.join("."));
    EXPANSIONS.iter().any(|(object, path, _)| *object == kind && path.starts_with(&prefix))
}

/// Returns the resource whose read permission an expansion into this object type needs.
pub fn resource_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "billing_portal.configuration" => "customer_portal",
        "coupon" => "coupon",
        "customer" => "customer",
        "invoice" => "invoice",
        "payment_intent" => "payment_intent",
        "payment_method" => "payment_method",
        "price" => "plan",
        "product" => "product",
        "subscription" | "subscription_schedule" => "subscription",
        _ => return None,
    })
}
