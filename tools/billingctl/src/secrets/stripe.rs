//! Stripe's keys: looked at and tried before they are stored.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use serde_json::json;
use shared::secrets::StripeKeys;
use shared::stripe::views::{Id, List};
use shared::{Stripe, StripeError};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::input;
use crate::cli::{Global, SecretName, Source, StripeSecrets};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::setup::secrets::{create_or_replace, publishable_mode, stripe_text};
use crate::{aws, stripe};

/// `secrets set stripe-…`
pub(super) async fn set(
    global: &Global,
    name: SecretName,
    source: &Source,
    wanted: &StripeSecrets,
) -> Result<()> {
    let sdk = aws::sdk().await?;
    let before = known(&sdk, own(name, wanted)).await.ok();
    put(global, &sdk, name, source, wanted, before).await
}

/// `secrets rotate stripe-…`
pub(super) async fn rotate(
    global: &Global,
    name: SecretName,
    source: &Source,
    wanted: &StripeSecrets,
) -> Result<()> {
    let sdk = aws::sdk().await?;
    let before = known(&sdk, own(name, wanted)).await?;
    put(global, &sdk, name, source, wanted, Some(before)).await?;
    note(
        "functions take the new key when Stripe first refuses the old one, and no request fails over it; now end the old key in Stripe's dashboard (Developers, API keys)",
    );
    Ok(())
}

async fn put(
    global: &Global,
    sdk: &SdkConfig,
    name: SecretName,
    source: &Source,
    wanted: &StripeSecrets,
    before: Option<StripeKeys>,
) -> Result<()> {
    let text = input::read(source, "Stripe's secret key")?;
    let key = StripeKeys::new(text, None).ok_or_else(|| {
        Failure::new("this is no secret key of Stripe's; it has to begin with rk_test_, rk_live_, sk_test_ or sk_live_")
    })?;
    let stack = match before {
        Some(before) => Some(before),
        None => known(sdk, other(name, wanted)).await.ok(),
    };
    let publishable = publishable(wanted, stack.as_ref())?;
    fits(name, &key, &publishable, stack.as_ref(), wanted.skip_check)?;
    if !wanted.skip_check {
        try_out(&key, stack).await?;
    }
    let text = stripe_text(&key, Some(&publishable))
        .ok_or_else(|| Failure::new("there is no publishable key"))?;
    let id = own(name, wanted);
    create_or_replace(&Client::new(sdk), id, &text, true).await?;
    let mode = key.mode.as_str();
    let value = json!({ "secret": id, "mode": mode, "checked": !wanted.skip_check });
    global.output().result(&value, format!("{id} holds the new key, of {mode} mode"))
}

fn own(name: SecretName, wanted: &StripeSecrets) -> &str {
    match name {
        SecretName::StripeWrite => &wanted.stripe_write_secret,
        SecretName::StripeRead | SecretName::Pepper => &wanted.stripe_read_secret,
    }
}

fn other(name: SecretName, wanted: &StripeSecrets) -> &str {
    match name {
        SecretName::StripeWrite => &wanted.stripe_read_secret,
        SecretName::StripeRead | SecretName::Pepper => &wanted.stripe_write_secret,
    }
}

/// What a secret holds now.
async fn known(sdk: &SdkConfig, id: &str) -> Result<StripeKeys> {
    let keys = aws::secrets(sdk, id, "").stripe().await?;
    let copy = StripeKeys::new(keys.secret_key.clone(), keys.publishable_key.clone());
    copy.ok_or_else(|| Failure::new(format!("the secret {id} holds no key of Stripe's")))
}

/// The given one, or the one that the stack has.
fn publishable(wanted: &StripeSecrets, stack: Option<&StripeKeys>) -> Result<String> {
    let known = stack.and_then(|keys| keys.publishable_key.clone());
    wanted.publishable_key.clone().or(known).ok_or_else(|| {
        Failure::new("there is no publishable key yet; give it with --publishable-key pk_…")
    })
}

/// All that the keys themselves tell.
fn fits(
    name: SecretName,
    key: &StripeKeys,
    publishable: &str,
    stack: Option<&StripeKeys>,
    unchecked: bool,
) -> Result<()> {
    let mode = key.mode.as_str();
    if publishable_mode(publishable)? != key.mode {
        return Err(Failure::new(format!(
            "the key is for {mode} mode and the publishable key is not; take both of the same mode"
        )));
    }
    if let Some(stack) = stack.filter(|stack| stack.mode != key.mode) {
        return Err(Failure::new(format!(
            "the key is for {mode} mode and this stack is for {}; with a key of the other mode no API key would work",
            stack.mode.as_str()
        )));
    }
    if name == SecretName::StripeRead && !unchecked && !key.is_restricted() {
        return Err(Failure::new(
            "this key is unrestricted, and the functions that read should not be able to write; make a restricted key (rk_…) with read permissions in Stripe's dashboard",
        ));
    }
    Ok(())
}

