//! Composition of what a deployment sends to CloudFormation: the template with packages in S3, and every parameter.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::template::logical_name;
use crate::{Error, Template};

/// Environment variable of each function with a digest of the parameters on which it depends.
const DIGEST: &str = "SETTINGS_DIGEST";

/// Parameters by name.
pub type Parameters = BTreeMap<String, String>;

/// How CodeDeploy shifts traffic to the new code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// As the stack's `DeploymentPreference` says, guarded by the hook and the alarms.
    Gradual,
    /// All at once, without hook and alarms: for a rollback, or when an alarm blocks the deployment of its own fix.
    AtOnce,
}

/// Parts of a deployment.
#[derive(Clone, Debug)]
pub struct Release {
    /// The repository's template, or the deployed one.
    pub template: Template,
    /// Deployed template, which has the packages of the functions that are not built; `None` for a new stack.
    pub deployed: Option<Template>,
    /// Functions and their new packages, for example `summary` and `s3://bucket/key`.
    pub packages: Vec<(String, String)>,
    /// Parameters that the stack has now. They keep their values.
    pub current: Parameters,
    /// Parameters that this deployment sets.
    pub changed: Parameters,
    pub shift: Shift,
}

impl Release {
    /// Returns the template as JSON, and every parameter in the form of `create-change-set --parameters`.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a function without a package, an unknown parameter, or a parameter without a value.
    pub fn compose(self) -> Result<(Value, Value), Error> {
        let parameters = effective(&self.template, &self.current, &self.changed)?;
        let digest = digest(&self.template, &parameters);
        let mut packages: BTreeMap<String, Value> = BTreeMap::new();
        for (function, package) in &self.packages {
            packages.insert(logical_name(function), package.as_str().into());
        }
        let mut template = self.template;
        let functions: Vec<String> =
            template.functions().map(|(logical, _)| logical.to_owned()).collect();
        if let Some(unknown) = packages.keys().find(|logical| !functions.contains(logical)) {
            return Err(Error::unknown(unknown, "the template has no such function"));
        }
        for logical in &functions {
            let deployed = self.deployed.as_ref().map(|it| &it.properties(logical)["CodeUri"]);
            let package = packages.get(logical).or(deployed).filter(|package| !package.is_null());
            let package = package.cloned().ok_or_else(|| {
                Error::unknown(
                    logical,
                    "the stack has no package of it yet, so this deployment needs one",
                )
            })?;
            let own = &mut template.json_mut()["Resources"][logical]["Properties"];
            own["CodeUri"] = package;
            // Set in both cases: the deployed template may be of a deployment at once.
            own["DeploymentPreference"]["Enabled"] = (self.shift == Shift::Gradual).into();
        }
        template.json_mut()["Globals"]["Function"]["Environment"]["Variables"][DIGEST] =
            digest.into();
        let parameters = parameters
            .iter()
            .map(|(name, value)| json!({ "ParameterKey": name, "ParameterValue": value }));
        Ok((template.json().clone(), parameters.collect()))
    }
}

