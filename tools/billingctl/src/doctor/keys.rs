//! The pepper and the two Stripe keys: that they can be read, fit each other, and may do what the
//! functions need and no more.

use aws_config::SdkConfig;
use billingctl::permissions::{Access, PERMISSIONS, Permission};
use secrecy::{ExposeSecret as _, SecretString};
use shared::auth::Mode;
use shared::secrets::StripeKeys;
use shared::stripe::views::{Id, List};
use shared::{Stripe, StripeError};
use stripe_product::product::ListProduct;

use super::probes::{self, Judgement};
use super::report::Report;
use super::settings::Settings;
use crate::error::{Failure, Result};
use crate::{aws, stripe};

/// `None` where a key could not be read.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) read: Option<StripeKeys>,
    pub(super) write: Option<StripeKeys>,
}

impl Keys {
    pub(super) fn mode(&self) -> Option<Mode> {
        self.read.as_ref().or(self.write.as_ref()).map(|keys| keys.mode)
    }
}

/// A client with a key of the functions'.
pub(super) fn client(keys: &StripeKeys, origin: &str) -> Result<Stripe> {
    let key = SecretString::from(keys.secret_key.expose_secret());
    let keys = StripeKeys::new(key, None);
    stripe::with(keys.ok_or_else(|| Failure::new("a key lost its form, which is a bug"))?, origin)
}

pub(super) async fn read(
    sdk: Option<&SdkConfig>,
    settings: &Settings,
    report: &mut Report,
) -> Keys {
    const ADVICE: &str = "without AWS they cannot be read";
    let Some(sdk) = sdk else {
        report.skip("secrets.pepper", "not looked at", ADVICE);
        report.skip("secrets.stripe-read", "not looked at", ADVICE);
        report.skip("secrets.stripe-write", "not looked at", ADVICE);
        return Keys::default();
    };
    let secrets = |stripe: &str| aws::secrets(sdk, stripe, &settings.pepper_secret);
    match secrets(&settings.read_secret).peppers().await {
        Ok(_) => report.pass("secrets.pepper", format!("in {}", settings.pepper_secret)),
        Err(error) => report.fail(
            "secrets.pepper",
            Failure::from(error).to_string(),
            "API keys work only with the pepper that they were made with: restore it if there was one",
        ),
    }
    let mut keys = Keys::default();
    for (check, secret, slot) in [
        ("secrets.stripe-read", &settings.read_secret, &mut keys.read),
        ("secrets.stripe-write", &settings.write_secret, &mut keys.write),
    ] {
        match secrets(secret).stripe().await {
            Ok(found) => {
                report.pass(check, format!("in {secret}"));
                *slot = StripeKeys::new(
                    SecretString::from(found.secret_key.expose_secret()),
                    found.publishable_key.clone(),
                );
            }
            Err(error) => report.fail(
                check,
                Failure::from(error).to_string(),
                "set STRIPE_READ_KEY, STRIPE_WRITE_KEY and STRIPE_PUBLISHABLE_KEY and run `billingctl setup`",
            ),
        }
    }
    keys
}

pub(super) async fn check(keys: &Keys, settings: &Settings, report: &mut Report) -> Result<()> {
    modes(keys, settings.mode, report);
    if let Some(read) = &keys.read {
        key(read, &READ, report).await?;
    }
    if let Some(write) = &keys.write {
        key(write, &WRITE, report).await?;
    }
    same_account(keys, report).await
}

fn modes(keys: &Keys, expected: Option<Mode>, report: &mut Report) {
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
        return report.skip(CHECK, "no key could be read", "first get the secrets right");
    };
    if known.iter().all(|(_, mode)| mode == first) {
        return report.pass(CHECK, format!("all {}", first.as_str()));
    }
    let said: Vec<String> =
        known.iter().map(|(name, mode)| format!("{name} is {}", mode.as_str())).collect();
    let advice =
        "put keys of one mode into both secrets; no customer of the one is known in the other";
    report.fail(CHECK, said.join(", "), advice);
}

/// What is expected of one of the keys.
struct Expected {
    permissions: &'static str,
    restricted: &'static str,
    name: &'static str,
    needs: fn(&Permission) -> Access,
    /// Whether it may not write at all.
    reads_only: bool,
}

