//! Arguments of `doctor`, and the stack's settings from CloudFormation's description or the arguments.

use std::path::PathBuf;

use clap::Args;
use shared::values::Mode;

use crate::error::Result;
use crate::options::GlobalOptions;
use crate::stack_description::StackDescription;
use crate::values::arguments::ModeArg;

/// Check everything that the functions depend on, and print what to fix
///
///   aws cloudformation describe-stacks --stack-name billing > stack.json
///   STRIPE_SECRET_KEY=rk_live_… billingctl doctor --stack stack.json
///
/// The command changes nothing and can run at any time. The result of a check is pass, warn, fail or
/// skipped. Exit code: 0, or 1 if a check fails; with --strict also if a check warns.
///
/// The stack's settings come from --stack, else from --profile and the options below. With STRIPE_SECRET_KEY, as for
/// `billingctl catalog plan`, Stripe is compared with the catalog file.
///
/// With an API key in API_KEY, the command says whether it works in this stack, and whether it is a key of
/// Stripe by mistake. It never prints the key.
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
    pub(super) canary_key_secret: Option<String>,
    pub(super) api_url: Option<String>,
    pub(super) mode: Option<Mode>,
    pub(super) allowed_origins: Option<String>,
    pub(super) automatic_tax: Option<bool>,
    pub(super) portal_configuration: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) file: PathBuf,
}

impl Settings {
    /// Collects the settings.
    ///
    /// # Errors
    /// If the description cannot be read.
    pub(super) fn new(options: &GlobalOptions, args: &DoctorArgs) -> Result<Self> {
        let profile = options.profile.as_ref();
        let settings = Self {
            stack: profile.map(|profile| profile.stack.clone()),
            table: options.table.clone(),
            quote_keys_secret: options.quote_keys_secret.clone(),
            read_secret: options.read_secret.clone(),
            write_secret: options.write_secret.clone(),
            canary_key_secret: profile.and_then(|profile| profile.canary_key_secret.clone()),
            api_url: args.api_url.clone().or_else(|| profile?.api_url.clone()),
            mode: args.mode.map(Mode::from),
            allowed_origins: args.allowed_origins.clone(),
            automatic_tax: args.automatic_tax,
            portal_configuration: args.portal_configuration.clone().filter(|id| !id.is_empty()),
            currency: None,
            file: args.file.clone(),
        };
        match &args.stack {
            Some(path) => Ok(settings.with_description(StackDescription::read(path)?)),
            None => Ok(settings),
        }
    }

    /// Overwrites settings with those of the stack's description.
    fn with_description(mut self, stack: StackDescription) -> Self {
        self.stack = stack.name;
        for (key, value) in stack.outputs {
            match key.as_str() {
                "ApiUrl" => self.api_url = Some(value),
                "TableName" => self.table = value,
                "QuoteKeysSecretArn" => self.quote_keys_secret = value,
                "StripeReadSecretArn" => self.read_secret = value,
                "StripeWriteSecretArn" => self.write_secret = value,
                "CanaryKeySecretArn" => self.canary_key_secret = Some(value),
                _ => {}
            }
        }
        for (key, value) in stack.parameters {
            match key.as_str() {
                "AllowedOrigins" => self.allowed_origins = Some(value),
                "AutomaticTax" => self.automatic_tax = Some(value == "true"),
                "PortalConfiguration" => {
                    self.portal_configuration = Some(value).filter(|id| !id.is_empty());
                }
                "DefaultCurrency" => self.currency = Some(value),
                _ => {}
            }
        }
        self
    }
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
                { "OutputKey": "CanaryKeySecretArn", "OutputValue": "c" },
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
            canary_key_secret: text_of("c"),
            api_url: text_of("https://api.example"),
            allowed_origins: text_of("https://a.example"),
            automatic_tax: Some(true),
            currency: text_of("eur"),
            ..Settings::default()
        };
        let description = StackDescription::parse(text).expect("one stack");
        assert_eq!(settings.with_description(description), expected);
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
            "CanaryKeySecretArn",
            "AllowedOrigins",
            "AutomaticTax",
            "PortalConfiguration",
            "DefaultCurrency",
        ] {
            assert!(template.contains(&format!("\n  {name}:\n")), "{name}");
        }
    }
}
