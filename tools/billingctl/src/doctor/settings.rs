//! Arguments of `doctor`, and the stack's settings from CloudFormation's description or the arguments.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use shared::values::Mode;

use crate::error::{CliError, Result};
use crate::options::{GlobalOptions, StripeSecretNames};
use crate::values::arguments::ModeArg;

/// Check everything that the functions depend on, and print what to fix
///
///   aws cloudformation describe-stacks --stack-name billing > stack.json
///   STRIPE_SECRET_KEY=rk_live_… billingctl doctor --stack stack.json
///
/// The command changes nothing and can run at any time. The result of a check is pass, warn, fail or
/// skipped. Exit code: 0, or 1 if a check fails; with --strict also if a check warns.
///
/// The stack's settings come from --stack, else from the options below. With STRIPE_SECRET_KEY, as for
/// `billingctl catalog plan`, Stripe is compared with the catalog file.
///
/// Next: billingctl accounts create --handle acme
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DoctorArgs {
    /// Output of `aws cloudformation describe-stacks` for the stack, or - for stdin
    #[arg(long, value_name = "FILE")]
    stack: Option<PathBuf>,
    /// Catalog file
    #[arg(long, default_value = "catalog.toml")]
    file: PathBuf,
    /// Exit with 1 if a check warns
    #[arg(long)]
    pub(super) strict: bool,
    /// URL of the API
    #[arg(long, env = "API_URL", value_name = "URL")]
    api_url: Option<String>,
    /// Mode of the stack [default: mode of its Stripe keys]
    #[arg(long)]
    mode: Option<ModeArg>,
    #[command(flatten)]
    secrets: StripeSecretNames,
    /// Allowed origins of return URLs, separated by commas
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "LIST")]
    allowed_origins: Option<String>,
    /// Whether Stripe calculates tax at checkout
    #[arg(long, env = "AUTOMATIC_TAX", value_name = "BOOL")]
    automatic_tax: Option<bool>,
    /// Portal configuration of the functions
    #[arg(long, env = "PORTAL_CONFIGURATION", value_name = "BPC_ID")]
    portal_configuration: Option<String>,
}

/// Settings of the stack; `None` if unknown.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// Name of the stack.
    pub(super) stack: Option<String>,
    pub(super) table: String,
    pub(super) quote_keys_secret: String,
    pub(super) read_secret: String,
    pub(super) write_secret: String,
    pub(super) api_url: Option<String>,
    pub(super) mode: Option<Mode>,
    pub(super) allowed_origins: Option<String>,
    pub(super) automatic_tax: Option<bool>,
    pub(super) portal_configuration: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) file: PathBuf,
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

impl Settings {
    /// Collects the settings.
    ///
    /// # Errors
    /// If the description cannot be read.
    pub(super) fn new(options: &GlobalOptions, args: &DoctorArgs) -> Result<Self> {
        let settings = Self {
            stack: None,
            table: options.table.clone(),
            quote_keys_secret: options.quote_keys_secret.clone(),
            read_secret: args.secrets.read.clone(),
            write_secret: args.secrets.write.clone(),
            api_url: args.api_url.clone(),
            mode: args.mode.map(Mode::from),
            allowed_origins: args.allowed_origins.clone(),
            automatic_tax: args.automatic_tax,
            portal_configuration: args.portal_configuration.clone().filter(|id| !id.is_empty()),
            currency: None,
            file: args.file.clone(),
        };
        match &args.stack {
            Some(path) => settings.with_description(&read(path)?).map_err(|reason| {
                let path = path.display();
                CliError::new(format!(
                    "{path} is not an output of `aws cloudformation describe-stacks` ({reason}); create it with --stack-name and the stack's name"
                ))
            }),
            None => Ok(settings),
        }
    }

    /// Overwrites settings with those of the stack's description.
    fn with_description(mut self, text: &str) -> std::result::Result<Self, String> {
        let found: Description = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let [stack] = found.stacks.as_slice() else {
            return Err(format!("it has {} stacks instead of one", found.stacks.len()));
        };
        self.stack.clone_from(&stack.stack_name);
        for Output { output_key, output_value } in &stack.outputs {
            let value = output_value.clone();
            match output_key.as_str() {
                "ApiUrl" => self.api_url = Some(value),
                "TableName" => self.table = value,
                "QuoteKeysSecretArn" => self.quote_keys_secret = value,
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
        |error| CliError::new(format!("{} could not be read ({error})", path.display()));
    read.map(|_| text).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_has_the_names_of_resources_and_the_parameters() {
        let text = r#"{ "Stacks": [{
            "StackName": "billing",
            "Outputs": [
                { "OutputKey": "ApiUrl", "OutputValue": "https://api.example" },
                { "OutputKey": "TableName", "OutputValue": "t" },
                { "OutputKey": "QuoteKeysSecretArn", "OutputValue": "p" },
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
        let settings = Settings { portal_configuration: text_of("bpc_1"), ..Settings::default() };
        let expected = Settings {
            stack: text_of("billing"),
            table: "t".to_owned(),
            quote_keys_secret: "p".to_owned(),
            read_secret: "r".to_owned(),
            write_secret: "w".to_owned(),
            api_url: text_of("https://api.example"),
            allowed_origins: text_of("https://a.example"),
            automatic_tax: Some(true),
            currency: text_of("eur"),
            ..Settings::default()
        };
        assert_eq!(settings.with_description(text), Ok(expected));
        assert!(Settings::default().with_description(r#"{ "Stacks": [] }"#).is_err());
        assert!(Settings::default().with_description("[]").is_err());
    }

    #[test]
    fn outputs_and_parameters_match_the_template() {
        let template = include_str!("../../../../template.yaml");
        for name in [
            "ApiUrl",
            "TableName",
            "QuoteKeysSecretArn",
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
