//! `logs`: finds the log lines of one request.

mod cloudwatch;
mod lines;
mod local;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::values::duration;

/// Show what the log says about one request, with its calls to Stripe
///
///   billingctl logs 1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed
///   billingctl --profile prod logs Qx2lFjJHoAMEVqg= --since 7d
///
/// The ID of a request is `requestId` in an error and the header `x-request-id` of every response. With
/// --profile the command searches the functions' log groups in CloudWatch Logs, else the files of the local
/// stack. To look up a call to Stripe, search for its ID (req_…) in Stripe's dashboard (Developers, Logs), or
/// open /requests/req_… of the local stack's Stripe sandbox.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LogsArgs {
    /// ID of the request
    #[arg(value_name = "REQUEST_ID", value_parser = request_id)]
    request: String,
    /// How long ago the request was at most, for CloudWatch Logs
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration::parse)]
    since: i64,
    /// Folder with the logs of the local stack
    #[arg(long, value_name = "FOLDER", default_value = ".local/log")]
    folder: PathBuf,
}

/// Parses the ID of a request. API Gateway's and callers' IDs have no quotes, which end a filter of CloudWatch Logs.
fn request_id(text: &str) -> std::result::Result<String, String> {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
    if (1..=200).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err("an ID of a request has no spaces and no quotes".to_owned())
    }
}

/// Runs `logs`.
pub(crate) async fn run(options: &GlobalOptions, args: &LogsArgs) -> Result<()> {
    let id = &args.request;
    let (mut found, place) = match &options.profile {
        Some(stack) => {
            let found = cloudwatch::find(options, &stack.stack, id, args.since).await?;
            (found, format!("the log groups of {} within --since", stack.stack))
        }
        None => (local::find(&args.folder, id)?, args.folder.display().to_string()),
    };
    if found.is_empty() {
        return Err(CliError::new(format!(
            "there is no request {id} in {place}; check the ID, name a deployed stack with --profile, or search further back with --since"
        )));
    }
    found.sort_by(|a, b| a.time().cmp(b.time()));
    let value = json!({ "requestId": id, "lines": found });
    options.output().result(&value, lines::text(id, &found))
}
