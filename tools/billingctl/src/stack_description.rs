//! A stack's outputs and parameters, as `aws cloudformation describe-stacks` prints them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{CliError, Result};

/// Description of one stack.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StackDescription {
    pub(crate) name: Option<String>,
    /// ARN of the stack, which has its region.
    pub(crate) id: Option<String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) parameters: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    stacks: Vec<Stack>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stack {
    #[serde(default)]
    stack_name: Option<String>,
    #[serde(default)]
    stack_id: Option<String>,
    #[serde(default)]
    outputs: Vec<Output>,
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    parameter_value: String,
}

impl StackDescription {
    /// Reads the description from a file, or from stdin for `-`.
    ///
    /// # Errors
    /// If it cannot be read, or does not describe one stack.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let read = if path == Path::new("-") {
            std::io::stdin().read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
        };
        let path = path.display();
        read.map_err(|error| CliError::new(format!("{path} could not be read ({error})")))?;
        Self::parse(&text).map_err(|reason| {
            CliError::new(format!(
                "{path} is not an output of `aws cloudformation describe-stacks` ({reason}); create it with --stack-name and the stack's name"
            ))
        })
    }

    /// Parses the description.
    ///
    /// # Errors
    /// Why it does not describe one stack.
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, String> {
        let found: Description = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let count = found.stacks.len();
        let [stack] = <[Stack; 1]>::try_from(found.stacks)
            .map_err(|_| format!("it has {count} stacks instead of one"))?;
        let outputs = stack.outputs.into_iter();
        let parameters = stack.parameters.into_iter();
        Ok(Self {
            name: stack.stack_name,
            id: stack.stack_id,
            outputs: outputs.map(|output| (output.output_key, output.output_value)).collect(),
            parameters: parameters.map(|it| (it.parameter_key, it.parameter_value)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_has_the_outputs_and_parameters_of_one_stack() {
        let text = r#"{ "Stacks": [{
            "StackName": "billing", "StackId": "arn:aws:cloudformation:eu-central-1:1:stack/billing/2",
            "Outputs": [{ "OutputKey": "TableName", "OutputValue": "t", "Description": "d" }],
            "Parameters": [{ "ParameterKey": "AutomaticTax", "ParameterValue": "true" }]
        }] }"#;
        let entry = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let expected = StackDescription {
            name: Some("billing".to_owned()),
            id: Some("arn:aws:cloudformation:eu-central-1:1:stack/billing/2".to_owned()),
            outputs: entry("TableName", "t"),
            parameters: entry("AutomaticTax", "true"),
        };
        assert_eq!(StackDescription::parse(text), Ok(expected));
        for text in ["[]", r#"{ "Stacks": [] }"#, r#"{ "Stacks": [{}, {}] }"#] {
            assert!(StackDescription::parse(text).is_err(), "{text}");
        }
    }
}
