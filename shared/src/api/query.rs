//! Query parameters. Unknown and repeated ones are refused.

use super::error::ApiError;
use crate::values::quoted;

/// Decoded query parameters in order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query such as `a=1&b=2`.
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Checks that every parameter is one of `known` and given once.
    ///
    /// # Errors
    /// `validation`, naming the parameter and listing the known ones.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let name = quoted(name);
                let advice = match known {
                    [] => "This endpoint takes none.".to_owned(),
                    _ => format!("Use one of: {}.", known.join(", ")),
                };
                return Err(ApiError::validation(
                    &name,
                    format!("There is no query parameter \"{name}\" here. {advice}"),
                ));
            }
            if self.0[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(ApiError::validation(
                    name,
                    format!("The query parameter \"{name}\" is given twice. Give it once."),
                ));
            }
        }
        Ok(())
    }

    /// Returns the value of a parameter, if it is given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_parameters_are_refused_by_name() {
        let cases = [
            ("", None),
            ("limit=1", None),
            ("limit=1&cursor=", None),
            ("limit=1&limit=2", Some("limit")),
            ("page=2", Some("page")),
            ("li%6dit=1", None),
            ("%00=1", Some("\0")),
        ];
        for (text, field) in cases {
            let refused = Query::parse(text).only(&["limit", "cursor"]).err();
            let named = refused.map(|error| match error {
                ApiError::Validation { field, .. } => field,
                other => panic!("{other}"),
            });
            assert_eq!(named.as_deref(), field, "{text}");
        }
    }

    #[test]
    fn values_are_decoded() {
        let query = Query::parse("status=past%20due&cursor=a+b");
        assert_eq!(
            (query.get("status"), query.get("cursor"), query.get("limit")),
            (Some("past due"), Some("a b"), None)
        );
    }
}
