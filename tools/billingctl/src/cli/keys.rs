//! `keys` on the command line.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use shared::respond::Timestamp;

use super::installation::READ_SECRET;
use super::values::{ModeName, ScopeName, handle_or_id};
use crate::moment;

/// Create, list, roll, revoke and import API keys
#[derive(Subcommand)]
pub(super) enum Keys {
    Create(CreateKey),
    /// List an account's keys, never the keys themselves
    ///
    ///   billingctl keys list --account acme
    ///
    /// When a key was last used is known to the day (UTC).
    ///
    /// Next: billingctl keys revoke KEY_ID --account acme
    #[command(verbatim_doc_comment)]
    List {
        /// The account: a handle, or an id (acc_…)
        #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
        account: String,
    },
    Roll(RollKey),
    Revoke(RevokeKey),
    Import(ImportKeys),
}

/// Create an API key, and print it this once
///
///   billingctl keys create --account acme --scope read --name dashboard
///   billingctl keys create --account acme --scope admin --expires-in 90d
///
/// The key alone goes to stdout; only its hash is kept. Use it as `Authorization: Bearer sk_…`.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CreateKey {
    /// The account: a handle, or an id (acc_…)
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
    /// What it may do; each scope grants the ones before it. The GET endpoints need read, the POST ones admin
    #[arg(long)]
    pub(crate) scope: ScopeName,
    /// What it is for, to tell keys apart in a list
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) name: String,
    /// How long it works, such as 90d or 12h; for ever if not given
    #[arg(long, value_name = "DURATION", value_parser = moment::duration, conflicts_with = "expires_at")]
    pub(crate) expires_in: Option<i64>,
    /// Until when it works, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether it is for a live or a test-mode stack; that of the stack's Stripe key if not given
    #[arg(long)]
    pub(crate) mode: Option<ModeName>,
    /// The secret with the Stripe key that tells the mode
    #[arg(long, default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_read_secret: String,
}

/// Revoke an API key; it stops working everywhere within 60 seconds
///
///   billingctl keys revoke key_0123456789abcdef --account acme
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RevokeKey {
    /// The key's id, as `billingctl keys list` shows it
    #[arg(value_name = "KEY_ID")]
    pub(crate) key: String,
    /// The account: a handle, or an id (acc_…)
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
}

/// Replace an API key by a new one; for a time both work
///
///   billingctl keys roll key_0123456789abcdef --account acme
///   billingctl keys roll key_0123456789abcdef --account acme --overlap 0
///
/// The new key has the account, the scope and the name of the old one, and as long a life if that one
/// had an end. The key alone goes to stdout, this once. The old one works until the overlap is over,
/// and never longer than it would have without this.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RollKey {
    /// The key's id, as `billingctl keys list` shows it
    #[arg(value_name = "KEY_ID")]
    pub(crate) key: String,
    /// The account: a handle, or an id (acc_…)
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
    /// How long both work, such as 24h or 30m; with 0 the old one stops within 60 seconds
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = moment::duration_or_zero)]
    pub(crate) overlap: i64,
}

/// Import keys of another installation, by their hashes
///
///   billingctl keys import keys.csv
///   billingctl keys import keys.jsonl --dry-run
///   export-keys | billingctl keys import -
///
/// A row of CSV (with a header) or a JSON object a line has
///
///   hash       HMAC-SHA-256 of the whole key text (sk_live_…), with the text of this stack's pepper
///              as the HMAC's key, as 64 lower-case hexadecimal digits
///   account    a handle or an id of this stack
///   scope      read, deploy or admin
///   prefix     the key's first 12 characters, such as sk_live_Ab12
///   name       optional
///   createdAt  such as 2026-01-31T00:00:00Z
///   expiresAt  the same, or empty or absent for none
///
/// Only keys of this API's own form can ever work: sk_live_ or sk_test_, 32 characters, a checksum of 6.
/// Everything is checked before anything is written, and importing a file again changes nothing.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ImportKeys {
    /// The file, or - for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only check
    #[arg(long)]
    pub(crate) dry_run: bool,
}
