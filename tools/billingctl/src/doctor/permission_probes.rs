//! Probes of a restricted key's permissions, which change nothing.
//!
//! Read access is probed with a list of one object, write access with an update of an object that does
//! not exist: Stripe checks the permission before it looks for the object.

use billingctl::permissions::{Access, PERMISSIONS};
use serde_json::Value;
use shared::{Stripe, StripeError};
use stripe_client_core::{RequestBuilder, StripeMethod};

/// Requests that probe one type of object.
struct Probe {
    slug: &'static str,
    list: &'static str,
    /// `None` if objects of this type cannot be written.
    write: Option<&'static str>,
}

const fn probe(slug: &'static str, list: &'static str, write: &'static str) -> Probe {
    Probe { slug, list, write: Some(write) }
}

/// All types that the functions need, and others with which a leaked key could do harm.
const PROBES: [Probe; 21] = [
    probe("customer", "/customers", "/customers/cus_billingctldoctor"),
    probe("payment_intent", "/payment_intents", "/payment_intents/pi_billingctldoctor"),
    probe("payment_method", "/payment_methods", "/payment_methods/pm_billingctldoctor"),
    probe("coupon", "/coupons", "/coupons/billingctldoctor"),
    probe("promotion_code", "/promotion_codes", "/promotion_codes/promo_billingctldoctor"),
    probe("product", "/products", "/products/prod_billingctldoctor"),
    probe("plan", "/prices", "/prices/price_billingctldoctor"),
    probe("subscription", "/subscriptions", "/subscriptions/sub_billingctldoctor"),
    probe("invoice", "/invoices", "/invoices/in_billingctldoctor"),
    probe(
        "customer_portal",
        "/billing_portal/configurations",
        "/billing_portal/configurations/bpc_billingctldoctor",
    ),
    probe(
        "checkout_session",
        "/checkout/sessions",
        "/checkout/sessions/cs_billingctldoctor/expire",
    ),
    Probe { slug: "event", list: "/events", write: None },
    probe("charge", "/charges", "/charges/ch_billingctldoctor"),
    probe("refund", "/refunds", "/refunds/re_billingctldoctor"),
    probe("payout", "/payouts", "/payouts/po_billingctldoctor"),
    probe("transfer", "/transfers", "/transfers/tr_billingctldoctor"),
    probe("tax_rate", "/tax_rates", "/tax_rates/txr_billingctldoctor"),
    probe("billing_meter", "/billing/meters", "/billing/meters/mtr_billingctldoctor"),
    probe("credit_note", "/credit_notes", "/credit_notes/cn_billingctldoctor"),
    probe("webhook", "/webhook_endpoints", "/webhook_endpoints/we_billingctldoctor"),
    Probe { slug: "balance", list: "/balance_transactions", write: None },
];

/// Access of the key to one type of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProbedAccess {
    pub(super) slug: &'static str,
    pub(super) access: Access,
}

/// Probes all types.
///
/// # Errors
/// If Stripe cannot be reached or does not know the key.
pub(super) async fn probe_all(stripe: &Stripe) -> Result<Vec<ProbedAccess>, StripeError> {
    let mut found = Vec::new();
    for Probe { slug, list, write } in &PROBES {
        let mut access = Access::None;
        let request = RequestBuilder::new(StripeMethod::Get, *list);
        if is_allowed(stripe, RequestBuilder { query: Some("limit=1".to_owned()), ..request })
            .await?
        {
            access = Access::Read;
        }
        if let Some(path) = write
            && is_allowed(stripe, RequestBuilder::new(StripeMethod::Post, *path)).await?
        {
            access = Access::Write;
        }
        found.push(ProbedAccess { slug, access });
    }
    Ok(found)
}

async fn is_allowed(stripe: &Stripe, request: RequestBuilder) -> Result<bool, StripeError> {
    match stripe.send_built::<Value>(request, None).await {
        Ok(_) => Ok(true),
        Err(error) => match &error {
            StripeError::Refused { status: 403, .. } => Ok(false),
            // The object or a parameter is missing, so Stripe has passed the permission check.
            StripeError::Refused { status: 400, .. } => Ok(true),
            StripeError::Refused { status: 404, .. } => {
                Ok(error.code() == Some("resource_missing"))
            }
            _ => Err(error),
        },
    }
}

/// Differences between the probed access and the needed access, as names of permissions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) missing: Vec<String>,
    pub(super) excessive: Vec<String>,
    /// Types with write access.
    pub(super) writes: Vec<String>,
}

/// Compares the probed access with `needs`, which returns the needed access to a type.
pub(super) fn compare(found: &[ProbedAccess], needs: impl Fn(&str) -> Access) -> Comparison {
    let mut comparison = Comparison::default();
    for ProbedAccess { slug, access } in found {
        let (needed, name) = (needs(slug), name(slug));
        if *access < needed {
            comparison.missing.push(format!(
                "{name}: {} (rak_{slug}_{})",
                needed.as_str(),
                verb(needed)
            ));
        }
        if *access > needed {
            comparison.excessive.push(format!("{name}: {}", access.as_str()));
        }
        if *access == Access::Write {
            comparison.writes.push(name);
        }
    }
    comparison
}

/// Returns the name in Stripe's dashboard, if known.
fn name(slug: &str) -> String {
    let known = PERMISSIONS.iter().find(|permission| permission.slug == slug);
    known.map_or_else(|| slug.replace('_', " "), |permission| permission.dashboard.to_owned())
}

fn verb(access: Access) -> &'static str {
    if access == Access::Write { "write" } else { "read" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_needed_permissions_and_others_are_probed() {
        for permission in PERMISSIONS {
            let probe = PROBES.iter().find(|probe| probe.slug == permission.slug);
            // Stripe has no request that writes an event.
            let can_write = permission.slug != "event";
            let is_probed = probe.is_some_and(|probe| probe.write.is_some() == can_write);
            assert!(is_probed, "{}", permission.slug);
        }
        assert!(PROBES.len() > PERMISSIONS.len() + 7);
    }

    #[test]
    fn access_is_missing_exact_or_excessive() {
        use Access::{None, Read, Write};
        for (access, needed, missing, excessive, writes) in [
            (None, None, 0, 0, 0),
            (None, Read, 1, 0, 0),
            (Read, Read, 0, 0, 0),
            (Write, Read, 0, 1, 1),
            (Read, None, 0, 1, 0),
            (Read, Write, 1, 0, 0),
            (Write, Write, 0, 0, 1),
        ] {
            let found = [ProbedAccess { slug: "plan", access }];
            let Comparison { missing: a, excessive: b, writes: c } = compare(&found, |_| needed);
            assert_eq!(
                (a.len(), b.len(), c.len()),
                (missing, excessive, writes),
                "{access:?} {needed:?}"
            );
        }
        let missing = compare(&[ProbedAccess { slug: "plan", access: None }], |_| Read).missing;
        assert_eq!(missing, ["Prices: Read (rak_plan_read)"]);
    }
}
