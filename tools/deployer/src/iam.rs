//! Permissions of the template's IAM roles, for the constructs that the template uses.
//!
//! Any other construct is an error, so that the test of the roles fails on a policy that this module cannot evaluate.

use serde_json::Value;

use crate::{Error, Template};

/// Recorded call of an AWS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// IAM action, for example `dynamodb:GetItem`.
    pub action: String,
    /// Logical name of the table or secret.
    pub resource: String,
    /// Partition keys in the request; only DynamoDB has any.
    pub leading_keys: Vec<String>,
    /// Attributes in the request; empty means all.
    pub attributes: Vec<String>,
}

/// Permission of one statement for one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub action: String,
    pub resource: String,
    /// Patterns such as `KEY#*`, one of which each partition key must match; `None` allows every key.
    pub leading_keys: Option<Vec<String>>,
    /// Allowed attributes; `None` allows all.
    pub attributes: Option<Vec<String>>,
}

impl Grant {
    /// Returns whether this grant allows the call.
    #[must_use]
    pub fn covers(&self, call: &Call) -> bool {
        self.action == call.action
            && self.resource == call.resource
            && self.leading_keys.as_ref().is_none_or(|patterns| {
                call.leading_keys.iter().all(|key| patterns.iter().any(|own| matches(own, key)))
            })
            && self.attributes.as_ref().is_none_or(|allowed| {
                !call.attributes.is_empty()
                    && call.attributes.iter().all(|name| allowed.contains(name))
            })
    }

    /// Returns the parts of the grant that none of the calls needs: its patterns of partition keys, or the whole grant.
    #[must_use]
    pub fn unused<'a>(&self, calls: impl IntoIterator<Item = &'a Call>) -> Vec<String> {
        let used: Vec<&Call> = calls.into_iter().filter(|call| self.covers(call)).collect();
        let name = format!("{} on {}", self.action, self.resource);
        let is_used = |pattern: &String| {
            used.iter().flat_map(|call| &call.leading_keys).any(|key| matches(pattern, key))
        };
        match &self.leading_keys {
            Some(patterns) => {
                let idle = patterns.iter().filter(|pattern| !is_used(pattern));
                idle.map(|pattern| format!("{name} of {pattern}")).collect()
            }
            None => used.is_empty().then_some(name).into_iter().collect(),
        }
    }
}

/// Returns the grants of a role with every condition of the template false, as with the parameters' defaults.
///
/// # Errors
/// [`Error::Unknown`] for an unsupported construct.
pub fn role(template: &Template, logical: &str) -> Result<Vec<Grant>, Error> {
    let properties = template.properties(logical);
    let known = ["AssumeRolePolicyDocument", "PermissionsBoundary", "Policies"];
    if let Some(other) =
        properties.as_object().into_iter().flatten().find(|(name, _)| !known.contains(&&***name))
    {
        return Err(Error::unknown(logical, format!("the property {} is not supported", other.0)));
    }
    let mut grants = Vec::new();
    for policy in properties["Policies"].as_array().into_iter().flatten() {
        let policy = match policy.get("Fn::If") {
            Some(branches) => &branches[2],
            None => policy,
        };
        if policy["Ref"] == "AWS::NoValue" {
            continue;
        }
        let statements = policy["PolicyDocument"]["Statement"].as_array();
        for statement in
            statements.ok_or_else(|| Error::unknown(logical, "a policy has no statements"))?
        {
            grants.extend(statement_grants(logical, statement)?);
        }
    }
    Ok(grants)
}

fn statement_grants(place: &str, statement: &Value) -> Result<Vec<Grant>, Error> {
    if statement["Effect"] != "Allow" {
        return Err(Error::unknown(place, format!("only Allow is supported: {statement}")));
    }
    let (leading_keys, attributes) = conditions(place, &statement["Condition"])?;
    let mut grants = Vec::new();
    for action in one_or_many(&statement["Action"]) {
        let action = action.as_str().filter(|text| !text.contains('*'));
        let action = action.ok_or_else(|| Error::unknown(place, "an action has a wildcard"))?;
        for resource in one_or_many(&statement["Resource"]) {
            let resource = resource_name(resource).ok_or_else(|| {
                Error::unknown(place, format!("the resource {resource} is not supported"))
            })?;
            grants.push(Grant {
                action: action.to_owned(),
                resource: resource.to_owned(),
                leading_keys: leading_keys.clone(),
                attributes: attributes.clone(),
            });
        }
    }
    Ok(grants)
}

type Conditions = (Option<Vec<String>>, Option<Vec<String>>);

fn conditions(place: &str, condition: &Value) -> Result<Conditions, Error> {
    let (mut leading, mut attributes) = (None, None);
    for (operator, keys) in condition.as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values: Vec<String> = one_or_many(values)
                .into_iter()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect();
            match (operator.as_str(), key.as_str()) {
                ("ForAllValues:StringLike", "dynamodb:LeadingKeys") => leading = Some(values),
                ("ForAllValues:StringEquals", "dynamodb:Attributes") => attributes = Some(values),
                // Restricts the returned attributes, which `dynamodb:Attributes` restricts already.
                ("StringEqualsIfExists", "dynamodb:ReturnValues" | "dynamodb:Select") => {}
                _ => {
                    let reason = format!("the condition {operator} {key} is not supported");
                    return Err(Error::unknown(place, reason));
                }
            }
        }
    }
    Ok((leading, attributes))
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

