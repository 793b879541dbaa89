//! What the stack was deployed with: from `CloudFormation`'s description of it, else from the command
//! line and the environment.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use shared::auth::Mode;

use crate::cli::{Doctor, Global};
use crate::error::{Failure, Result};

/// `None` where it is not known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) table: String,
    pub(super) pepper_secret: String,
    pub(super) read_secret: String,
    pub(super) write_secret: String,
    pub(super) api_url: Option<String>,
    pub(super) mode: Option<Mode>,
    pub(super) allowed_origins: Option<String>,
    pub(super) automatic_tax: Option<bool>,
    pub(super) portal_configuration: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) file: std::path::PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    stacks: Vec<Stack>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stack {
    #[serde(default)]
    outputs: Vec<Output>,
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    parameter_value: String,
}

impl Settings {
    pub(super) fn new(global: &Global, wanted: &Doctor) -> Result<Self> {
        let given = Self {
            table: global.table.clone(),
            pepper_secret: global.pepper_secret.clone(),
            read_secret: wanted.stripe_read_secret.clone(),
            write_secret: wanted.stripe_write_secret.clone(),
            api_url: wanted.api_url.clone(),
            mode: wanted.mode.map(Mode::from),
            allowed_origins: wanted.allowed_origins.clone(),
            automatic_tax: wanted.automatic_tax,
            portal_configuration: wanted.portal_configuration.clone().filter(|id| !id.is_empty()),
            currency: None,
            file: wanted.file.clone(),
        };
        match &wanted.stack {
            Some(path) => given.described(&read(path)?).map_err(|reason| {
                let path = path.display();
                Failure::new(format!(
                    "{path} is no answer of `aws cloudformation describe-stacks --stack-name …` ({reason})"
                ))
            }),
            None => Ok(given),
        }
    }

    /// What the stack says of itself goes before what was given.
    fn described(mut self, text: &str) -> std::result::Result<Self, String> {
        let found: Description = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let [stack] = found.stacks.as_slice() else {
            return Err(format!("it has {} stacks, and has to have one", found.stacks.len()));
        };
        for Output { output_key, output_value } in &stack.outputs {
            let value = output_value.clone();
            match output_key.as_str() {
                "ApiUrl" => self.api_url = Some(value),
                "TableName" => self.table = value,
                "PepperSecretArn" => self.pepper_secret = value,
                "StripeReadSecretArn" => self.read_secret = value,
                "StripeWriteSecretArn" => self.write_secret = value,
                _ => {}
            }
        }
        for Parameter { parameter_key, parameter_value } in &stack.parameters {
            let value = parameter_value.clone();
            match parameter_key.as_str() {
                "AllowedOrigins" => self.allowed_origins = Some(value),
                "AutomaticTax" => self.automatic_tax = Some(value == "true"),
                "PortalConfiguration" => {
                    self.portal_configuration = Some(value).filter(|id| !id.is_empty());
                }
                "DefaultCurrency" => self.currency = Some(value),
                _ => {}
            }
        }
        Ok(self)
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    let unreadable =
        |error| Failure::new(format!("{} could not be read ({error})", path.display()));
    read.map(|_| text).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_says_where_its_things_are_and_what_it_was_deployed_with() {
        let text = r#"{ "Stacks": [{
            "StackName": "billing",
            "Outputs": [
                { "OutputKey": "ApiUrl", "OutputValue": "https://api.example" },
                { "OutputKey": "TableName", "OutputValue": "t" },
                { "OutputKey": "PepperSecretArn", "OutputValue": "p" },
                { "OutputKey": "StripeReadSecretArn", "OutputValue": "r" },
                { "OutputKey": "StripeWriteSecretArn", "OutputValue": "w" },
                { "OutputKey": "Other", "OutputValue": "o" }
            ],
            "Parameters": [
                { "ParameterKey": "AllowedOrigins", "ParameterValue": "https://a.example" },
                { "ParameterKey": "AutomaticTax", "ParameterValue": "true" },
                { "ParameterKey": "PortalConfiguration", "ParameterValue": "" },
                { "ParameterKey": "DefaultCurrency", "ParameterValue": "eur" }
            ]
        }] }"#;
        let text_of = |text: &str| Some(text.to_owned());
        let given = Settings { portal_configuration: text_of("bpc_1"), ..Settings::default() };
        let expected = Settings {
            table: "t".to_owned(),
            pepper_secret: "p".to_owned(),
            read_secret: "r".to_owned(),
            write_secret: "w".to_owned(),
            api_url: text_of("https://api.example"),
            allowed_origins: text_of("https://a.example"),
            automatic_tax: Some(true),
            currency: text_of("eur"),
            ..Settings::default()
        };
        assert_eq!(given.described(text), Ok(expected));
        assert!(Settings::default().described(r#"{ "Stacks": [] }"#).is_err());
        assert!(Settings::default().described("[]").is_err());
    }

    #[test]
    fn the_names_are_those_of_the_template() {
        let template = include_str!("../../../../template.yaml");
        for name in [
            "ApiUrl",
            "TableName",
            "PepperSecretArn",
            "StripeReadSecretArn",
            "StripeWriteSecretArn",
            "AllowedOrigins",
            "AutomaticTax",
            "PortalConfiguration",
            "DefaultCurrency",
        ] {
            assert!(template.contains(&format!("\n  {name}:\n")), "{name}");
        }
    }
}
