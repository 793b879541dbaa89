//! Profiles: a deployed stack's table, secrets and region under one name, in a file of the operator's.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{CliError, Result};
use crate::stack_description::StackDescription;

/// Names of a stack's resources. It contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) stack: String,
    pub(crate) region: String,
    /// Profile of the AWS CLI with the credentials; without it they come from the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aws_profile: Option<String>,
    pub(crate) table: String,
    pub(crate) quote_keys_secret: String,
    pub(crate) stripe_read_secret: String,
    pub(crate) stripe_write_secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) canary_key_secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_url: Option<String>,
}

impl Profile {
    /// Returns the profile of a stack.
    ///
    /// # Errors
    /// Which output the stack lacks.
    pub(crate) fn of_stack(
        stack: &StackDescription,
        aws_profile: Option<String>,
    ) -> std::result::Result<Self, String> {
        let output = |key: &str| {
            let value = stack.outputs.get(key).cloned();
            value.ok_or_else(|| format!("it has no output {key}"))
        };
        let missing = |field: &str| format!("it has no {field}");
        let id = stack.id.as_deref().ok_or_else(|| missing("StackId"))?;
        let region = id.split(':').nth(3).filter(|region| !region.is_empty());
        Ok(Self {
            stack: stack.name.clone().ok_or_else(|| missing("StackName"))?,
            region: region.ok_or_else(|| missing("region in its StackId"))?.to_owned(),
            aws_profile,
            table: output("TableName")?,
            quote_keys_secret: output("QuoteKeysSecretArn")?,
            stripe_read_secret: output("StripeReadSecretArn")?,
            stripe_write_secret: output("StripeWriteSecretArn")?,
            canary_key_secret: output("CanaryKeySecretArn").ok(),
            api_url: output("ApiUrl").ok(),
        })
    }
}

/// The file with all profiles.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileFile {
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

impl ProfileFile {
    /// Reads the file. It has no profiles if it does not exist.
    ///
    /// # Errors
    /// If it cannot be read or has another format.
    pub(crate) fn load() -> Result<Self> {
        let path = path()?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                let path = path.display();
                return Err(CliError::new(format!("{path} could not be read: {error}")));
            }
        };
        toml::from_str(&text).map_err(|error| {
            CliError::new(format!(
                "{} is not a file with profiles ({}); fix it, or delete it and add the profiles again with `billingctl profiles add`",
                path.display(),
                error.message()
            ))
        })
    }

    /// Returns the profile with this name.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn get(&self, name: &str) -> Result<&Profile> {
        self.profiles.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
            CliError::new(format!(
                "there is no profile \"{name}\" (profiles: {known}); add it with `billingctl profiles add {name}`"
            ))
        })
    }

    /// Replaces the file in one step, so that an interrupted command leaves the previous one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn save(&self) -> Result<()> {
        let path = path()?;
        let text = toml::to_string(self).map_err(|error| CliError::new(error.to_string()))?;
        let failed = |error: std::io::Error| {
            CliError::new(format!("{} could not be written: {error}", path.display()))
        };
        write(&path, &text).map_err(failed)
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("toml.new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// Returns the path of the file: `BILLINGCTL_CONFIG`, else `billingctl/config.toml` in the folder for settings.
///
/// # Errors
/// If no variable names a folder.
pub(crate) fn path() -> Result<PathBuf> {
    let variable =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = || variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let path =
        variable("BILLINGCTL_CONFIG").or_else(|| Some(folder()?.join("billingctl/config.toml")));
    path.ok_or_else(|| {
        CliError::new(
            "there is no folder for profiles; set BILLINGCTL_CONFIG to the path of a file",
        )
    })
}

/// Parses the name of a profile.
///
/// # Errors
/// A message for clap that states the allowed form.
pub(crate) fn name(text: &str) -> std::result::Result<String, String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 64 letters, digits, -, _ and .".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(outputs: &[&str]) -> StackDescription {
        let output = |key: &&str| ((*key).to_owned(), format!("value of {key}"));
        StackDescription {
            name: Some("billing".to_owned()),
            id: Some("arn:aws:cloudformation:eu-central-1:123456789012:stack/billing/1".to_owned()),
            outputs: outputs.iter().map(output).collect(),
            ..StackDescription::default()
        }
    }

    #[test]
    fn profile_has_the_outputs_and_the_region_of_its_stack() {
        let required =
            ["TableName", "QuoteKeysSecretArn", "StripeReadSecretArn", "StripeWriteSecretArn"];
        let profile = Profile::of_stack(&stack(&required), Some("work".to_owned()));
        let profile = profile.expect("all that it needs");
        assert_eq!(
            (profile.stack.as_str(), profile.region.as_str(), profile.table.as_str()),
            ("billing", "eu-central-1", "value of TableName")
        );
        assert_eq!((profile.api_url, profile.canary_key_secret), (None, None));
        let missing = Profile::of_stack(&stack(&required[..3]), None);
        assert_eq!(missing, Err("it has no output StripeWriteSecretArn".to_owned()));
        let nowhere = StackDescription { id: None, ..stack(&required) };
        assert_eq!(Profile::of_stack(&nowhere, None), Err("it has no StackId".to_owned()));
    }

    #[test]
    fn file_is_read_as_it_was_written() {
        let outputs = [
            "TableName",
            "QuoteKeysSecretArn",
            "StripeReadSecretArn",
            "StripeWriteSecretArn",
            "ApiUrl",
        ];
        let profile = Profile::of_stack(&stack(&outputs), None).expect("all that it needs");
        let file = ProfileFile { profiles: BTreeMap::from([("prod.eu".to_owned(), profile)]) };
        let text = toml::to_string(&file).expect("text");
        let read: ProfileFile = toml::from_str(&text).expect("own format");
        assert_eq!(read.profiles, file.profiles);
    }

    #[test]
    fn outputs_match_the_template() {
        let template = include_str!("../../../template.yaml");
        for name in [
            "ApiUrl",
            "TableName",
            "QuoteKeysSecretArn",
            "StripeReadSecretArn",
            "StripeWriteSecretArn",
            "CanaryKeySecretArn",
        ] {
            assert!(template.contains(&format!("\n  {name}:\n")), "{name}");
        }
    }

    #[test]
    fn name_has_letters_digits_and_a_few_marks() {
        for good in ["prod", "eu-1.live_2"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "a b", "a/b", "é", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
