//! Input of `deployer compose`: outputs of the AWS CLI, and `samconfig.toml`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use toml::Table;

use crate::compose::Parameters;
use crate::{Error, Template};

/// Reads the output of `aws cloudformation get-template --template-stage Original`.
///
/// # Errors
/// [`Error::File`], [`Error::Unreadable`].
pub fn deployed_template(path: &Path) -> Result<Template, Error> {
    match &json(path)?["TemplateBody"] {
        // The CLI prints a YAML template as a string, and a JSON template as an object.
        Value::String(text) => Template::parse(text),
        other => Template::parse(&other.to_string()),
    }
}

/// Reads the parameters in the output of `aws cloudformation describe-stacks`.
///
/// # Errors
/// [`Error::File`], [`Error::Unreadable`].
pub fn stack_parameters(path: &Path) -> Result<Parameters, Error> {
    let description = json(path)?;
    let parameters = description["Stacks"][0]["Parameters"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(parameters
        .iter()
        .map(|parameter| (text(&parameter["ParameterKey"]), text(&parameter["ParameterValue"])))
        .collect())
}

/// Reads the parameters of an environment: `parameter_overrides` of `<environment>.deploy.parameters` in samconfig.toml.
///
/// # Errors
/// [`Error::File`], [`Error::Unreadable`].
pub fn environment_parameters(samconfig: &Path, environment: &str) -> Result<Parameters, Error> {
    let name = samconfig.display().to_string();
    let unreadable = |reason: String| Error::unreadable(&name, reason);
    let table: Table =
        toml::from_str(&read(samconfig)?).map_err(|error| unreadable(error.to_string()))?;
    let of_environment = table.get(environment).and_then(|it| it.get("deploy")?.get("parameters"));
    let Some(of_environment) = of_environment else {
        return Err(unreadable(format!("there is no [{environment}.deploy.parameters]")));
    };
    let overrides = of_environment.get("parameter_overrides").and_then(toml::Value::as_array);
    let pair = |value: &toml::Value| {
        let (name, value) = value.as_str()?.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    let pairs = overrides.into_iter().flatten().map(|value| {
        pair(value).ok_or_else(|| unreadable(format!("{value} is not \"Parameter=value\"")))
    });
    pairs.collect()
}

/// Returns the error of a deployment without a template.
#[must_use]
pub fn no_template() -> Error {
    Error::unknown("template", "the stack does not exist yet; deploy it with a template first")
}

fn json(path: &Path) -> Result<Value, Error> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Error::unreadable(&path.display().to_string(), error.to_string()))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })
}
