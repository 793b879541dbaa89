//! Compares each function's alias `live`, which callers reach, with its newest configuration.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput as Configuration;

use super::report::Report;
use super::settings::Settings;
use crate::aws::failure::AwsFailure;
use crate::aws::functions::FUNCTIONS;

const CHECK: &str = "functions.live";

/// Checks that no function serves callers with another configuration than the deployed one, such as a table that has been
/// replaced. Without `--stack` there is no deployed one.
pub(super) async fn check(sdk: &SdkConfig, settings: &Settings, report: &mut Report) {
    let Some(stack) = &settings.stack else { return };
    let client = Client::new(sdk);
    let mut outdated = Vec::new();
    for function in FUNCTIONS {
        let name = format!("{stack}-{function}");
        let read = |qualifier| {
            client.get_function_configuration().function_name(&name).qualifier(qualifier).send()
        };
        let (live, latest) = (read("live").await, read("$LATEST").await);
        match (live, latest) {
            (Ok(live), Ok(latest)) if parts(&live) == parts(&latest) => {}
            (Ok(_), Ok(_)) => outdated.push(function),
            (Err(error), _) | (_, Err(error)) => {
                let failure = AwsFailure::new(format_args!("read the function {name}"), &error);
                let permission = "give your role lambda:GetFunctionConfiguration on the functions";
                let advice = failure.advice_or(permission);
                return report.fail(CHECK, failure.found, advice);
            }
        }
    }
    if outdated.is_empty() {
        report.pass(CHECK, "every function serves its newest configuration");
    } else {
        report.fail(
            CHECK,
            format!("callers reach an older configuration of {}", outdated.join(", ")),
            "wait for a deployment in progress; otherwise deploy again (make deploy)",
        );
    }
}

/// Returns what a version keeps of its function.
fn parts(configuration: &Configuration) -> impl PartialEq + use<'_> {
    (
        configuration.code_sha256(),
        configuration.environment().and_then(|environment| environment.variables()),
        (configuration.memory_size(), configuration.timeout(), configuration.role()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_match_the_template() {
        let template = include_str!("../../../../template.yaml");
        let names = template.lines().filter(|line| line.starts_with("      CodeUri: "));
        let found: Vec<&str> =
            names.filter_map(|line| line.rsplit('/').next()?.strip_suffix(".zip")).collect();
        assert_eq!(found, FUNCTIONS);
    }
}