const READ: Expected = Expected {
    permissions: "stripe.read-key.permissions",
    restricted: "stripe.read-key.cannot-write",
    name: "the read key",
    needs: |permission| permission.read_key,
    reads_only: true,
};

const WRITE: Expected = Expected {
    permissions: "stripe.write-key.permissions",
    restricted: "stripe.write-key.restricted",
    name: "the write key",
    needs: |permission| permission.write_key,
    reads_only: false,
};

async fn key(keys: &StripeKeys, expected: &Expected, report: &mut Report) -> Result<()> {
    const PAGE: &str = "make a restricted key with the permissions of docs/permissions.md, and put it into the secret";
    let stripe = client(keys, expected.name)?;
    let is_restricted = keys.is_restricted();
    if !is_restricted {
        let found =
            format!("{} is an unrestricted key (sk_…), which may do everything", expected.name);
        report.fail(expected.restricted, found, PAGE);
    }
    let found = match probes::explore(&stripe).await {
        Ok(found) => found,
        Err(error) => {
            let (found, advice) = unusable(&error, expected.name);
            report.fail(expected.permissions, found, advice);
            return Ok(());
        }
    };
    let needs = |slug: &str| {
        let row = PERMISSIONS.iter().find(|permission| permission.slug == slug);
        row.map_or(Access::None, expected.needs)
    };
    let judgement = probes::judge(&found, needs);
    if is_restricted {
        restricted(&judgement, expected, report);
        permissions(&judgement, expected, report);
    }
    Ok(())
}

fn restricted(judgement: &Judgement, expected: &Expected, report: &mut Report) {
    if !expected.reads_only {
        report.pass(expected.restricted, "it is a restricted key");
    } else if judgement.writes.is_empty() {
        report.pass(expected.restricted, "Stripe refused every attempt to write");
    } else {
        let found = format!("it can write: {}", judgement.writes.join(", "));
        report.fail(
            expected.restricted,
            found,
            "set these to Read or None on the key's page in Stripe's dashboard",
        );
    }
}

fn permissions(judgement: &Judgement, expected: &Expected, report: &mut Report) {
    let Judgement { missing, too_many, .. } = judgement;
    if !missing.is_empty() {
        let found = format!("missing: {}", missing.join(", "));
        report.fail(
            expected.permissions,
            found,
            "add them on the key's page in Stripe's dashboard",
        );
    } else if !too_many.is_empty() {
        let found = format!("more than is needed: {}", too_many.join(", "));
        let advice =
            "lower them on the key's page in Stripe's dashboard, to those of docs/permissions.md";
        report.warn(expected.permissions, found, advice);
    } else {
        let count = PERMISSIONS.iter().filter(|row| (expected.needs)(row) > Access::None).count();
        report.pass(expected.permissions, format!("just the {count} that are needed"));
    }
}

fn unusable(error: &StripeError, name: &str) -> (String, &'static str) {
    match error {
        // That another key is asked for means that Stripe refused the one there is.
        StripeError::Secret(_) => (
            format!("Stripe does not know {name}"),
            "it was deleted, or rolled: put a valid key into the secret, and the functions take it up by themselves",
        ),
        _ => (format!("it could not be tried: {error}"), "check the network, and run doctor again"),
    }
}

/// Keys of two accounts would make customers that the other half of the functions does not know.
async fn same_account(keys: &Keys, report: &mut Report) -> Result<()> {
    const CHECK: &str = "stripe.account";
    let (Some(read), Some(write)) = (&keys.read, &keys.write) else { return Ok(()) };
    let products = async |keys: &StripeKeys| -> Result<Option<Vec<String>>> {
        let list = ListProduct::new().limit(10);
        let page = client(keys, "a key")?.send::<List<Id>>(&list).await.ok();
        Ok(page.map(|page| page.data.into_iter().map(|product| product.id).collect()))
    };
    match (products(read).await?, products(write).await?) {
        (Some(a), Some(b)) if a == b => report.pass(CHECK, "both keys see the same products"),
        (Some(_), Some(_)) => report.fail(
            CHECK,
            "the two keys see different products, so they are of different Stripe accounts",
            "make both keys in one account",
        ),
        _ => report.skip(
            CHECK,
            "not every key can list products",
            "first get their permissions right",
        ),
    }
    Ok(())
}
