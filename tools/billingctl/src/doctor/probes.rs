//! What a restricted key may do, tried out without changing anything: reading is asked for one object
//! of a list, writing is asked of an object that there never is. Stripe refuses the permission before
//! it looks for the object.

use billingctl::permissions::{Access, PERMISSIONS};
use serde::de::IgnoredAny;
use shared::{Stripe, StripeError};
use stripe_client_core::{RequestBuilder, StripeMethod};

/// How to try one kind of object.
struct Probe {
    slug: &'static str,
    list: &'static str,
    /// Nothing can be tried where there is nothing to write.
    write: Option<&'static str>,
}

const fn probe(slug: &'static str, list: &'static str, write: &'static str) -> Probe {
    Probe { slug, list, write: Some(write) }
}

/// What the functions need, and what else could do harm in wrong hands.
const PROBES: [Probe; 18] = [
    probe("customer", "/customers", "/customers/cus_billingctldoctor"),
    probe("payment_intent", "/payment_intents", "/payment_intents/pi_billingctldoctor"),
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
    probe("charge", "/charges", "/charges/ch_billingctldoctor"),
    probe("refund", "/refunds", "/refunds/re_billingctldoctor"),
    probe("payout", "/payouts", "/payouts/po_billingctldoctor"),
    probe("transfer", "/transfers", "/transfers/tr_billingctldoctor"),
    probe("coupon", "/coupons", "/coupons/billingctldoctor"),
    probe("tax_rate", "/tax_rates", "/tax_rates/txr_billingctldoctor"),
    probe("billing_meter", "/billing/meters", "/billing/meters/mtr_billingctldoctor"),
    probe("credit_note", "/credit_notes", "/credit_notes/cn_billingctldoctor"),
    probe("webhook", "/webhook_endpoints", "/webhook_endpoints/we_billingctldoctor"),
    Probe { slug: "balance", list: "/balance_transactions", write: None },
];

/// What was found out about one kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) slug: &'static str,
    pub(super) access: Access,
}

/// Everything that the key may do, as far as it was tried.
pub(super) async fn explore(stripe: &Stripe) -> Result<Vec<Found>, StripeError> {
    let mut found = Vec::new();
    for Probe { slug, list, write } in &PROBES {
        let mut access = Access::None;
        let request = RequestBuilder::new(StripeMethod::Get, *list);
        if may(stripe, RequestBuilder { query: Some("limit=1".to_owned()), ..request }).await? {
            access = Access::Read;
        }
        if let Some(path) = write
            && may(stripe, RequestBuilder::new(StripeMethod::Post, *path)).await?
        {
            access = Access::Write;
        }
        found.push(Found { slug, access });
    }
    Ok(found)
}

async fn may(stripe: &Stripe, request: RequestBuilder) -> Result<bool, StripeError> {
    match stripe.send_built::<IgnoredAny>(request, None).await {
        Ok(_) => Ok(true),
        Err(error) => match &error {
            StripeError::Refused { status: 403, .. } => Ok(false),
            // The object is not there, or a parameter is missing: it was the object that was looked for.
            StripeError::Refused { status: 400, .. } => Ok(true),
            StripeError::Refused { status: 404, .. } => {
                Ok(error.code() == Some("resource_missing"))
            }
            _ => Err(error),
        },
    }
}

/// What is missing and what is too many, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) missing: Vec<String>,
    pub(super) too_many: Vec<String>,
    /// What can be written; a key that may only read has none.
    pub(super) writes: Vec<String>,
}

/// `needs` says what each kind of object needs of this key.
pub(super) fn judge(found: &[Found], needs: impl Fn(&str) -> Access) -> Judgement {
    let mut judgement = Judgement::default();
    for Found { slug, access } in found {
        let (needed, name) = (needs(slug), name(slug));
        if *access < needed {
            judgement.missing.push(format!(
                "{name}: {} (rak_{slug}_{})",
                needed.as_str(),
                verb(needed)
            ));
        }
        if *access > needed {
            judgement.too_many.push(format!("{name}: {}", access.as_str()));
        }
        if *access == Access::Write {
            judgement.writes.push(name);
        }
    }
    judgement
}

/// As the dashboard has it, where we know that.
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
    fn everything_that_a_key_needs_is_tried_and_a_good_deal_more() {
        for permission in PERMISSIONS {
            let probe = PROBES.iter().find(|probe| probe.slug == permission.slug);
            assert!(probe.is_some_and(|probe| probe.write.is_some()), "{}", permission.slug);
        }
        assert!(PROBES.len() > 2 * PERMISSIONS.len());
    }

    #[test]
    fn each_permission_is_missing_right_or_too_many() {
        use Access::{None, Read, Write};
        for (access, needed, missing, too_many, writes) in [
            (None, None, 0, 0, 0),
            (None, Read, 1, 0, 0),
            (Read, Read, 0, 0, 0),
            (Write, Read, 0, 1, 1),
            (Read, None, 0, 1, 0),
            (Read, Write, 1, 0, 0),
            (Write, Write, 0, 0, 1),
        ] {
            let found = [Found { slug: "plan", access }];
            let Judgement { missing: a, too_many: b, writes: c } = judge(&found, |_| needed);
            assert_eq!(
                (a.len(), b.len(), c.len()),
                (missing, too_many, writes),
                "{access:?} {needed:?}"
            );
        }
        let missing = judge(&[Found { slug: "plan", access: None }], |_| Read).missing;
        assert_eq!(missing, ["Prices: Read (rak_plan_read)"]);
    }
}
