//! The document in the order in which it is written, which `serde_json` does not keep and readers want.

use serde_yaml_ng::Value;

use crate::document::TEXT;

/// The parsed document.
pub(super) struct Sheet {
    root: Value,
}

/// One operation of it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// In capitals.
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
}

/// An error: its status, its code, its schema.
pub(super) type Failure<'a> = (u16, &'a str, &'a Value);

impl Sheet {
    pub(super) fn load() -> Self {
        let mut root: Value = serde_yaml_ng::from_str(TEXT).expect("openapi.yaml is YAML");
        root.apply_merge().expect("there is nothing to merge");
        Self { root }
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    /// What a value is, or refers to.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(place) = value.get("$ref").and_then(Value::as_str) else { return value };
        let steps = place.trim_start_matches("#/").split('/');
        self.resolve(steps.fold(&self.root, |value, step| &value[step]))
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = Call<'_>> {
        pairs(&self.root["paths"]).flat_map(|(path, item)| {
            [("GET", "get"), ("POST", "post")]
                .into_iter()
                .filter_map(move |(method, key)| Some(Call { method, path, value: item.get(key)? }))
        })
    }

    pub(super) fn scope<'a>(&'a self, call: Call<'a>) -> &'a str {
        text(&call.value.get("security").unwrap_or(&self.root["security"])[0]["apiKey"][0])
    }

    pub(super) fn parameters<'a>(&'a self, call: Call<'a>) -> impl Iterator<Item = &'a Value> {
        list(&call.value["parameters"]).map(|parameter| self.resolve(parameter))
    }

    /// Each answer with its status.
    pub(super) fn responses<'a>(
        &'a self,
        call: Call<'a>,
    ) -> impl Iterator<Item = (u16, &'a Value)> {
        let responses = pairs(&call.value["responses"]);
        responses.map(|(status, value)| (status.parse().expect("a status"), self.resolve(value)))
    }

    pub(super) fn errors<'a>(&'a self, call: Call<'a>) -> impl Iterator<Item = Failure<'a>> {
        self.responses(call).filter(|(status, _)| *status >= 400).flat_map(
            move |(status, response)| {
                let schema = &response["content"]["application/json"]["schema"];
                let several = schema.get("oneOf").map(list).into_iter().flatten();
                let one = std::iter::once(schema).filter(|schema| schema.get("oneOf").is_none());
                several.chain(one).map(move |schema| {
                    let schema = self.resolve(schema);
                    (status, text(&schema["properties"]["error"]["const"]), schema)
                })
            },
        )
    }
}

impl<'a> Call<'a> {
    pub(super) fn id(&self) -> &'a str {
        text(&self.value["operationId"])
    }

    /// The JSON that it takes.
    pub(super) fn body(&self) -> Option<&'a Value> {
        self.value.get("requestBody").map(|body| &body["content"]["application/json"])
    }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

/// The fields of an object by name.
pub(super) fn pairs(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_mapping().into_iter().flatten().map(|(name, value)| (text(name), value))
}

/// As JSON on one line.
pub(super) fn json(value: &Value) -> String {
    serde_json::to_string(value).expect("JSON")
}
