//! `doctor`: checks everything that the functions depend on. It changes nothing.

mod api_keys;
mod aws_identity;
mod catalog;
mod clock;
mod cors;
mod customers;
mod endpoint;
mod functions;
mod http;
mod origins;
mod permission_probes;
mod report;
mod secrets;
mod settings;
mod stripe_keys;
mod table;
mod tax;
mod watermark;

use std::process::ExitCode;

use crate::error::Result;
use crate::options::GlobalOptions;
use report::Report;
use settings::Settings;

pub(crate) use settings::DoctorArgs;

/// Runs `doctor`.
pub(crate) async fn run(options: &GlobalOptions, args: &DoctorArgs) -> Result<ExitCode> {
    let settings = Settings::new(options, args)?;
    let mut report = Report::default();
    let sdk = aws_identity::check(options, &mut report).await;
    if let Some(sdk) = &sdk {
        table::check(sdk, &settings, &mut report).await;
        clock::check_aws(sdk, &mut report).await;
        functions::check(sdk, &settings, &mut report).await;
    }
    let keys = secrets::check(sdk.as_ref(), &settings, &mut report).await;
    stripe_keys::check(&keys, &settings, &mut report).await?;
    customers::check(sdk.as_ref(), &settings, &keys, &mut report).await?;
    api_keys::check(sdk.as_ref(), &settings, keys.mode(), &mut report).await;
    clock::check_stripe(&keys, &mut report).await?;
    catalog::check(&keys, &settings, &mut report).await?;
    tax::check(&settings, &mut report).await;
    origins::check(&settings, keys.mode(), &mut report);
    endpoint::check(&settings, &mut report).await;
    options.output().result(&report.json(), report.text())?;
    Ok(if report.passes(args.strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
