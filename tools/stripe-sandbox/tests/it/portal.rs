//! `/v1/billing_portal`: configurations and sessions.

use serde_json::{Value, json};
use stripe_sandbox::Config;

use crate::support::{Api, Form, id};

const CONFIGURATIONS: &str = "/v1/billing_portal/configurations";
const SESSIONS: &str = "/v1/billing_portal/sessions";

fn customer(api: &Api) -> String {
    id(&api.post("/v1/customers", &[("email", "ada@example.com")]))
}

#[track_caller]
fn refusal(api: &Api, form: Form<'_>) -> String {
    api.refused(400, "POST", SESSIONS, form).message().to_owned()
}

#[test]
fn session_without_any_configuration_is_refused() {
    let api = Api::new();
    let customer = customer(&api);
    let form = [("customer", customer.as_str()), ("return_url", "https://app.example/billing")];
    assert_eq!(
        refusal(&api, &form),
        "No configuration provided and your test mode default configuration has not been created. Provide a configuration or create your default by saving your customer portal settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal."
    );
    let saved = api.admin("POST", "/portal_configuration", &Value::Null);
    assert_eq!((&saved["is_default"], &saved["active"]), (&json!(true), &json!(true)));
    let session = api.post(SESSIONS, &form);
    assert_eq!(session["configuration"], saved["id"]);
    assert!(session["url"].as_str().unwrap().starts_with(&format!("{}/p/session/", api.url())));
    assert_eq!(
        (&session["flow"], &session["return_url"]),
        (&Value::Null, &json!("https://app.example/billing"))
    );
    // Saving again changes nothing.
    assert_eq!(api.admin("POST", "/portal_configuration", &Value::Null)["id"], saved["id"]);
}

#[test]
fn api_configuration_is_used_by_id_and_never_the_default() {
    let api = Api::new();
    let first = api.post(CONFIGURATIONS, &[("features[invoice_history][enabled]", "true")]);
    assert_eq!(first["is_default"], json!(false));
    let unnamed = customer(&api);
    assert!(refusal(&api, &[("customer", &unnamed)]).starts_with("No configuration provided"));
    let first = api.admin("POST", "/portal_configuration", &Value::Null);
    let second = api.post(
        CONFIGURATIONS,
        &[
            ("features[subscription_cancel][enabled]", "true"),
            ("features[subscription_cancel][mode]", "immediately"),
            ("features[subscription_cancel][cancellation_reason][enabled]", "true"),
            ("features[subscription_cancel][cancellation_reason][options][0]", "unused"),
            ("business_profile[headline]", "Cantila"),
            ("default_return_url", "https://app.example/"),
        ],
    );
    assert_eq!((&first["is_default"], &second["is_default"]), (&json!(true), &json!(false)));
    assert_eq!(second["features"]["subscription_cancel"]["mode"], "immediately");
    let listed = |form: Form<'_>| api.get(CONFIGURATIONS, form)["data"].as_array().unwrap().len();
    assert_eq!((listed(&[]), listed(&[("is_default", "true")])), (3, 1));
    let path = format!("{CONFIGURATIONS}/{}", id(&second));
    let off = api.post(&path, &[("active", "false"), ("default_return_url", "")]);
    assert_eq!((&off["active"], &off["default_return_url"]), (&json!(false), &Value::Null));
    assert_eq!(listed(&[("active", "true")]), 2);
    assert_eq!(api.get(&path, &[])["features"], second["features"]);
    let customer = customer(&api);
    let form = [("customer", customer.as_str()), ("configuration", &id(&second))];
    assert!(refusal(&api, &form).contains("inactive"));
    api.refused(400, "POST", CONFIGURATIONS, &[]);
    let update = [("features[subscription_update][enabled]", "true")];
    assert_eq!(api.refused(400, "POST", CONFIGURATIONS, &update).code(), "sandbox_not_imitated");
}

#[test]
fn flow_requires_its_feature_and_subscription() {
    let api = Api::new();
    let (mine, other) = (customer(&api), customer(&api));
    let base = api.monthly("Pro", "usd", "3500");
    let new = [("payment_behavior", "default_incomplete")];
    let sub = id(&api.subscribe(&mine, &base, &new));
    let foreign = id(&api.subscribe(&other, &base, &new));
    let off = id(&api.post(CONFIGURATIONS, &[("features[invoice_history][enabled]", "true")]));
    let on = id(&api.post(
        CONFIGURATIONS,
        &[
            ("features[subscription_cancel][enabled]", "true"),
            ("features[payment_method_update][enabled]", "true"),
        ],
    ));
    let cancel = "flow_data[subscription_cancel][subscription]";
    let of = ("customer", mine.as_str());
    for (configuration, flow, sub, text) in [
        (
            &off,
            "payment_method_update",
            None,
            "payment method update feature in the portal configuration is disabled",
        ),
        (
            &off,
            "subscription_cancel",
            Some(&sub),
            "subscription cancel feature in the portal configuration is disabled",
        ),
        (&on, "subscription_cancel", None, "flow_data[subscription_cancel]"),
        (&on, "subscription_cancel", Some(&foreign), "No such subscription"),
        (&on, "subscription_update", None, "does not imitate"),
        (&on, "dance", None, "Invalid type"),
    ] {
        let mut form =
            vec![of, ("configuration", configuration.as_str()), ("flow_data[type]", flow)];
        form.extend(sub.map(|sub| (cancel, sub.as_str())));
        let message = refusal(&api, &form);
        assert!(message.contains(text), "{flow}: {message}");
    }
    follows(&api, &mine, &on, &sub);
}

/// Asserts that a valid flow is returned.
#[track_caller]
fn follows(api: &Api, customer: &str, configuration: &str, sub: &str) {
    let form = [
        ("customer", customer),
        ("configuration", configuration),
        ("flow_data[type]", "subscription_cancel"),
        ("flow_data[subscription_cancel][subscription]", sub),
        ("flow_data[after_completion][type]", "redirect"),
        ("flow_data[after_completion][redirect][return_url]", "https://app.example/gone"),
        ("expand[]", "configuration"),
    ];
    let session = api.post(SESSIONS, &form);
    assert_eq!(session["flow"]["subscription_cancel"]["subscription"], json!(sub));
    assert_eq!(session["flow"]["after_completion"]["type"], "redirect");
    assert_eq!(session["configuration"]["id"], json!(configuration));
}

#[test]
fn portal_needs_its_own_permissions() {
    let key = ("rk_test_w".to_owned(), vec!["rak_customer_portal_write".to_owned()]);
    let mut api = Api::with(&Config { restricted_keys: vec![key], ..Config::default() });
    let customer = customer(&api);
    api.admin("POST", "/portal_configuration", &Value::Null);
    api.key = "rk_test_w".to_owned();
    api.post(SESSIONS, &[("customer", &customer)]);
    api.get(CONFIGURATIONS, &[]);
    api.admin(
        "POST",
        "/keys",
        &json!({ "key": "rk_test_w", "permissions": ["rak_customer_portal_read"] }),
    );
    let refusal = api.refused(403, "POST", SESSIONS, &[("customer", &customer)]);
    assert!(refusal.message().contains("'rak_customer_portal_write'"));
    api.get(CONFIGURATIONS, &[]);
}
