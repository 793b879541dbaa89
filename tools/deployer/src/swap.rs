//! New code for some functions of a stack that runs, and nothing else: the template that is
//! deployed, with other packages in it.

use crate::template::logical_name;
use crate::{Error, Template};

/// How requests get to the new code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// As the stack's `DeploymentPreference` says, and back if an alarm goes off.
    Gradual,
    /// All at once, whatever alarms say: the way back from code that set them off.
    AtOnce,
}

/// The deployed template as JSON, with the package of each of these functions replaced.
///
/// # Errors
/// [`Error::Unknown`] for a function that the stack does not have: its template has to be deployed
/// first.
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
    fn only_the_named_functions_code_is_replaced() {
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
    fn a_deployment_after_a_way_back_is_gradual_again() {
        let packages = [("plan-change".to_owned(), "s3://b/new".to_owned())];
        let back = swap(DEPLOYED, &packages, Shift::AtOnce).expect("known");
        let again = swap(&back, &packages, Shift::Gradual).expect("known");
        assert_eq!(again, swap(DEPLOYED, &packages, Shift::Gradual).expect("known"));
    }

    #[test]
    fn a_function_that_is_new_needs_the_template_first() {
        let packages = [("dunning".to_owned(), "s3://b/new".to_owned())];
        let error = swap(DEPLOYED, &packages, Shift::Gradual).expect_err("unknown").to_string();
        assert!(error.contains("DunningFunction") && error.contains("template"), "{error}");
    }
}