/// Returns the logical name, or `*`.
fn resource_name(resource: &Value) -> Option<&str> {
    let resource = resource.get("Fn::If").map_or(resource, |branches| &branches[2]);
    resource
        .as_str()
        .filter(|text| *text == "*")
        .or_else(|| resource["Ref"].as_str())
        .or_else(|| resource["Fn::GetAtt"][0].as_str())
}

/// Returns whether the text matches an IAM pattern. Only a `*` at the end is supported.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [dynamodb:GetItem, dynamodb:PutItem]
                Resource: !GetAtt Table.Arn
                Condition: { ForAllValues:StringLike: { "dynamodb:LeadingKeys": ["KEY#*", "HANDLE#*"] } }
              - Effect: Allow
                Action: dynamodb:UpdateItem
                Resource: !If [HasRestored, !Sub x, !GetAtt Table.Arn]
                Condition: { ForAllValues:StringEquals: { "dynamodb:Attributes": [pk, lastUsedOn] } }
        - !If [HasKey, { PolicyDocument: { Statement: [{ Effect: Deny }] } }, !Ref AWS::NoValue]
        - PolicyDocument: { Statement: [{ Effect: Allow, Action: s:Get, Resource: !Ref Secret }] }
"#;

    fn call(action: &str, resource: &str, keys: &[&str], attributes: &[&str]) -> Call {
        let text = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Call {
            action: action.to_owned(),
            resource: resource.to_owned(),
            leading_keys: text(keys),
            attributes: text(attributes),
        }
    }

    #[test]
    fn grants_cover_only_the_granted_calls() {
        let grants = role(&Template::parse(TEMPLATE).expect("YAML"), "R").expect("supported");
        let rows = [
            (call("dynamodb:GetItem", "Table", &["KEY#1"], &[]), true),
            (call("dynamodb:PutItem", "Table", &["HANDLE#1"], &["x"]), true),
            (call("dynamodb:GetItem", "Table", &["KEY#1", "HANDLE#1"], &[]), true),
            (call("dynamodb:GetItem", "Table", &["KEY#1", "ACCOUNT#1"], &[]), false),
            (call("dynamodb:GetItem", "Table", &["ACCOUNT#1"], &[]), false),
            (call("dynamodb:GetItem", "Other", &["KEY#1"], &[]), false),
            (call("dynamodb:DeleteItem", "Table", &["KEY#1"], &[]), false),
            (call("dynamodb:UpdateItem", "Table", &["X"], &["pk", "lastUsedOn"]), true),
            (call("dynamodb:UpdateItem", "Table", &["X"], &["pk", "scope"]), false),
            (call("dynamodb:UpdateItem", "Table", &["X"], &[]), false),
            (call("s:Get", "Secret", &[], &[]), true),
        ];
        for (call, expected) in rows {
            assert_eq!(grants.iter().any(|grant| grant.covers(&call)), expected, "{call:?}");
        }
    }

    #[test]
    fn unused_parts_of_a_grant_are_named() {
        let grants = role(&Template::parse(TEMPLATE).expect("YAML"), "R").expect("supported");
        let unused = |calls: &[Call]| {
            grants.iter().flat_map(|grant| grant.unused(calls)).collect::<Vec<String>>()
        };
        let calls = [
            call("dynamodb:GetItem", "Table", &["KEY#1"], &[]),
            call("dynamodb:GetItem", "Table", &["HANDLE#1", "ACCOUNT#1"], &[]),
            call("dynamodb:PutItem", "Table", &["KEY#1", "HANDLE#1"], &[]),
            call("s:Get", "Secret", &[], &[]),
        ];
        let expected = ["dynamodb:GetItem on Table of HANDLE#*", "dynamodb:UpdateItem on Table"];
        assert_eq!(unused(&calls), expected);
        let expected = [
            "dynamodb:GetItem on Table of KEY#*",
            "dynamodb:GetItem on Table of HANDLE#*",
            "dynamodb:PutItem on Table of KEY#*",
            "dynamodb:PutItem on Table of HANDLE#*",
            "dynamodb:UpdateItem on Table",
            "s:Get on Secret",
        ];
        assert_eq!(unused(&[]), expected);
    }

    #[test]
    fn unsupported_construct_is_an_error() {
        for statement in [
            "{ Effect: Deny, Action: s:Get, Resource: '*' }",
            "{ Effect: Allow, Action: 's:*', Resource: '*' }",
            "{ Effect: Allow, Action: s:Get, Resource: 'arn:x' }",
            "{ Effect: Allow, Action: s:Get, Resource: '*', Condition: { StringLike: { a: b } } }",
        ] {
            let text = format!(
                "Resources: {{ R: {{ Properties: {{ Policies: [{{ PolicyDocument: {{ Statement: [{statement}] }} }}] }} }} }}"
            );
            assert!(role(&Template::parse(&text).expect("YAML"), "R").is_err(), "{statement}");
        }
        let managed = "Resources: { R: { Properties: { ManagedPolicyArns: [x] } } }";
        assert!(role(&Template::parse(managed).expect("YAML"), "R").is_err());
    }
}
