//! Consistency of the template with the table of functions, the metrics, the README and the operator's guide.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use deployer::Template;
use deployer::iam::{Call, Grant, role};
use deployer::input::environment_parameters;
use deployer::template::logical_name;
use devstack::api_gateway;
use devstack::functions::{FOLLOW, FUNCTIONS, StripeSecret};
use serde_json::{Value, json};
use shared::Scope;
use shared::runtime::metrics::{
    FUNCTION, NAMESPACE, OWN_FAULTS, PER_FUNCTION, PER_STACK, STACK, VERSION, WATERMARK_AGE,
};

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
            let (other, own) =
                (json!({ "Ref": "QuoteKeysSecretArn" }), json!({ "Ref": "QuoteKeysSecret" }));
            variables["QUOTE_KEYS_SECRET_ID"] =
                json!({ "Fn::If": ["HasQuoteKeysSecret", other, own] });
        }
        assert_eq!(own["Environment"]["Variables"], variables);
        assert_eq!(own["Role"], json!({ "Fn::GetAtt": [format!("{stem}Role"), "Arn"] }));
        assert_eq!(own["LoggingConfig"]["LogGroup"], json!({ "Ref": format!("{stem}Logs") }));
        let alarms = ["Failing", "Canary"].map(|alarm| format!("{stem}{alarm}"));
        assert_eq!(own["DeploymentPreference"]["Alarms"], json!([{ "Ref": alarms[1] }]));
        let route =
            json!({ "ApiId": { "Ref": "Api" }, "Method": function.method, "Path": function.path });
        let event = json!({ "Route": { "Type": "HttpApi", "Properties": route } });
        assert_eq!(own["Events"], event, "{logical}");
        for alarm in alarms {
            let about = template.properties(&alarm).to_string();
            assert!(about.contains(&json!({ "Ref": logical }).to_string()), "{alarm}");
        }
        expected.insert(logical);
    }
    expected.insert(logical_name(FOLLOW));
    let found: BTreeSet<String> =
        template.functions().map(|(logical, _)| logical.to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn follow_runs_each_minute_without_a_route_or_retries() {
    let template = template();
    let own = template.properties(&logical_name(FOLLOW));
    assert_eq!(own["FunctionName"], json!({ "Fn::Sub": format!("${{AWS::StackName}}-{FOLLOW}") }));
    let once = json!({ "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60 });
    let events = own["Events"].as_object().expect("events");
    let events: Vec<&Value> = events.values().collect();
    let [event] = events[..] else { panic!("{events:?}") };
    assert_eq!(event["Type"], "Schedule");
    assert_eq!(event["Properties"]["Schedule"], "rate(1 minute)");
    assert_eq!(event["Properties"]["RetryPolicy"], once);
    assert_eq!(own["EventInvokeConfig"], once);
    // Longer than the 58 seconds of an invocation, and the 10 seconds before its deadline at which no poll starts.
    assert_eq!(own["Timeout"], 70);
    assert_eq!(own["ReservedConcurrentExecutions"], json!({ "Ref": "AWS::NoValue" }));
    let variables = json!({ "STRIPE_SECRET_ID": { "Ref": "StripeWriteSecret" } });
    assert_eq!(own["Environment"]["Variables"], variables);
    assert_eq!(own["Role"], json!({ "Fn::GetAtt": ["FollowRole", "Arn"] }));
    assert_eq!(own["LoggingConfig"]["LogGroup"], json!({ "Ref": "FollowLogs" }));
    assert_eq!(own["DeploymentPreference"]["Alarms"], json!([{ "Ref": "FollowCanary" }]));
    let dimension = json!([{ "Name": FUNCTION, "Value": { "Ref": logical_name(FOLLOW) } }]);
    assert_eq!(template.properties("FollowFailing")["Dimensions"], dimension);
    let throttled = template.properties("Throttled").to_string();
    assert!(throttled.contains(&dimension.to_string()), "{throttled}");
}

#[test]
fn stopped_follow_raises_an_alarm() {
    let template = template();
    let alarm = template.properties("WatermarkOld");
    assert_eq!(alarm["MetricName"], WATERMARK_AGE);
    let stack = json!([{ "Name": STACK, "Value": { "Ref": "AWS::StackName" } }]);
    assert_eq!(alarm["Dimensions"], stack);
    assert_eq!(alarm["Statistic"], "Maximum");
    assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold");
    assert_eq!(alarm["Threshold"], 300);
    assert_eq!(alarm["TreatMissingData"], "breaching");
}

#[test]
fn each_function_is_in_one_alarm_of_throttled_requests() {
    let template = template();
    let alarms = ["Throttled", "ReadsThrottled"].map(|alarm| template.properties(alarm));
    for name in FUNCTIONS.iter().map(|function| function.name).chain([FOLLOW]) {
        let dimension = json!([{ "Name": FUNCTION, "Value": { "Ref": logical_name(name) } }]);
        let has_it = |alarm: &&&Value| alarm.to_string().contains(&dimension.to_string());
        assert_eq!(alarms.iter().filter(has_it).count(), 1, "{name}");
    }
    for alarm in alarms {
        // CloudWatch's limit of an alarm on a metric math expression.
        assert!(alarm["Metrics"].as_array().is_some_and(|metrics| metrics.len() <= 10));
    }
}

/// Returns the grants of a function's role.
fn grants(template: &Template, function: &str) -> Vec<Grant> {
    let own = &template.properties(&logical_name(function))["Role"]["Fn::GetAtt"][0];
    role(template, text(own)).expect("a supported role")
}

/// Returns whether a role allows an action on items of the table. Without `attributes`, the call is about all of them.
fn allows(grants: &[Grant], action: &str, keys: &[&str], attributes: &[&str]) -> bool {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let call = Call {
        action: format!("dynamodb:{action}"),
        resource: "Table".to_owned(),
        leading_keys: texts(keys),
        attributes: texts(attributes),
    };
    grants.iter().any(|grant| grant.covers(&call))
}

#[test]
fn only_get_functions_read_and_store_stored_reads() {
    const READ: &str = "READ#cus_1";
    let template = template();
    let reads = ["BatchGetItem", "GetItem", "Query", "Scan"];
    for name in FUNCTIONS.iter().map(|function| function.name).chain([FOLLOW]) {
        let is_get = FUNCTIONS.iter().any(|it| it.name == name && it.method == "GET");
        let grants = grants(&template, name);
        assert_eq!(allows(&grants, "BatchGetItem", &[READ, "CATALOG"], &[]), is_get, "{name}");
        assert_eq!(allows(&grants, "PutItem", &[READ], &[]), is_get, "{name}");
        for key in [READ, "CATALOG"] {
            let may_read = reads.iter().any(|action| allows(&grants, action, &[key], &[]));
            assert_eq!(may_read, is_get, "{name} {key}");
            let stored = ["pk", "sk", "body"];
            assert!(!allows(&grants, "UpdateItem", &[key], &stored), "{name} {key}");
            assert!(!allows(&grants, "DeleteItem", &[key], &[]), "{name} {key}");
        }
    }
}

#[test]
fn each_function_raises_only_the_generations_and_takes_only_the_permits_that_it_needs() {
    let template = template();
    let generation = ["pk", "sk", "number"];
    let written = ["pk", "sk", "number", "written"];
    for function in FUNCTIONS {
        let (name, grants) = (function.name, grants(&template, function.name));
        let changes = function.method != "GET" && name != "plan-change-preview";
        assert_eq!(allows(&grants, "UpdateItem", &["READ#cus_1"], &written), changes, "{name}");
        assert!(!allows(&grants, "UpdateItem", &["CATALOG"], &generation), "{name}");
        assert!(!allows(&grants, "UpdateItem", &["FOLLOW"], &[]), "{name}");
        assert!(allows(&grants, "UpdateItem", &["PERMITS#1"], &[]), "{name}");
    }
    let grants = grants(&template, FOLLOW);
    for (key, attributes, expected) in [
        ("READ#cus_1", &generation[..], true),
        ("READ#cus_1", &written, false),
        ("CATALOG", &generation, true),
        ("FOLLOW", &[], true),
        ("CHANGE#cus_1", &[], true),
        ("PERMITS#1", &[], false),
        ("KEY#1", &[], false),
        ("ACCOUNT#1", &[], false),
    ] {
        assert_eq!(allows(&grants, "UpdateItem", &[key], attributes), expected, "{key}");
    }
    let reads = |key: &str| allows(&grants, "GetItem", &[key], &[]);
    assert!(reads("FOLLOW") && reads("CHANGE#cus_1") && !reads("KEY#1") && !reads("ACCOUNT#1"));
}

#[test]
fn stripe_rate_is_a_number_or_stripes_default() {
    let template = template();
    let whole = template.json();
    let variable = &whole["Globals"]["Function"]["Environment"]["Variables"]["STRIPE_RATE"];
    assert_eq!(variable, &json!({ "Ref": "StripeRate" }));
    let parameter = &whole["Parameters"]["StripeRate"];
    assert_eq!(parameter["Default"], "");
    // Five digits: the functions accept up to 100000.
    assert_eq!(parameter["AllowedPattern"], "([1-9][0-9]{0,4})?");
}

#[test]
fn every_route_has_a_throttle_and_a_row_in_the_readme() {
    let template = template();
    let limits = json!({ "ThrottlingRateLimit": { "Ref": "RouteRate" }, "ThrottlingBurstLimit": { "Ref": "RouteBurst" } });
    assert_eq!(template.properties("Api")["DefaultRouteSettings"], limits);
    let readme = read("README.md");
    for function in FUNCTIONS {
        let route = format!("{} {}", function.method, function.path);
        assert!(readme.contains(&format!("| `{route}` | {} |", function.scope)), "{route}");
    }
}

#[test]
fn each_program_requires_the_tables_scope() {
    for function in FUNCTIONS {
        let main = read(&format!("functions/{}/src/main.rs", function.name));
        let scope = match function.scope {
            Scope::Read => "Scope::Read",
            Scope::Deploy => "Scope::Deploy",
            Scope::Admin => "Scope::Admin",
        };
        let route = match function.method {
            "GET" => format!("serve(Route::get({scope}, \"{}\")", function.name),
            _ => format!("serve(Route::post({scope})"),
        };
        assert!(main.contains(&route), "{}", function.name);
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
        match (is_in(&PER_FUNCTION), is_in(&PER_STACK) || name == WATERMARK_AGE) {
            (true, false) => FUNCTION,
            (false, true) => STACK,
            _ => panic!("the functions do not write {name}"),
        }
    };
    let mut own = BTreeSet::new();
    for (namespace, name, of) in found {
        if name == OWN_FAULTS {
            assert_eq!((namespace.as_str(), of.as_str()), (NAMESPACE, FUNCTION));
            own.insert(name);
        } else if namespace == NAMESPACE {
            assert_eq!(of, dimension(&name), "{name}");
            own.insert(name);
        } else {
            assert!(namespace.starts_with("AWS/"), "{namespace}");
        }
    }
    for name in [
        OWN_FAULTS,
        "ServerErrors",
        "StripeErrors",
        "StripeRefusals",
        "AmountsDiffering",
        "ChangesIncomplete",
        "StripeRateLimits",
        "SecretErrors",
        "TableErrors",
        WATERMARK_AGE,
    ] {
        assert!(own.contains(name), "no alarm uses {name}");
    }
    let (_, dashboard) =
        template.of_type("AWS::CloudWatch::Dashboard").next().expect("a dashboard");
    let body = text(&dashboard["DashboardBody"]["Fn::Sub"][0]);
    let names = PER_FUNCTION.iter().chain(&PER_STACK).map(|(name, _)| *name);
    for name in names.chain([WATERMARK_AGE]) {
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
fn canary_alarms_count_the_version_that_the_functions_write() {
    let template = template();
    for function in FUNCTIONS {
        let logical = logical_name(function.name);
        let alarm = logical.replace("Function", "Canary");
        let metrics = template.properties(&alarm)["Metrics"].as_array().expect("metrics");
        let metrics: Vec<&Value> = metrics.iter().map(|it| &it["MetricStat"]["Metric"]).collect();
        let own = metrics.iter().find(|metric| metric["MetricName"] == OWN_FAULTS).expect(&alarm);
        let version = json!({ "Fn::GetAtt": [logical, "Version.Version"] });
        let dimensions = json!([
            { "Name": FUNCTION, "Value": { "Ref": logical } }, { "Name": VERSION, "Value": version },
        ]);
        assert_eq!(own["Dimensions"], dimensions, "{alarm}");
    }
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
    let samconfig = root().join("samconfig.toml");
    for environment in ["dev", "staging", "prod"] {
        let parameters = environment_parameters(&samconfig, environment).expect("parameters");
        for (name, value) in parameters {
            let parameter = &template.json()["Parameters"][&name];
            assert!(parameter.is_object(), "{environment}: the template has no {name}");
            if let Some(allowed) = parameter["AllowedValues"].as_array() {
                let number = value.parse::<i64>().map_or(Value::Null, Value::from);
                assert!(allowed.contains(&json!(value)) || allowed.contains(&number), "{name}");
            }
        }
    }
    assert!(environment_parameters(&samconfig, "production").is_err(), "a misspelled environment");
}

#[test]
fn readme_names_every_variable_of_the_template() {
    let template = template();
    let readme = read("README.md");
    let globals = &template.json()["Globals"]["Function"]["Environment"]["Variables"];
    // No setting: the functions do not read it.
    let settings = globals.as_object().expect("variables").keys();
    for name in settings.filter(|name| *name != "SETTINGS_DIGEST") {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
