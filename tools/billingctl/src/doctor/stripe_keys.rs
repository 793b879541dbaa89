//! Checks Stripe's keys: their modes, their permissions, and that both are of one Stripe account.

use billingctl::permissions::{Access, PERMISSIONS, Permission};
use shared::StripeError;
use shared::aws::secrets::StripeKeys;
use shared::stripe::views::{Id, List};
use shared::values::Mode;
use stripe_product::product::ListProduct;

use super::permission_probes::{self, Comparison};
use super::report::Report;
use super::secrets::StackKeys;
use super::settings::Settings;
use crate::error::Result;
use crate::stripe;

/// Checks the keys that could be read.
pub(super) async fn check(
    keys: &StackKeys,
    settings: &Settings,
    report: &mut Report,
) -> Result<()> {
    check_modes(keys, settings.mode, report);
    if let Some(read) = &keys.read {
        check_key(read, &READ, report).await?;
    }
    if let Some(write) = &keys.write {
        check_key(write, &WRITE, report).await?;
    }
    check_account(keys, report).await
}

fn check_modes(keys: &StackKeys, expected: Option<Mode>, report: &mut Report) {
    const CHECK: &str = "stripe.modes";
    let publishable = |keys: &StripeKeys| {
        let text = keys.publishable_key.as_deref()?;
        Some(if text.starts_with("pk_live_") { Mode::Live } else { Mode::Test })
    };
    let named = [
        ("the stack", expected),
        ("the read key", keys.read.as_ref().map(|keys| keys.mode)),
        ("the write key", keys.write.as_ref().map(|keys| keys.mode)),
        ("the read secret's publishable key", keys.read.as_ref().and_then(publishable)),
        ("the write secret's publishable key", keys.write.as_ref().and_then(publishable)),
    ];
    let known: Vec<(&str, Mode)> =
        named.into_iter().filter_map(|(name, mode)| Some((name, mode?))).collect();
    let Some((_, first)) = known.first() else {
        return report.skip(CHECK, "no key could be read", keys.advice);
    };
    if known.iter().all(|(_, mode)| mode == first) {
        return report.pass(CHECK, format!("all {}", first.as_str()));
    }
    let modes: Vec<String> =
        known.iter().map(|(name, mode)| format!("{name} is {}", mode.as_str())).collect();
    let advice =
        "store keys of one mode in both secrets; customers of one mode do not exist in the other";
    report.fail(CHECK, modes.join(", "), advice);
}

/// Requirements on one of the keys, and the names of its checks.
struct Requirements {
    permissions_check: &'static str,
    restricted_check: &'static str,
    name: &'static str,
    needs: fn(&Permission) -> Access,
    /// Whether the key must not have any write access.
    read_only: bool,
}

const READ: Requirements = Requirements {
    permissions_check: "stripe.read-key.permissions",
    restricted_check: "stripe.read-key.cannot-write",
    name: "the read key",
    needs: |permission| permission.read_key,
    read_only: true,
};

const WRITE: Requirements = Requirements {
    permissions_check: "stripe.write-key.permissions",
    restricted_check: "stripe.write-key.restricted",
    name: "the write key",
    needs: |permission| permission.write_key,
    read_only: false,
};

async fn check_key(keys: &StripeKeys, required: &Requirements, report: &mut Report) -> Result<()> {
    const PAGE: &str = "create a restricted key with the permissions in docs/permissions.md and store it with `billingctl secrets rotate`";
    let stripe = stripe::client(keys, required.name)?;
    let is_restricted = keys.is_restricted();
    if !is_restricted {
        let found =
            format!("{} is an unrestricted key (sk_…) with access to everything", required.name);
        report.fail(required.restricted_check, found, PAGE);
    }
    let found = match permission_probes::probe_all(&stripe).await {
        Ok(found) => found,
        Err(error) => {
            let (found, advice) = unusable(&error, required.name);
            report.fail(required.permissions_check, found, advice);
            return Ok(());
        }
    };
    let needs = |slug: &str| {
        let row = PERMISSIONS.iter().find(|permission| permission.slug == slug);
        row.map_or(Access::None, required.needs)
    };
    let comparison = permission_probes::compare(&found, needs);
    if is_restricted {
        check_write_access(&comparison, required, report);
        check_permissions(&comparison, required, report);
    }
    Ok(())
}

fn check_write_access(comparison: &Comparison, required: &Requirements, report: &mut Report) {
    if !required.read_only {
        report.pass(required.restricted_check, "restricted key");
    } else if comparison.writes.is_empty() {
        report.pass(required.restricted_check, "Stripe refused every write");
    } else {
        let found = format!("it can write: {}", comparison.writes.join(", "));
        report.fail(
            required.restricted_check,
            found,
            "set these permissions to Read or None on the key's page in Stripe's dashboard",
        );
    }
}

fn check_permissions(comparison: &Comparison, required: &Requirements, report: &mut Report) {
    let Comparison { missing, excessive, .. } = comparison;
    if !missing.is_empty() {
        let found = format!("missing: {}", missing.join(", "));
        report.fail(
            required.permissions_check,
            found,
            "add these permissions on the key's page in Stripe's dashboard",
        );
    } else if !excessive.is_empty() {
        let found = format!("more than needed: {}", excessive.join(", "));
        let advice =
            "reduce them on the key's page in Stripe's dashboard to those in docs/permissions.md";
        report.warn(required.permissions_check, found, advice);
    } else {
        let count = PERMISSIONS.iter().filter(|row| (required.needs)(row) > Access::None).count();
        report.pass(required.permissions_check, format!("exactly the {count} needed"));
    }
}

fn unusable(error: &StripeError, name: &str) -> (String, &'static str) {
    match error {
        // The client reads the secret again after a 401, and a given key has no other source.
        StripeError::Secret(_) => (
            format!("Stripe does not know {name}: it was deleted or rolled"),
            "store a valid key with `billingctl secrets rotate`; the functions read it by themselves",
        ),
        _ => (
            format!("it could not be checked with Stripe: {error}"),
            "check the network and run doctor again",
        ),
    }
}

/// Checks that both keys are of one Stripe account. Otherwise the GET functions would not find the
/// customers that the POST functions create.
async fn check_account(keys: &StackKeys, report: &mut Report) -> Result<()> {
    const CHECK: &str = "stripe.account";
    let (Some(read), Some(write)) = (&keys.read, &keys.write) else { return Ok(()) };
    let products = async |keys: &StripeKeys| -> Result<Option<Vec<String>>> {
        let list = ListProduct::new().limit(10);
        let page = stripe::client(keys, "a key")?.send::<List<Id>>(&list).await.ok();
        Ok(page.map(|page| page.data.into_iter().map(|product| product.id).collect()))
    };
    match (products(read).await?, products(write).await?) {
        (Some(a), Some(b)) if a == b => report.pass(CHECK, "both keys list the same products"),
        (Some(_), Some(_)) => report.fail(
            CHECK,
            "the keys list different products, so they are of different Stripe accounts",
            "create both keys in one Stripe account",
        ),
        _ => {
            report.skip(
                CHECK,
                "not every key can list products",
                "fix the keys' permissions first",
            );
        }
    }
    Ok(())
}
