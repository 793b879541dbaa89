//! `secrets list-quote-keys`, `rotate-quote-key` and `drop-quote-key`.

use aws_sdk_secretsmanager::Client;
use clap::Args;
use serde_json::json;
use shared::values::Timestamp;

use crate::aws::{config, secrets};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::{columns, note};
use crate::values::timestamp;

/// Arguments of `secrets drop-quote-key`.
#[derive(Args)]
pub(crate) struct DropArgs {
    /// ID of the key, as `billingctl secrets list-quote-keys` prints it
    #[arg(value_name = "ID")]
    id: String,
    /// Delete the key although callers may still hold quotes that it has signed
    #[arg(long)]
    force: bool,
}

/// Runs `secrets list-quote-keys`.
pub(super) async fn list(options: &GlobalOptions) -> Result<()> {
    let client = Client::new(&config::load(options).await?);
    let keys = secrets::quote_keys(&client, &options.quote_keys_secret).await?;
    let value = json!({
        "secret": options.quote_keys_secret,
        "current": keys.current(),
        "ids": keys.ids().collect::<Vec<_>>(),
        "previousExpireAt": keys.previous_expire_at().map(timestamp::format),
    });
    let expiry = keys.previous_expire_at().map_or("-".to_owned(), timestamp::format);
    let row = |id: &str| {
        if id == keys.current() {
            [id.to_owned(), "current".to_owned(), "-".to_owned()]
        } else {
            [id.to_owned(), "previous".to_owned(), expiry.clone()]
        }
    };
    let rows: Vec<[String; 3]> = keys.ids().map(row).collect();
    options.output().result(&value, columns(["KEY ID", "STATUS", "QUOTES EXPIRE"], &rows, 0))
}

/// Runs `secrets rotate-quote-key`.
pub(super) async fn rotate(options: &GlobalOptions) -> Result<()> {
    let client = Client::new(&config::load(options).await?);
    let id = &options.quote_keys_secret;
    let mut keys = secrets::quote_keys(&client, id).await?;
    let previous = keys.current().to_owned();
    keys.rotate(Timestamp::now())?;
    secrets::replace(&client, id, &keys.to_secret()).await?;
    let expiry = keys.previous_expire_at().map(timestamp::format);
    note(format_args!(
        "quotes of {previous} stay valid; next, after {}: billingctl secrets drop-quote-key {previous}",
        expiry.as_deref().unwrap_or("16 minutes")
    ));
    let value = json!({
        "secret": id,
        "current": keys.current(),
        "previous": previous,
        "previousExpireAt": expiry,
    });
    options.output().result(&value, format!("{id} has the new current key {}", keys.current()))
}

/// Runs `secrets drop-quote-key`.
pub(super) async fn drop_key(options: &GlobalOptions, args: &DropArgs) -> Result<()> {
    let client = Client::new(&config::load(options).await?);
    let (id, key) = (&options.quote_keys_secret, &args.id);
    let mut keys = secrets::quote_keys(&client, id).await?;
    if key == keys.current() {
        return Err(CliError::new(format!(
            "{key} is the current quote key; first run `billingctl secrets rotate-quote-key`"
        )));
    }
    let expiry = keys.previous_expire_at().filter(|expiry| *expiry > Timestamp::now());
    if let Some(expiry) = expiry.filter(|_| !args.force) {
        return Err(CliError::new(format!(
            "callers may still hold quotes that {key} has signed; run the command again after {}, or use --force to invalidate these quotes",
            timestamp::format(expiry)
        )));
    }
    if !keys.drop_key(key) {
        return Err(CliError::new(format!(
            "{id} has no quote key {key}; `billingctl secrets list-quote-keys` lists the IDs"
        )));
    }
    secrets::replace(&client, id, &keys.to_secret()).await?;
    let value = json!({ "secret": id, "dropped": key, "current": keys.current() });
    options.output().result(&value, format!("{key} is deleted from {id}"))
}
