//! A new pepper, beside which the old one is honoured for a time.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use serde_json::json;
use shared::respond::Timestamp;
use shared::secrets::{Pepper, Peppers, Previous};

use super::{input, status};
use crate::cli::{Global, Source};
use crate::error::{Failure, Result};
use crate::output::note;
use crate::setup::Status;
use crate::setup::secrets::{create, create_or_replace};
use crate::{aws, moment};

/// `secrets set pepper`: another one in the place of one that is in use would end every key.
pub(super) async fn set(global: &Global, source: &Source) -> Result<()> {
    let sdk = aws::sdk().await?;
    let peppers = Peppers { current: given(source)?, previous: None };
    let id = &global.pepper_secret;
    if create(&Client::new(&sdk), id, &peppers.to_secret()).await? == Status::Exists {
        return Err(Failure::new(format!(
            "the secret {id} is there already, and with another pepper every API key would stop working; use `billingctl secrets rotate pepper`"
        )));
    }
    let value = json!({ "secret": id, "pepper": peppers.current.id() });
    global.output().result(&value, format!("{id} holds the pepper"))
}

/// `secrets rotate pepper`
pub(super) async fn rotate(
    global: &Global,
    source: &Source,
    until: Option<Timestamp>,
) -> Result<()> {
    let now = Timestamp::now();
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(Failure::new(format!("--until {} is past", moment::text(until))));
    }
    let sdk = aws::sdk().await?;
    let before = read(&sdk, global).await?;
    if let Some(previous) = &before.previous {
        let left = status::count(&aws::table(&sdk, global), &before, now).await?;
        if before.honoured(now).is_some() || left.unmoved() > 0 {
            return Err(Failure::new(format!(
                "the pepper was rotated at {}, and that is not finished; first run `billingctl secrets finish-pepper`, and wait until the old one is no longer honoured",
                moment::text(previous.since)
            )));
        }
    }
    let current = if input::is_given(source) { given(source)? } else { Pepper::random()? };
    if current == before.current {
        return Err(Failure::new("this is the pepper that the stack has already"));
    }
    let previous = Previous { pepper: before.current, since: now, until };
    let after = Peppers { current, previous: Some(previous) };
    write(&sdk, global, &after).await?;
    note(
        "a key is re-hashed when it is used; next: billingctl secrets pepper-status, and when no key is left, billingctl secrets finish-pepper",
    );
    let honoured = until.map_or_else(
        || "until the rotation is finished".to_owned(),
        |until| format!("until {} at the longest", moment::text(until)),
    );
    let value = json!({
        "secret": global.pepper_secret,
        "pepper": after.current.id(),
        "since": moment::text(now),
        "previousUntil": until.map(moment::text),
    });
    let text =
        format!("{} holds a new pepper; the old one is honoured {honoured}", global.pepper_secret);
    global.output().result(&value, text)
}

fn given(source: &Source) -> Result<Pepper> {
    Pepper::new(input::read(source, "the pepper")?)
        .ok_or_else(|| Failure::new("a pepper has to have at least 32 characters"))
}

/// What the secret holds now.
pub(super) async fn read(sdk: &SdkConfig, global: &Global) -> Result<Peppers> {
    let peppers = aws::secrets(sdk, "", &global.pepper_secret).peppers().await?;
    Ok(Peppers::clone(&peppers))
}

pub(super) async fn write(sdk: &SdkConfig, global: &Global, peppers: &Peppers) -> Result<()> {
    let (client, id) = (Client::new(sdk), &global.pepper_secret);
    create_or_replace(&client, id, &peppers.to_secret(), true).await.map(drop)
}
