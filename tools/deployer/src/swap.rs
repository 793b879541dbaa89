//! New code for some functions of a stack that runs, and nothing else: the template that is
//! deployed, with other packages in it.

use crate::template::logical_name;
use crate::{Error, Template};

/// The deployed template as JSON, with the package of each of these functions replaced.
///
/// # Errors
/// [`Error::Unknown`] for a function that the stack does not have: its template has to be deployed
/// first.
pub fn swap(deployed: &str, packages: &[(String, String)]) -> Result<String, Error> {
    let mut template = Template::parse(deployed)?;
    for (function, package) in packages {
        let logical = logical_name(function);
        let code = template.json_mut()["Resources"]
            .get_mut(&logical)
            .and_then(|resource| resource["Properties"].get_mut("CodeUri"))
            .ok_or_else(|| {
                Error::unknown(
                    &logical,
                    "the stack has no such function; deploy the template first",
                )
            })?;
        *code = package.as_str().into();
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
        let mut before = Template::parse(DEPLOYED).expect("YAML").json().clone();
        let after = Template::parse(&swap(DEPLOYED, &packages).expect("known")).expect("JSON");
        before["Resources"]["PlanChangeFunction"]["Properties"]["CodeUri"] = json!("s3://b/new");
        assert_eq!(after.json(), &before);
    }

    #[test]
    fn a_function_that_is_new_needs_the_template_first() {
        let packages = [("dunning".to_owned(), "s3://b/new".to_owned())];
        let error = swap(DEPLOYED, &packages).expect_err("unknown").to_string();
        assert!(error.contains("DunningFunction") && error.contains("template"), "{error}");
    }
}
