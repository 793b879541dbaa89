//! Forms for random requests.

use std::fmt::Display;

use serde_json::Value;

use crate::support::{Api, Reply};

/// Generated parameters.
#[derive(Default)]
pub struct Form(pub Vec<(String, String)>);

impl Form {
    pub fn set(&mut self, name: impl Into<String>, value: impl Display) {
        self.0.push((name.into(), value.to_string()));
    }

    pub fn inside(&self, outer: &str) -> Form {
        let within = |name: &str| match name.split_once('[') {
            Some((first, rest)) => format!("{outer}[{first}][{rest}"),
            None => format!("{outer}[{name}]"),
        };
        Form(self.0.iter().map(|(name, value)| (within(name), value.clone())).collect())
    }

    pub fn post(&self, api: &Api, path: &str) -> Value {
        let form: Vec<(&str, &str)> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        api.post(path, &form)
    }

    /// Posts the form and returns the response, which can be an error.
    pub fn try_post(&self, api: &Api, path: &str) -> Reply {
        let form: Vec<(&str, &str)> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        api.send("POST", path, &form, &[])
    }
}