/// Returns a value for each parameter of the template: the changed one, else the stack's, else the default.
fn effective(
    template: &Template,
    current: &Parameters,
    changed: &Parameters,
) -> Result<Parameters, Error> {
    let declared = template.json()["Parameters"].as_object().cloned().unwrap_or_default();
    if let Some(unknown) = changed.keys().find(|name| !declared.contains_key(*name)) {
        return Err(Error::unknown(unknown, "the template has no such parameter"));
    }
    let value = |name: &String, parameter: &Value| {
        let default = || match &parameter["Default"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        changed.get(name).or_else(|| current.get(name)).cloned().or_else(default)
    };
    declared
        .iter()
        .map(|(name, parameter)| {
            let value = value(name, parameter);
            let value = value.ok_or_else(|| Error::unknown(name, "this parameter has no value"))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// Returns a digest of the parameters that the functions refer to, also through conditions. SAM publishes a version when
/// a property of a function changes as it is written, so the value of a `!Ref` alone would publish none
/// (<https://github.com/aws/serverless-application-model/issues/3820>).
fn digest(template: &Template, parameters: &Parameters) -> String {
    let whole = template.json();
    let mut text = whole["Globals"]["Function"].to_string();
    for (_, properties) in template.functions() {
        text.push_str(&properties.to_string());
    }
    let mut conditions = whole["Conditions"].as_object().cloned().unwrap_or_default();
    loop {
        let refers_to = |name: &String| {
            text.contains(&format!("\"Fn::If\":[\"{name}\""))
                || text.contains(&format!("{{\"Condition\":\"{name}\"}}"))
        };
        let used: Vec<String> = conditions.keys().filter(|name| refers_to(name)).cloned().collect();
        if used.is_empty() {
            break;
        }
        for name in used {
            let condition = conditions.remove(&name).unwrap_or_default();
            text.push_str(&condition.to_string());
        }
    }
    let is_used = |name: &str| {
        text.contains(&format!("{{\"Ref\":\"{name}\"}}")) || text.contains(&format!("${{{name}}}"))
    };
    let mut hash = Sha256::new();
    for (name, value) in parameters.iter().filter(|(name, _)| is_used(name)) {
        // Lengths keep apart what would otherwise join to the same text.
        hash.update(format!("{}:{name}{}:{value}", name.len(), value.len()));
    }
    let half = hash.finalize().iter().take(16).fold(0, |half, byte| half << 8 | u128::from(*byte));
    format!("{half:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Origins: { Type: String, Default: '' }
  Timeout: { Type: Number, Default: 29 }
  Restored: { Type: String, Default: '' }
  Email: { Type: String, Default: '' }
Conditions:
  HasRestored: !And [!Condition HasAny, !Not [!Equals [!Ref Timeout, 0]]]
  HasAny: !Not [!Equals [!Ref Restored, '']]
Globals: { Function: { Environment: { Variables: { ORIGINS: !Sub 'x${Origins}', TABLE: !If [HasRestored, a, b] } } } }
Resources:
  SummaryFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: target/lambda/summary.zip } }
  PlanChangeFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: target/lambda/plan-change.zip } }
  Topic: { Type: AWS::SNS::Subscription, Properties: { Endpoint: !Ref Email } }
";

    const DEPLOYED: &str = "
Resources:
  SummaryFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://b/old } }
  PlanChangeFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://b/old2 } }
";

    fn pairs(list: &[(&str, &str)]) -> Parameters {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn release() -> Release {
        Release {
            template: Template::parse(TEMPLATE).expect("YAML"),
            deployed: Some(Template::parse(DEPLOYED).expect("YAML")),
            packages: vec![("plan-change".to_owned(), "s3://b/new".to_owned())],
            current: Parameters::new(),
            changed: Parameters::new(),
            shift: Shift::Gradual,
        }
    }

    fn digest_with(current: &[(&str, &str)], changed: &[(&str, &str)]) -> Value {
        let release = Release { current: pairs(current), changed: pairs(changed), ..release() };
        let (template, _) = release.compose().expect("complete");
        template["Globals"]["Function"]["Environment"]["Variables"][DIGEST].clone()
    }

    #[test]
    fn functions_that_are_not_built_keep_their_packages() {
        let (template, _) = release().compose().expect("complete");
        let code = |logical: &str| template["Resources"][logical]["Properties"]["CodeUri"].clone();
        assert_eq!(code("SummaryFunction"), "s3://b/old");
        assert_eq!(code("PlanChangeFunction"), "s3://b/new");
    }

    #[test]
    fn function_without_a_package_is_an_error() {
        let new = Release { deployed: None, ..release() };
        let error = new.compose().expect_err("summary has no package").to_string();
        assert!(error.contains("SummaryFunction"), "{error}");
        let unknown = vec![("dunning".to_owned(), "s3://b/new".to_owned())];
        let error = Release { packages: unknown, ..release() }.compose().expect_err("unknown");
        assert!(error.to_string().contains("DunningFunction"), "{error}");
    }

    #[test]
    fn deployment_after_one_at_once_is_gradual() {
        let at_once = Release { shift: Shift::AtOnce, ..release() };
        let (at_once, _) = at_once.compose().expect("complete");
        let enabled = |template: &Value, logical: &str| {
            template["Resources"][logical]["Properties"]["DeploymentPreference"]["Enabled"].clone()
        };
        assert_eq!(enabled(&at_once, "SummaryFunction"), false);
        let template = Template::parse(&at_once.to_string()).expect("JSON");
        let (gradual, _) = Release { template, ..release() }.compose().expect("complete");
        assert_eq!(enabled(&gradual, "SummaryFunction"), true);
    }

    #[test]
    fn parameter_is_the_changed_one_else_the_stacks_else_the_default() {
        let release = Release {
            current: pairs(&[("Origins", "a"), ("Timeout", "5"), ("Removed", "x")]),
            changed: pairs(&[("Origins", "b")]),
            ..release()
        };
        let (_, parameters) = release.compose().expect("complete");
        let pair =
            |name: &str, value: &str| json!({ "ParameterKey": name, "ParameterValue": value });
        let expected =
            [pair("Email", ""), pair("Origins", "b"), pair("Restored", ""), pair("Timeout", "5")];
        assert_eq!(parameters, json!(expected));
    }

    #[test]
    fn unknown_or_missing_parameter_is_an_error() {
        let release = |template: &str, changed: &[(&str, &str)]| Release {
            template: Template::parse(template).expect("YAML"),
            changed: pairs(changed),
            packages: Vec::new(),
            ..release()
        };
        let error = release(TEMPLATE, &[("Origin", "a")]).compose().expect_err("misspelled");
        assert!(error.to_string().contains("Origin"), "{error}");
        let error = release("Parameters: { A: { Type: String } }", &[]).compose();
        assert!(error.expect_err("no value").to_string().contains('A'));
    }

    #[test]
    fn digest_changes_with_every_parameter_of_the_functions_and_no_other() {
        let before = digest_with(&[], &[]);
        assert_eq!(digest_with(&[("Email", "a@example.com")], &[]), before);
        assert_eq!(digest_with(&[], &[("Timeout", "29")]), before, "the default's value");
        let others = [("Origins", "a"), ("Timeout", "5"), ("Restored", "t")].map(|pair| {
            assert_eq!(digest_with(&[], &[pair]), digest_with(&[pair], &[]), "{pair:?}");
            digest_with(&[], &[pair])
        });
        for (index, digest) in others.iter().enumerate() {
            assert!(*digest != before && !others[index + 1..].contains(digest), "{index}");
        }
    }
}
