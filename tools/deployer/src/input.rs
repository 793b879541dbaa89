//! Input of `deployer compose`: outputs of the AWS CLI, and the files in `environments/`.

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

/// Reads a TOML file of parameters, such as `environments/prod.toml`.
///
/// # Errors
/// [`Error::File`], [`Error::Unreadable`].
pub fn file_parameters(path: &Path) -> Result<Parameters, Error> {
    let name = path.display().to_string();
    let table: Table = toml::from_str(&read(path)?)
        .map_err(|error| Error::unreadable(&name, error.to_string()))?;
    let value = |(parameter, value): (String, toml::Value)| match value {
        toml::Value::String(text) => Ok((parameter, text)),
        toml::Value::Integer(_) | toml::Value::Boolean(_) => Ok((parameter, value.to_string())),
        _ => Err(Error::unreadable(&name, format!("{parameter} is not a text, number or boolean"))),
    };
    table.into_iter().map(value).collect()
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
