//! Replacement of the packages of some functions in a deployed template.

use crate::template::logical_name;
use crate::{Error, Template};

/// How CodeDeploy shifts traffic to the new code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// As the stack's `DeploymentPreference` says, with a rollback if an alarm goes off.
    Gradual,
    /// All at once, ignoring alarms: for a rollback from code that set them off.
    AtOnce,
}

/// Returns the deployed template as JSON, with the functions' packages replaced.
///
/// # Errors
/// [`Error::Unknown`] for a function that is not in the deployed template.
pub fn swap(deployed: &str, packages: &[(String, String)], shift: Shift) -> Result<String, Error> {
    let mut template = Template::parse(deployed)?;
    for (function, package) in packages {
        let logical = logical_name(function);
        let properties = template.json_mut()["Resources"]
            .get_mut(&logical)
            .and_then(|resource| resource.get_mut("Properties"))
            .ok_or_else(|| {
                Error::unknown(
                    &logical,
                    "the stack has no such function; deploy the template first",
                )
            })?;
        properties["CodeUri"] = package.as_str().into();
        properties["DeploymentPreference"]["Enabled"] = (shift == Shift::Gradual).into();
    }
    serde_json::to_string_pretty(template.json())
        .map_err(|error| Error::unreadable("the template", error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEPLOYED: &str = "
Parameters: { Timeout: { Type: Number } }
Resources:
  SummaryFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://b/old, Role: !GetAtt R.Arn } }
  PlanChangeFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://b/old2 } }
";

    #[test]
    fn swap_replaces_only_the_named_packages() {
        let packages = [("plan-change".to_owned(), "s3://b/new".to_owned())];
        for (shift, is_gradual) in [(Shift::Gradual, true), (Shift::AtOnce, false)] {
            let mut before = Template::parse(DEPLOYED).expect("YAML").json().clone();
            let after = swap(DEPLOYED, &packages, shift).expect("known");
            let own = &mut before["Resources"]["PlanChangeFunction"]["Properties"];
            own["CodeUri"] = json!("s3://b/new");
            own["DeploymentPreference"]["Enabled"] = json!(is_gradual);
            assert_eq!(Template::parse(&after).expect("JSON").json(), &before);
        }
    }

    #[test]
    fn deployment_after_a_rollback_is_gradual() {
        let packages = [("plan-change".to_owned(), "s3://b/new".to_owned())];
        let rolled_back = swap(DEPLOYED, &packages, Shift::AtOnce).expect("known");
        let deployed = swap(&rolled_back, &packages, Shift::Gradual).expect("known");
        assert_eq!(deployed, swap(DEPLOYED, &packages, Shift::Gradual).expect("known"));
    }

    #[test]
    fn function_missing_from_the_stack_is_an_error() {
        let packages = [("dunning".to_owned(), "s3://b/new".to_owned())];
        let error = swap(DEPLOYED, &packages, Shift::Gradual).expect_err("unknown").to_string();
        assert!(error.contains("DunningFunction") && error.contains("template"), "{error}");
    }
}
