//! Options that several commands take, and the names that they lead to.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::error::Result;
use crate::output::Output;
use crate::profile::{self, Profile, ProfileFile};

const TABLE: &str = "cantila-billing";
const QUOTE_KEYS_SECRET: &str = "cantila-billing/quote-keys";
const READ_SECRET: &str = "cantila-billing/stripe-read";
const WRITE_SECRET: &str = "cantila-billing/stripe-write";

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArgs {
    /// Print the result as one JSON object on stdout; an error as {"error": {"kind": …, "message": …}}
    #[arg(long, global = true)]
    json: bool,
    /// Deployed stack, by the name that `billingctl profiles add` has given it
    #[arg(long, global = true, env = "BILLINGCTL_PROFILE", value_name = "NAME", value_parser = profile::name)]
    profile: Option<String>,
    /// Name of the DynamoDB table [default: the profile's, BILLING_TABLE, or cantila-billing]
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    table: Option<String>,
    /// Secret with the keys that sign quotes of plan changes [default: the profile's, QUOTE_KEYS_SECRET_ID, or
    /// cantila-billing/quote-keys]
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    quote_keys_secret: Option<String>,
    /// Secret with the Stripe key of the GET functions [default: the profile's, or cantila-billing/stripe-read]
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    stripe_read_secret: Option<String>,
    /// Secret with the Stripe key of the POST functions and of follow [default: the profile's, or
    /// cantila-billing/stripe-write]
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    stripe_write_secret: Option<String>,
}

/// Options of every command with their defaults.
pub(crate) struct GlobalOptions {
    output: Output,
    /// The stack that `--profile` names.
    pub(crate) profile: Option<Profile>,
    pub(crate) table: String,
    pub(crate) quote_keys_secret: String,
    /// Secret with the Stripe key of the GET functions.
    pub(crate) read_secret: String,
    /// Secret with the Stripe key of the POST functions and of follow.
    pub(crate) write_secret: String,
}

impl GlobalArgs {
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }

    /// Adds the defaults. An option comes before the profile, and the profile before a variable, which may be another
    /// stack's.
    ///
    /// # Errors
    /// If there is no profile of this name.
    pub(crate) fn resolve(&self) -> Result<GlobalOptions> {
        let profile = match &self.profile {
            Some(name) => Some(ProfileFile::load()?.get(name)?.clone()),
            None => None,
        };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Ok(self.with_defaults(profile, variable))
    }

    fn with_defaults(
        &self,
        profile: Option<Profile>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> GlobalOptions {
        let of_profile = |field: fn(&Profile) -> &String| profile.as_ref().map(field).cloned();
        let default = |given: &Option<String>, field, name: Option<&str>, default: &str| {
            let given = given.clone().or_else(|| of_profile(field));
            given.or_else(|| variable(name?)).unwrap_or_else(|| default.to_owned())
        };
        GlobalOptions {
            output: self.output(),
            table: default(&self.table, |it| &it.table, Some("BILLING_TABLE"), TABLE),
            quote_keys_secret: default(
                &self.quote_keys_secret,
                |it| &it.quote_keys_secret,
                Some("QUOTE_KEYS_SECRET_ID"),
                QUOTE_KEYS_SECRET,
            ),
            read_secret: default(
                &self.stripe_read_secret,
                |it| &it.stripe_read_secret,
                None,
                READ_SECRET,
            ),
            write_secret: default(
                &self.stripe_write_secret,
                |it| &it.stripe_write_secret,
                None,
                WRITE_SECRET,
            ),
            profile,
        }
    }
}

impl GlobalOptions {
    pub(crate) fn output(&self) -> Output {
        self.output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_comes_before_the_profile_and_the_profile_before_a_variable() {
        let text = |text: &str| Some(text.to_owned());
        let profile = Profile {
            stack: "billing".to_owned(),
            region: "eu-central-1".to_owned(),
            aws_profile: None,
            table: "of-profile".to_owned(),
            quote_keys_secret: "quotes-of-profile".to_owned(),
            stripe_read_secret: "read-of-profile".to_owned(),
            stripe_write_secret: "write-of-profile".to_owned(),
            canary_key_secret: None,
            api_url: None,
        };
        let table = |given: Option<&str>, profile: Option<&Profile>, variable: Option<&str>| {
            let args = GlobalArgs {
                json: false,
                profile: None,
                table: given.map(str::to_owned),
                quote_keys_secret: None,
                stripe_read_secret: None,
                stripe_write_secret: None,
            };
            let variable =
                |name: &str| variable.filter(|_| name == "BILLING_TABLE").map(str::to_owned);
            args.with_defaults(profile.cloned(), variable)
        };
        let found = table(Some("given"), Some(&profile), Some("of-variable"));
        assert_eq!(
            (text(&found.table), found.read_secret),
            (text("given"), "read-of-profile".to_owned())
        );
        assert_eq!(table(None, Some(&profile), Some("of-variable")).table, "of-profile");
        assert_eq!(table(None, None, Some("of-variable")).table, "of-variable");
        let none = table(None, None, None);
        assert_eq!((none.table.as_str(), none.write_secret.as_str()), (TABLE, WRITE_SECRET));
    }
}
