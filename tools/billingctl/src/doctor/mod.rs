//! `doctor`: whether everything that the functions rest on is as it has to be. It changes nothing.

mod amazon;
mod catalogue;
mod clock;
mod endpoint;
mod http;
mod keys;
mod origins;
mod probes;
mod report;
mod settings;
mod table;
mod tax;

use std::process::ExitCode;

use crate::cli::{Doctor, Global};
use crate::error::Result;
use report::Report;
use settings::Settings;

/// `doctor`
pub(crate) async fn run(global: &Global, wanted: &Doctor) -> Result<ExitCode> {
    let settings = Settings::new(global, wanted)?;
    let mut report = Report::default();
    let sdk = amazon::identity(&mut report).await;
    if let Some(sdk) = &sdk {
        table::check(sdk, &settings, &mut report).await;
        clock::amazon(sdk, &mut report).await;
    }
    let keys = keys::read(sdk.as_ref(), &settings, &mut report).await;
    keys::check(&keys, &settings, &mut report).await?;
    clock::stripe(&keys, &mut report).await?;
    catalogue::check(&keys, &settings, &mut report).await?;
    tax::check(&settings, &mut report).await?;
    origins::check(&settings, keys.mode(), &mut report);
    endpoint::check(&settings, &mut report).await;
    global.output().result(&report.json(), report.text())?;
    Ok(if report.passes(wanted.strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
