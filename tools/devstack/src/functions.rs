//! Table of the endpoints, from which this crate derives everything else about them.

use shared::Scope;

/// Endpoint: a folder under `functions/`, a program, a route.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Name of the folder, package, program and event file.
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    /// Scope that a request's API key needs.
    pub scope: Scope,
    /// Secret with the Stripe key that the function uses.
    pub secret: StripeSecret,
    /// Whether the function makes or checks quotes, and so reads their MAC keys.
    pub quotes: bool,
    /// Valid body, for examples and tests; `None` for a GET and a DELETE.
    pub sample: Option<&'static str>,
}

impl Function {
    /// Returns the path of a request. An ID in it is one that names nothing.
    #[must_use]
    pub fn example_path(&self) -> String {
        self.path.replace(ID, "in_1Example")
    }

    /// Returns whether the route has this path.
    #[must_use]
    pub fn has_path(&self, path: &str) -> bool {
        match self.path.split_once(ID) {
            Some((before, after)) => path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|id| !id.is_empty() && !id.contains('/')),
            None => self.path == path,
        }
    }

    /// Returns whether the path names an object by its ID, so that a request needs one that exists.
    #[must_use]
    pub fn needs_id(&self) -> bool {
        self.path.contains(ID)
    }
}

/// The part of a path that stands for an ID.
const ID: &str = "{id}";

/// Secret with a Stripe key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripeSecret {
    /// Key with read permissions.
    Read,
    /// Key with write permissions.
    Write,
}

impl StripeSecret {
    /// Returns the secret's name in Secrets Manager.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Read => "cantila-billing/stripe-read",
            Self::Write => "cantila-billing/stripe-write",
        }
    }
}

const fn get(name: &'static str, path: &'static str) -> Function {
    Function {
        name,
        method: "GET",
        path,
        scope: Scope::Read,
        secret: StripeSecret::Read,
        quotes: false,
        sample: None,
    }
}

const fn post(name: &'static str, path: &'static str, sample: &'static str) -> Function {
    Function {
        name,
        method: "POST",
        path,
        scope: Scope::Admin,
        secret: StripeSecret::Write,
        quotes: false,
        sample: Some(sample),
    }
}

const fn delete(name: &'static str, path: &'static str) -> Function {
    Function { method: "DELETE", sample: None, ..post(name, path, "") }
}

const fn quoted(function: Function) -> Function {
    Function { quotes: true, ..function }
}

/// A POST that changes nothing at Stripe, so the key that can only read suffices.
const fn read_only(function: Function) -> Function {
    Function { secret: StripeSecret::Read, ..function }
}

/// All endpoints.
pub const FUNCTIONS: &[Function] = &[
    get("summary", "/v1/billing/summary"),
    get("info", "/v1/billing/info"),
    get("invoices", "/v1/billing/invoices"),
    get("dunning", "/v1/billing/dunning"),
    get("usage", "/v1/billing/usage"),
    get("invoice", "/v1/billing/invoices/{id}"),
    post("checkout-session", "/v1/billing/checkout-session", r#"{"plan":"pro"}"#),
    post("portal-session", "/v1/billing/portal-session", "{}"),
    quoted(read_only(post(
        "plan-change-preview",
        "/v1/billing/plan-change/preview",
        r#"{"plan":"agency"}"#,
    ))),
    quoted(post("plan-change", "/v1/billing/plan-change", r#"{"plan":"agency"}"#)),
    delete("plan-change-cancel", "/v1/billing/plan-change"),
];

/// The function that a schedule invokes: its folder, package and program.
pub const FOLLOW: &str = "follow";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use serde_json::Value;

    use super::*;
    use crate::environment::QUOTE_KEYS;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// Returns a setting for cargo-lambda from the root Cargo.toml.
    fn lambda(path: &[&str]) -> Option<toml::Value> {
        let text = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        let manifest: toml::Value = toml::from_str(&text).expect("TOML");
        let start = manifest["workspace"]["metadata"]["lambda"].clone();
        path.iter().try_fold(start, |value, key| value.get(key).cloned())
    }

    fn table<T: Ord>(row: impl Fn(&Function) -> T) -> BTreeSet<T> {
        FUNCTIONS.iter().map(row).collect()
    }

    /// Returns the names of a folder's entries with this ending, without it.
    fn names(folder: &str, ending: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(root().join(folder)).expect(folder);
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
        entries
            .filter_map(|entry| name(entry.expect(folder)).strip_suffix(ending).map(str::to_owned))
            .collect()
    }

    #[test]
    fn table_lists_the_folders_under_functions() {
        let mut expected = table(|function| function.name.to_owned());
        expected.insert(FOLLOW.to_owned());
        assert_eq!(names("functions", ""), expected);
    }

    #[test]
    fn watch_gives_each_function_its_secrets() {
        for function in FUNCTIONS {
            let write = (function.secret == StripeSecret::Write).then(|| StripeSecret::Write.id());
            let quotes = function.quotes.then_some(QUOTE_KEYS);
            for (name, expected) in [("STRIPE_SECRET_ID", write), ("QUOTE_KEYS_SECRET_ID", quotes)]
            {
                let own = lambda(&["bin", function.name, "env", name]);
                let own = own.as_ref().and_then(toml::Value::as_str);
                assert_eq!(own, expected, "{} {name}", function.name);
            }
        }
    }

    #[test]
    fn every_function_has_an_event_with_its_route() {
        let mut seen = BTreeSet::new();
        for name in names("events", ".json") {
            let text =
                fs::read_to_string(root().join(format!("events/{name}.json"))).expect("an event");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            // An event file may have a suffix: `plan-change.declined.json` belongs to `plan-change`.
            let owner = name.split('.').next().expect("a name").to_owned();
            let function = FUNCTIONS.iter().find(|function| function.name == owner).expect(&name);
            let http = &event["requestContext"]["http"];
            assert_eq!(event["version"], "2.0", "{name}");
            assert_eq!(
                event["routeKey"],
                format!("{} {}", function.method, function.path),
                "{name}"
            );
            assert_eq!(
                (&http["method"], &http["path"]),
                (&function.method.into(), &event["rawPath"]),
                "{name}"
            );
            let path = event["rawPath"].as_str().expect("a path");
            assert!(function.has_path(path), "{name}");
            seen.insert(owner);
        }
        assert_eq!(seen, table(|function| function.name.to_owned()));
    }

    #[test]
    fn posts_need_the_admin_scope_and_only_those_that_change_something_the_write_key() {
        for function in FUNCTIONS {
            let expected = match (function.method, function.name) {
                ("GET", _) => (Scope::Read, StripeSecret::Read, false),
                ("DELETE", _) => (Scope::Admin, StripeSecret::Write, false),
                (_, "plan-change-preview") => (Scope::Admin, StripeSecret::Read, true),
                _ => (Scope::Admin, StripeSecret::Write, true),
            };
            assert_eq!(
                (function.scope, function.secret, function.sample.is_some()),
                expected,
                "{}",
                function.name
            );
        }
    }
}
