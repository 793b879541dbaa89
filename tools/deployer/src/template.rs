//! `template.yaml` as JSON, with CloudFormation's short tags (`!Ref x`) expanded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::Error;

/// CloudFormation template as JSON.
#[derive(Clone, Debug)]
pub struct Template(Value);

impl Template {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Unreadable`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path)
            .map_err(|source| Error::File { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Parses YAML or JSON.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let yaml: Yaml = serde_yaml_ng::from_str(text)
            .map_err(|error| Error::unreadable("the template", error.to_string()))?;
        Ok(Self(to_json(yaml)?))
    }

    /// Returns the whole template.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// Returns the properties of the resource with this logical name.
    #[must_use]
    pub fn properties(&self, logical: &str) -> &Value {
        &self.0["Resources"][logical]["Properties"]
    }

    /// Returns logical names and properties of the resources of one type, in the template's order.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.0["Resources"].as_object().into_iter().flatten();
        resources
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(logical, resource)| (logical.as_str(), &resource["Properties"]))
    }

    /// Returns the functions' logical names and properties.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.of_type("AWS::Serverless::Function")
    }

    /// Returns method and path of the functions with these names (of their folders), or of all if the list is empty. A
    /// function that a schedule invokes has none.
    ///
    /// # Errors
    /// [`Error::Unknown`] for an unknown function.
    pub fn routes(&self, functions: &[String]) -> Result<Vec<(String, String)>, Error> {
        let all = self.functions().map(|(logical, _)| logical.to_owned()).collect();
        let named: Vec<String> = functions.iter().map(|name| logical_name(name)).collect();
        let wanted: Vec<String> = if named.is_empty() { all } else { named };
        let mut routes = Vec::new();
        for logical in &wanted {
            let events = &self.properties(logical)["Events"];
            if !events.is_object() {
                return Err(Error::unknown(logical, "the template has no such function"));
            }
            let text = |key: &str| events["Route"]["Properties"][key].as_str().map(str::to_owned);
            routes.extend(text("Method").zip(text("Path")));
        }
        Ok(routes)
    }

    /// Sets environment variables of a function. `sam local` passes only variables that the template declares.
    #[must_use]
    pub fn with_environment(mut self, logical: &str, variables: &BTreeMap<String, String>) -> Self {
        if let Some(resource) = self.0["Resources"].get_mut(logical) {
            let own = &mut resource["Properties"]["Environment"]["Variables"];
            for (name, value) in variables {
                own[name] = value.as_str().into();
            }
        }
        self
    }

    pub(crate) fn json_mut(&mut self) -> &mut Value {
        &mut self.0
    }
}

/// Returns the logical name of a function, for example `PlanChangeFunction` for `plan-change`.
#[must_use]
pub fn logical_name(function: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    format!("{}Function", function.split('-').filter_map(capital).collect::<String>())
}

fn to_json(yaml: Yaml) -> Result<Value, Error> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => serde_json::to_value(number)
            .map_err(|error| Error::unreadable("a number of the template", error.to_string()))?,
        Yaml::String(text) => text.into(),
        Yaml::Sequence(list) => {
            Value::Array(list.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(mapping) => {
            let mut object = Map::new();
            for (key, value) in mapping {
                let key = key.as_str().map(str::to_owned);
                let key = key.ok_or_else(|| {
                    Error::unreadable("the template", "a key is not a string; put it into quotes")
                })?;
                object.insert(key, to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            long_form(tagged.tag.to_string().trim_start_matches('!'), &to_json(tagged.value)?)
        }
    })
}

fn long_form(tag: &str, value: &Value) -> Value {
    match (tag, value.as_str()) {
        ("Ref" | "Condition", _) => json!({ tag: value }),
        // The rest may contain dots: `SummaryFunction.Version.Version` in SAM.
        ("GetAtt", Some(text)) => json!({ "Fn::GetAtt": text.splitn(2, '.').collect::<Vec<_>>() }),
        _ => json!({ format!("Fn::{tag}"): value }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_are_expanded() {
        let template = Template::parse(
            "A: !Ref B\nC: !GetAtt D.Version.Arn\nE: !If [F, !Sub 'g${H}', !Ref AWS::NoValue]\nI: &j [1, true]\nK: *j\n",
        );
        let expected = json!({
            "A": { "Ref": "B" },
            "C": { "Fn::GetAtt": ["D", "Version.Arn"] },
            "E": { "Fn::If": ["F", { "Fn::Sub": "g${H}" }, { "Ref": "AWS::NoValue" }] },
            "I": [1, true],
            "K": [1, true],
        });
        assert_eq!(template.expect("YAML").json(), &expected);
    }

    #[test]
    fn logical_name_derives_from_the_folder() {
        assert_eq!(logical_name("summary"), "SummaryFunction");
        assert_eq!(logical_name("plan-change-preview"), "PlanChangePreviewFunction");
    }

    #[test]
    fn routes_come_from_the_template() {
        let text = "
Resources:
  AFunction: { Type: AWS::Serverless::Function, Properties: { Events: { Route: { Properties: { Method: GET, Path: /a } } } } }
  BFunction: { Type: AWS::Serverless::Function, Properties: { Events: { EachMinute: { Type: Schedule } } } }
";
        let template = Template::parse(text).expect("YAML");
        let expected = [("GET".to_owned(), "/a".to_owned())];
        assert_eq!(template.routes(&[]).expect("all"), expected);
        assert_eq!(template.routes(&["a".to_owned()]).expect("known"), expected);
        assert_eq!(template.routes(&["b".to_owned()]).expect("known"), []);
        assert!(template.routes(&["c".to_owned()]).is_err());
    }

    #[test]
    fn with_environment_adds_variables_to_one_function() {
        let text = "Resources: { A: { Properties: { Environment: { Variables: { J: x } } } }, B: { Properties: {} } }";
        let template = Template::parse(text).expect("YAML");
        let variables = BTreeMap::from([("K".to_owned(), "v".to_owned())]);
        let template = template.with_environment("A", &variables);
        let expected = json!({ "J": "x", "K": "v" });
        assert_eq!(template.properties("A")["Environment"]["Variables"], expected);
        assert_eq!(template.properties("B"), &json!({}));
    }
}