/// What Stripe says: that the key is valid, may read, and is of the account that the stack has.
async fn try_out(key: &StripeKeys, stack: Option<StripeKeys>) -> Result<()> {
    let new = client(key)?;
    for path in ["/products", "/subscriptions"] {
        first(&new, path).await.map_err(|error| refusal(&error))?;
    }
    let Some(stack) = stack else { return Ok(()) };
    // The old key may be gone already; then there is nothing to compare with.
    let Ok(Some(product)) = first(&client(&stack)?, "/products").await else { return Ok(()) };
    let get = RequestBuilder::new(StripeMethod::Get, format!("/products/{product}"));
    match new.send_built::<Id>(get, None).await {
        Ok(_) => Ok(()),
        Err(error) if error.status() == Some(404) => Err(Failure::new(
            "this key is of another Stripe account than the stack's: it does not know the stack's products",
        )),
        Err(error) => Err(refusal(&error)),
    }
}

fn client(key: &StripeKeys) -> Result<Stripe> {
    let copy = StripeKeys::new(key.secret_key.clone(), None);
    stripe::with(copy.ok_or_else(|| Failure::new("this is no key of Stripe's"))?, "the new key")
}

/// The first object of a list, if there is one.
async fn first(stripe: &Stripe, path: &str) -> std::result::Result<Option<String>, StripeError> {
    let list = RequestBuilder::new(StripeMethod::Get, path).query(&json!({ "limit": 1 }));
    let list: List<Id> = stripe.send_built(list, None).await?;
    Ok(list.data.into_iter().next().map(|object| object.id))
}

fn refusal(error: &StripeError) -> Failure {
    match error {
        // After a 401 there is no other key to go on with.
        StripeError::Secret(_) => Failure::new(
            "Stripe refuses this key; copy it anew from Stripe's dashboard. Nothing was changed",
        ),
        // Stripe's words quote a part of the key; the permission's name is what matters.
        StripeError::Refused { status: 403, error, .. } => {
            let words = error.message.as_deref().unwrap_or_default();
            let named = words.split('\'').find(|word| word.starts_with("rak_"));
            Failure::new(format!(
                "this key lacks a permission that every function needs, {}; give it that in Stripe's dashboard. Nothing was changed",
                named.unwrap_or("to read products and subscriptions")
            ))
        }
        _ => Failure::new(format!(
            "Stripe could not be asked about this key ({error}); nothing was changed. With --skip-check it is stored all the same"
        )),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn key(text: &str) -> StripeKeys {
        StripeKeys::new(SecretString::from(text), None).expect("a key")
    }

    #[test]
    fn a_key_has_to_fit_the_stack_and_one_that_reads_has_to_be_restricted() {
        use SecretName::{StripeRead, StripeWrite};
        let (test, live) = ("pk_test_1", "pk_live_1");
        // secret, key, publishable key, stack's key, unchecked → what is wrong
        let cases = [
            (StripeRead, "rk_test_1", test, Some("rk_test_2"), false, None),
            (StripeRead, "rk_test_1", test, None, false, None),
            (StripeWrite, "sk_live_1", live, None, false, None),
            (StripeRead, "sk_test_1", test, None, false, Some("unrestricted")),
            (StripeRead, "sk_test_1", test, None, true, None),
            (StripeRead, "rk_test_1", live, None, true, Some("publishable")),
            (StripeRead, "rk_test_1", "sk_test_hunter2", None, true, Some("publishable")),
            (
                StripeWrite,
                "rk_test_1",
                test,
                Some("rk_live_2"),
                true,
                Some("this stack is for live"),
            ),
        ];
        for (name, new, publishable, stack, unchecked, wrong) in cases {
            let stack = stack.map(key);
            let got = fits(name, &key(new), publishable, stack.as_ref(), unchecked).err();
            let got = got.map(|failure| failure.to_string());
            let fits = match (&got, wrong) {
                (Some(got), Some(wrong)) => got.contains(wrong) && !got.contains("hunter2"),
                (got, wrong) => got.is_none() && wrong.is_none(),
            };
            assert!(fits, "{name:?} {new} {publishable}: {got:?}");
        }
    }
}
