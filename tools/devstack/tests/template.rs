//! Consistency of the template with the table of functions, the metrics, the README and the operator's guide.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use deployer::Template;
use deployer::template::logical_name;
use devstack::api_gateway;
use devstack::functions::{FUNCTIONS, StripeSecret};
use serde_json::{Value, json};
use shared::Scope;
use shared::runtime::metrics::{FUNCTION, NAMESPACE, PER_FUNCTION, PER_STACK, STACK};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn template() -> Template {
    Template::read(&root().join("template.yaml")).expect("a template")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string"))
}

#[test]
fn each_function_has_its_own_route_secret_log_and_role() {
    let template = template();
    let mut expected = BTreeSet::new();
    for function in FUNCTIONS {
        let logical = logical_name(function.name);
        let stem = logical.strip_suffix("Function").expect("a name");
        let own = template.properties(&logical);
        let name = json!({ "Fn::Sub": format!("${{AWS::StackName}}-{}", function.name) });
        assert_eq!(own["FunctionName"], name);
        let secret = match function.secret {
            StripeSecret::Read => "StripeReadSecret",
            StripeSecret::Write => "StripeWriteSecret",
        };
        let mut variables = json!({ "STRIPE_SECRET_ID": { "Ref": secret } });
        if function.quotes {
            variables["QUOTE_KEYS_SECRET_ID"] = json!({ "Ref": "QuoteKeysSecret" });
        }
        assert_eq!(own["Environment"]["Variables"], variables);
        assert_eq!(own["Role"], json!({ "Fn::GetAtt": [format!("{stem}Role"), "Arn"] }));
        assert_eq!(own["LoggingConfig"]["LogGroup"], json!({ "Ref": format!("{stem}Logs") }));
        let alarms = ["Failing", "Slow"].map(|alarm| json!({ "Ref": format!("{stem}{alarm}") }));
        assert_eq!(own["DeploymentPreference"]["Alarms"], json!(alarms));
        let route =
            json!({ "ApiId": { "Ref": "Api" }, "Method": function.method, "Path": function.path });
        let event = json!({ "Route": { "Type": "HttpApi", "Properties": route } });
        assert_eq!(own["Events"], event, "{logical}");
        for alarm in alarms {
            let about = template.properties(text(&alarm["Ref"])).to_string();
            assert!(about.contains(&json!({ "Ref": logical }).to_string()), "{alarm}");
        }
        expected.insert(logical);
    }
    let found: BTreeSet<String> =
        template.functions().map(|(logical, _)| logical.to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_route_has_a_throttle_and_a_row_in_the_readme() {
    let template = template();
    let settings = &template.properties("Api")["RouteSettings"];
    let limits: BTreeSet<&String> = settings.as_object().expect("settings").keys().collect();
    let routes: Vec<String> =
        FUNCTIONS.iter().map(|function| format!("{} {}", function.method, function.path)).collect();
    assert_eq!(limits, routes.iter().collect());
    let readme = read("README.md");
    for (function, route) in FUNCTIONS.iter().zip(&routes) {
        assert!(readme.contains(&format!("| `{route}` | {} |", function.scope)), "{route}");
    }
}

#[test]
fn each_program_requires_the_tables_scope() {
    for function in FUNCTIONS {
        let main = read(&format!("functions/{}/src/main.rs", function.name));
        let scope = match function.scope {
            Scope::Read => "serve(Scope::Read, ",
            Scope::Deploy => "serve(Scope::Deploy, ",
            Scope::Admin => "serve(Scope::Admin, ",
        };
        assert!(main.contains(scope), "{}", function.name);
    }
}

#[test]
fn cors_allows_the_return_origins() {
    let template = template();
    let cors = &template.properties("Api")["CorsConfiguration"]["Fn::If"][1]["allowOrigins"];
    assert_eq!(cors, &json!({ "Fn::Split": [",", { "Ref": "AllowedOrigins" }] }));
    let variable =
        &template.json()["Globals"]["Function"]["Environment"]["Variables"]["ALLOWED_ORIGINS"];
    assert_eq!(variable, &json!({ "Ref": "AllowedOrigins" }));
}

#[test]
fn local_gateway_has_the_templates_cors_settings() {
    let template = template();
    let cors = &template.properties("Api")["CorsConfiguration"]["Fn::If"][1];
    for (setting, local) in [
        ("allowMethods", api_gateway::ALLOWED_METHODS),
        ("allowHeaders", api_gateway::ALLOWED_HEADERS),
        ("exposeHeaders", api_gateway::EXPOSED),
    ] {
        assert_eq!(cors[setting], json!(local.split(',').collect::<Vec<_>>()), "{setting}");
    }
    assert_eq!(cors["maxAge"].to_string(), api_gateway::MAX_AGE);
}

/// Finds every metric in a value of the template: namespace, name, dimension.
fn metrics(value: &Value, found: &mut Vec<(String, String, String)>) {
    if let (Some(namespace), Some(name)) =
        (value["Namespace"].as_str(), value["MetricName"].as_str())
    {
        let dimension = value["Dimensions"][0]["Name"].as_str().unwrap_or_default();
        found.push((namespace.to_owned(), name.to_owned(), dimension.to_owned()));
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|value| metrics(value, found)),
        Value::Array(list) => list.iter().for_each(|value| metrics(value, found)),
        _ => {}
    }
}

#[test]
fn alarms_and_dashboard_use_metrics_that_the_functions_write() {
    let template = template();
    let mut found = Vec::new();
    for (_, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        metrics(alarm, &mut found);
    }
    let dimension = |name: &str| {
        let is_in = |list: &[(&str, &str)]| list.iter().any(|(known, _)| *known == name);
        match (is_in(&PER_FUNCTION), is_in(&PER_STACK)) {
            (true, false) => FUNCTION,
            (false, true) => STACK,
            _ => panic!("the functions do not write {name}"),
        }
    };
    let mut own = BTreeSet::new();
    for (namespace, name, of) in found {
        if namespace == NAMESPACE {
            assert_eq!(of, dimension(&name), "{name}");
            own.insert(name);
        } else {
            assert!(namespace.starts_with("AWS/"), "{namespace}");
        }
    }
    for name in ["ServerErrors", "StripeErrors", "StripeRateLimits", "SecretErrors", "TableErrors"]
    {
        assert!(own.contains(name), "no alarm uses {name}");
    }
    let (_, dashboard) =
        template.of_type("AWS::CloudWatch::Dashboard").next().expect("a dashboard");
    let body = text(&dashboard["DashboardBody"]["Fn::Sub"]);
    for (name, _) in PER_FUNCTION.iter().chain(&PER_STACK) {
        let search = format!("{{{NAMESPACE},{FUNCTION}}} MetricName=\\\"{name}\\\"");
        let whole = format!("\"{NAMESPACE}\", \"{name}\", \"{STACK}\"");
        let place = if dimension(name) == FUNCTION { search } else { whole };
        assert!(body.contains(&place), "the dashboard has no {name}");
    }
    serde_json::from_str::<Value>(body).expect("the dashboard is JSON");
    let stack =
        &template.json()["Globals"]["Function"]["Environment"]["Variables"]["BILLING_STACK"];
    assert_eq!(stack, &json!({ "Ref": "AWS::StackName" }));
}

#[test]
fn every_alarm_has_a_section_in_the_runbook() {
    let template = template();
    let guide = read("docs/operating.md");
    let runbook = guide.split_once("\n## Runbook\n").expect("a runbook").1;
    let runbook = runbook.split("\n## ").next().expect("a section");
    let sections: BTreeSet<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut named = BTreeSet::new();
    for (logical, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let anchor = text(&alarm["AlarmDescription"]).split_once("docs/operating.md#");
        let anchor = anchor.unwrap_or_else(|| panic!("{logical} links to no section")).1;
        assert!(sections.contains(anchor), "{logical}: docs/operating.md has no {anchor}");
        let name = text(&alarm["AlarmName"]["Fn::Sub"]);
        assert!(name.ends_with(&format!("-{anchor}")), "{logical} is called {name}");
        named.insert(anchor);
        assert!(
            alarm["AlarmActions"].is_array() && alarm["TreatMissingData"].is_string(),
            "{logical}"
        );
    }
    assert_eq!(named, sections);
}

#[test]
fn every_parameter_is_described_grouped_and_used() {
    let template = template();
    let whole = template.json();
    let groups = &whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let grouped: BTreeSet<&str> = groups
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["Parameters"].as_array().expect("parameters"))
        .map(text)
        .collect();
    let parameters = whole["Parameters"].as_object().expect("parameters");
    assert_eq!(grouped, parameters.keys().map(String::as_str).collect());
    let mut rest = whole.clone();
    rest["Metadata"].take();
    let rest = rest.to_string();
    for (name, parameter) in parameters {
        assert!(text(&parameter["Description"]).ends_with('.'), "{name}");
        assert!(parameter.get("Default").is_some(), "{name} has no default");
        let uses = [format!(r#""Ref":"{name}""#), format!("${{{name}}}")];
        assert!(uses.iter().any(|usage| rest.contains(usage)), "{name} is not used");
    }
}

#[test]
fn environments_set_existing_parameters_to_allowed_values() {
    let template = template();
    let settings: toml::Table = read("samconfig.toml").parse().expect("TOML");
    let mut stacks = BTreeMap::new();
    for (environment, commands) in settings.iter().filter(|(_, value)| value.is_table()) {
        let Some(deploy) = commands.get("deploy").and_then(|deploy| deploy.get("parameters"))
        else {
            continue;
        };
        let overrides = deploy.get("parameter_overrides").and_then(toml::Value::as_array);
        for given in overrides.into_iter().flatten() {
            let (name, value) =
                given.as_str().and_then(|given| given.split_once('=')).expect("NAME=VALUE");
            let parameter = &template.json()["Parameters"][name];
            assert!(parameter.is_object(), "{environment}: the template has no {name}");
            if let Some(allowed) = parameter["AllowedValues"].as_array() {
                let number = value.parse::<i64>().map_or(Value::Null, Value::from);
                assert!(allowed.contains(&json!(value)) || allowed.contains(&number), "{given}");
            }
        }
        if let Some(stack) = deploy.get("stack_name").and_then(toml::Value::as_str) {
            stacks.insert(environment.clone(), stack.to_owned());
        }
    }
    let expected =
        ["dev", "prod", "staging"].map(|name| (name.to_owned(), format!("cantila-billing-{name}")));
    assert_eq!(stacks, BTreeMap::from(expected));
}

#[test]
fn readme_names_every_variable_of_the_template() {
    let template = template();
    let readme = read("README.md");
    let globals = &template.json()["Globals"]["Function"]["Environment"]["Variables"];
    for name in globals.as_object().expect("variables").keys() {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
