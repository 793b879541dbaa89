//! Tests of `catalog`, against the sandbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use shared::Stripe;
use shared::aws::https::Https;
use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::stripe::views::{Id, Price, Product};
use shared::stripe::{CallLog, Transport};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_product::price::ListPrice;
use stripe_product::product::{DeleteProduct, ListProduct, UpdateProduct};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Running, Sandbox};
use tokio::time::Instant;

use crate::harness::Shell;

const SHIPPED: &str = include_str!("../../../../catalog.toml");

/// A sandbox, and a catalog file to edit.
struct Catalog {
    sandbox: Running,
    shell: Shell,
    file: PathBuf,
}

impl Catalog {
    fn new(name: &str, text: &str) -> Self {
        Self::with(name, text, Config::default())
    }

    fn with(name: &str, text: &str, config: Config) -> Self {
        let sandbox = Sandbox::start(config).expect("a free port");
        let shell = Shell::bare()
            .with("STRIPE_SECRET_KEY", DEFAULT_SECRET_KEY)
            .with("STRIPE_API_BASE", &sandbox.url);
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
        std::fs::write(&file, text).expect("writable");
        Self { sandbox, shell, file }
    }

    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.file).expect("written before");
        assert!(text.contains(from), "{from}");
        std::fs::write(&self.file, text.replacen(from, to, 1)).expect("writable");
    }

    /// Applies the file and returns the changes as `action object name`, without kept objects.
    #[track_caller]
    fn apply(&self) -> Vec<String> {
        let file = self.file.to_str().expect("UTF-8");
        changes(&self.shell.json(&["catalog", "apply", "--yes", "--file", file]))
    }

    fn stripe(&self) -> Stripe {
        let keys = StripeKeys::new(SecretString::from(DEFAULT_SECRET_KEY), None).expect("a key");
        let transport = Transport::new(Https::new(), self.sandbox.url.parse().expect("a URL"));
        let deadline = Instant::now() + Duration::from_secs(30);
        Stripe::new(
            Arc::new(transport),
            Arc::new(StripeSecret::given(keys, "the test")),
            Arc::new(CallLog::default()),
            deadline,
        )
    }

    /// Returns the active prices with their products.
    async fn prices(&self) -> Vec<Value> {
        let request = RequestBuilder::new(StripeMethod::Get, "/prices")
            .query(&json!({ "active": true, "expand": ["data.product"] }));
        let list: Value = self.stripe().send_built(request, None).await.expect("a list");
        list["data"].as_array().expect("an array").clone()
    }

    /// Returns the products of plans.
    async fn plans(&self) -> Vec<Product> {
        let mut products: Vec<Product> =
            self.stripe().all(&ListProduct::new().limit(100)).await.expect("a list");
        products.retain(|product| product.metadata.contains_key("cantila_plan"));
        products
    }

    async fn post(&self, path: &str, form: &Value) -> Value {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(form);
        self.stripe().send_built(request, None).await.expect(path)
    }

    /// Returns the sorted lookup keys of the active prices.
    async fn active_prices(&self) -> Vec<String> {
        let prices: Vec<Price> =
            self.stripe().all(&ListPrice::new().active(true).limit(100)).await.expect("a list");
        let mut keys: Vec<String> =
            prices.into_iter().map(|price| price.lookup_key.unwrap_or_default()).collect();
        keys.sort();
        keys
    }
}

fn changes(applied: &Value) -> Vec<String> {
    let changes = applied["changes"].as_array().expect("an array").iter();
    let word = |change: &Value, key: &str| change[key].as_str().unwrap_or("-").to_owned();
    let words =
        |change: &Value| ["action", "object", "name"].map(|key| word(change, key)).join(" ");
    changes.filter(|change| change["action"] != "keep").map(words).collect()
}

/// A catalog with one plan.
const SMALL: &str = r#"
currency = "usd"
meters = [{ name = "cpu", event_name = "cantila_cpu", display_name = "CPU", unit = "h" }]
overage = { cpu = { usd = "0.012" } }
[[plans]]
tier = "pro"
name = "Pro"
description = "d"
month = { usd = "35.00" }
included = { cpu = 10 }
"#;

#[tokio::test]
async fn shipped_catalog_is_created_once_and_shown_as_the_api_offers_it() {
    let catalog = Catalog::new("shipped", SHIPPED);
    let file = catalog.file.to_str().expect("UTF-8").to_owned();
    let planned = catalog.shell.json(&["catalog", "plan", "--file", &file]);
    assert_eq!((changes(&planned).len(), &planned["differs"]), (5 + 10 + 48 + 1, &json!(true)));
    let unasked = catalog.shell.run(&["catalog", "apply", "--file", &file]);
    assert!(unasked.error().contains("--yes"), "{unasked:?}");
    assert!(unasked.stderr.contains("+ price cantila_pro_month\n"), "{unasked:?}");
    assert_eq!(catalog.active_prices().await, Vec::<String>::new(), "nothing was changed");

    assert_eq!(catalog.apply().len(), 5 + 10 + 48 + 1);
    assert_eq!(catalog.apply(), Vec::<String>::new());
    let again = catalog.shell.run(&["catalog", "apply", "--file", &file]);
    assert!(again.stdout.starts_with("nothing to change") && again.stderr.is_empty(), "{again:?}");

    let shown = catalog.shell.json(&["catalog", "show"]);
    let plans = shown["plans"].as_array().expect("an array");
    let row = |plan: &Value| {
        ["plan", "interval", "amount"]
            .map(|key| plan[key].as_str().expect("text").to_owned())
            .join(" ")
    };
    let rows: Vec<String> = plans.iter().map(row).collect();
    let expected = [
        "hobby month 0.00",
        "hobby year 0.00",
        "starter month 10.00",
        "starter year 100.00",
        "pro month 35.00",
        "pro year 350.00",
        "agency month 99.00",
        "agency year 990.00",
    ];
    assert_eq!(rows, expected);
    let metered =
        json!({ "meter": "cpu", "unit": "vCore-hour", "included": "1500", "unitAmount": "0.012" });
    assert_eq!(plans[4]["metered"][0], metered);
    assert_eq!(plans[5]["metered"][0]["included"], "18000");
    assert_eq!(
        shown["salesLed"],
        json!([{ "plan": "dedicated", "name": "Dedicated", "contact": "sales@cantila.example" }])
    );
    let people = catalog.shell.run(&["catalog", "show"]);
    assert!(people.stdout.contains("cpu 1500 then 0.012/vCore-hour"), "{people:?}");
}

#[tokio::test]
async fn amount_can_return_to_a_previous_one_within_a_day() {
    let catalog = Catalog::new("back-and-forth", SMALL);
    assert_eq!(catalog.apply().len(), 5);
    for (from, to) in
        [("35.00", "36.00"), ("36.00", "35.00"), ("35.00", "36.00"), ("36.00", "35.00")]
    {
        catalog.edit(from, to);
        assert_eq!(
            catalog.apply(),
            ["create price cantila_pro_month", "archive price cantila_pro_month"],
            "{from} to {to}"
        );
        assert_eq!(catalog.apply(), Vec::<String>::new());
        assert_eq!(catalog.shell.json(&["catalog", "show"])["plans"][0]["amount"], to);
        assert_eq!(catalog.active_prices().await, ["cantila_pro_month", "cantila_pro_month_cpu"]);
    }
}

#[tokio::test]
async fn removed_plan_is_archived_and_a_returning_plan_is_activated() {
    let catalog = Catalog::new("leave-and-return", SMALL);
    catalog.apply();
    catalog.edit("tier = \"pro\"", "tier = \"team\"");
    let moved = catalog.apply();
    let archived = [
        "archive price cantila_pro_month",
        "archive price cantila_pro_month_cpu",
        "archive product pro",
    ];
    assert!(archived.iter().all(|change| moved.iter().any(|done| done == change)), "{moved:?}");
    assert_eq!(catalog.active_prices().await, ["cantila_team_month", "cantila_team_month_cpu"]);
    catalog.edit("tier = \"team\"", "tier = \"pro\"");
    let back = catalog.apply();
    assert_eq!(
        back[..3],
        [
            "update product pro",
            "update price cantila_pro_month",
            "update price cantila_pro_month_cpu"
        ]
        .map(str::to_owned)
    );
    assert_eq!(catalog.active_prices().await, ["cantila_pro_month", "cantila_pro_month_cpu"]);
    assert_eq!(catalog.apply(), Vec::<String>::new());
}

#[tokio::test]
async fn texts_units_and_contacts_are_updated_in_place() {
    let text = format!(
        "{SMALL}\n[[plans]]\ntier = \"dedicated\"\nname = \"Dedicated\"\ndescription = \"d\"\ncontact = \"sales\"\n"
    );
    let catalog = Catalog::new("texts", &text);
    catalog.apply();
    catalog.edit("name = \"Pro\"", "name = \"Pro & more\"");
    catalog.edit("unit = \"h\"", "unit = \"hour\"");
    catalog.edit("\"CPU\"", "\"Processors\"");
    catalog.edit("\"sales\"", "\"somebody\"");
    let updated = [
        "update meter cpu",
        "update product pro",
        "update product dedicated",
        "update meter product cpu",
    ];
    assert_eq!(catalog.apply(), updated);
    assert_eq!(catalog.apply(), Vec::<String>::new());
    let shown = catalog.shell.json(&["catalog", "show"]);
    assert_eq!(
        (&shown["plans"][0]["name"], &shown["salesLed"][0]["contact"]),
        (&json!("Pro & more"), &json!("somebody"))
    );
}

#[tokio::test]
async fn concurrent_applies_create_each_object_once() {
    let catalog = Catalog::new("at-once", SMALL);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| catalog.apply())).collect();
        for run in runs {
            run.join().expect("an apply that works");
        }
    });
    assert_eq!(catalog.active_prices().await, ["cantila_pro_month", "cantila_pro_month_cpu"]);
    let products: Vec<Product> =
        catalog.stripe().all(&ListProduct::new().limit(100)).await.expect("a list");
    assert_eq!(products.len(), 2, "{products:?}");
    assert_eq!(catalog.apply(), Vec::<String>::new());
}

#[tokio::test]
async fn interrupted_apply_is_completed_by_the_next() {
    let catalog = Catalog::new("killed", SHIPPED);
    let file = catalog.file.to_str().expect("UTF-8");
    for lines in [2, 7, 12, 20] {
        catalog.shell.run_until(&["catalog", "apply", "--yes", "--file", file], lines);
    }
    catalog.apply();
    let active = catalog.active_prices().await;
    assert_eq!(active.len(), 48);
    assert!(active.is_sorted_by(|a, b| a < b), "each once: {active:?}");
    let products: Vec<Product> =
        catalog.stripe().all(&ListProduct::new().limit(100)).await.expect("a list");
    assert_eq!(products.len(), 10, "{products:?}");
    assert_eq!(catalog.apply(), Vec::<String>::new());
}

#[tokio::test]
async fn deleted_product_is_created_again() {
    let plan = "currency = \"usd\"\n[[plans]]\ntier = \"dedicated\"\nname = \"D\"\ndescription = \"d\"\ncontact = \"c\"\n";
    let catalog = Catalog::new("deleted", plan);
    for _ in 0..3 {
        assert_eq!(catalog.apply(), ["create product dedicated"]);
        let products: Vec<Product> =
            catalog.stripe().all(&ListProduct::new().limit(100)).await.expect("a list");
        let _: Id = catalog
            .stripe()
            .send(&DeleteProduct::new(products[0].id.as_str()))
            .await
            .expect("a deletion");
    }
}

#[tokio::test]
async fn two_products_of_one_plan_are_a_named_conflict() {
    let catalog = Catalog::new("two-products", SMALL);
    catalog.apply();
    catalog.edit("tier = \"pro\"", "tier = \"team\"");
    catalog.apply();
    let products = catalog.plans().await;
    for product in &products {
        let metadata =
            std::collections::HashMap::from([("cantila_plan".to_owned(), "team".to_owned())]);
        let update = UpdateProduct::new(product.id.as_str()).active(true).metadata(metadata);
        let _: Id = catalog.stripe().send(&update).await.expect("an update");
    }
    let run = catalog.shell.run(&[
        "catalog",
        "apply",
        "--yes",
        "--file",
        catalog.file.to_str().expect("UTF-8"),
    ]);
    let failure = run.error();
    assert!(
        products.iter().all(|product| failure.contains(&product.id))
            && failure.contains("cantila_plan=team"),
        "{failure}"
    );
}

#[tokio::test]
async fn price_has_every_currency_of_the_file() {
    let text = SMALL
        .replace("usd = \"0.012\"", "usd = \"0.012\", jpy = \"1.8\"")
        .replace("usd = \"35.00\"", "usd = \"35.00\", jpy = \"5000\"");
    let catalog = Catalog::new("currencies", &text);
    assert_eq!(catalog.apply().len(), 5);
    assert_eq!(catalog.apply(), Vec::<String>::new());
    let shown = catalog.shell.json(&["catalog", "show", "--currency", "jpy"]);
    let plan = &shown["plans"][0];
    assert_eq!(
        (&plan["amount"], &plan["metered"][0]["unitAmount"], &plan["metered"][0]["included"]),
        (&json!("5000"), &json!("1.8"), &json!("10"))
    );
    catalog.edit("1.8", "1.9");
    assert_eq!(
        catalog.apply(),
        ["create price cantila_pro_month_cpu", "archive price cantila_pro_month_cpu"]
    );
}

#[test]
fn refused_key_is_reported_and_not_quoted() {
    let catalog = Catalog::new("refused", SMALL);
    let run = catalog.shell.with("STRIPE_SECRET_KEY", "sk_test_hunter2").run(&["catalog", "show"]);
    assert!(
        run.error().contains("Stripe refused the key in STRIPE_SECRET_KEY")
            && !run.stderr.contains("hunter2"),
        "{run:?}"
    );
}

#[test]
fn apply_with_a_read_only_key_reports_the_missing_permission() {
    let rights = ["product", "plan", "billing_meter", "customer_portal"];
    let rights = rights.map(|resource| format!("rak_{resource}_read"));
    let restricted_keys = vec![("rk_test_read".to_owned(), rights.to_vec())];
    let catalog =
        Catalog::with("read-only", SMALL, Config { restricted_keys, ..Config::default() });
    let shell = catalog.shell.with("STRIPE_SECRET_KEY", "rk_test_read");
    assert_eq!(shell.json(&["catalog", "show"])["plans"], json!([]));
    let file = catalog.file.to_str().expect("UTF-8");
    assert!(
        shell.json(&["catalog", "plan", "--file", file])["differs"].as_bool().expect("a boolean")
    );
    let run = shell.run(&["catalog", "apply", "--yes", "--file", file]);
    assert!(run.error().contains("lacks a permission"), "{run:?}");
}

#[tokio::test]
async fn plan_exits_with_3_only_for_differences_with_exit_code() {
    let catalog = Catalog::new("exit-code", SMALL);
    let file = catalog.file.to_str().expect("UTF-8").to_owned();
    let code = |flags: &[&str]| {
        catalog.shell.run(&[&["catalog", "plan", "--file", &file], flags].concat()).code
    };
    assert_eq!((code(&[]), code(&["--exit-code"])), (Some(0), Some(3)));
    catalog.apply();
    assert_eq!((code(&[]), code(&["--exit-code"])), (Some(0), Some(0)));
    catalog.edit("35.00", "36.00");
    assert_eq!(code(&["--exit-code", "--json"]), Some(3));
    catalog.edit("36.00", "36,00");
    assert_eq!(code(&["--exit-code"]), Some(1), "a faulty file is a failure");
}

#[tokio::test]
async fn plan_has_the_number_of_subscriptions_on_the_old_price() {
    let catalog = Catalog::new("stay", SMALL);
    catalog.apply();
    let prices: Vec<Price> =
        catalog.stripe().all(&ListPrice::new().active(true).limit(100)).await.expect("a list");
    let base = prices.iter().find(|price| price.lookup_key.as_deref() == Some("cantila_pro_month"));
    let base = base.expect("a base price").id.clone();
    let post = async |path: &str, form: Value| {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
        catalog.stripe().send_built::<Id>(request, None).await.expect(path).id
    };
    for _ in 0..2 {
        let customer = post("/customers", json!({ "payment_method": "pm_card_visa", "invoice_settings": { "default_payment_method": "pm_card_visa" } })).await;
        post("/subscriptions", json!({ "customer": customer, "items": [{ "price": base }] })).await;
    }
    catalog.edit("35.00", "36.00");
    let file = catalog.file.to_str().expect("UTF-8").to_owned();
    let plan = catalog.shell.run(&["catalog", "plan", "--file", &file]);
    assert!(
        plan.stdout.contains(&format!("- {base} is archived; 2 subscriptions stay on it")),
        "{plan:?}"
    );
    let json = catalog.shell.json(&["catalog", "plan", "--file", &file]);
    let archived = json["changes"].as_array().expect("an array").iter();
    let archived: Vec<_> = archived.filter(|change| change["action"] == "archive").collect();
    assert_eq!((archived.len(), &archived[0]["subscriptions"]), (1, &json!(2)));
}

#[tokio::test]
async fn lookup_key_of_a_foreign_price_is_a_named_conflict() {
    let catalog = Catalog::new("foreign", SMALL);
    let post = async |path: &str, form: Value| {
        let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
        catalog.stripe().send_built::<Id>(request, None).await.expect(path).id
    };
    let product = post("/products", json!({ "name": "A hat" })).await;
    let price = post("/prices", json!({ "product": product, "currency": "usd", "unit_amount": 1, "recurring": { "interval": "month" }, "lookup_key": "cantila_pro_month" })).await;
    let run =
        catalog.shell.run(&["catalog", "plan", "--file", catalog.file.to_str().expect("UTF-8")]);
    assert!(run.error().contains(&price) && run.error().contains(&product), "{run:?}");
}

#[tokio::test]
async fn pulled_file_equals_the_applied_one() {
    let portal = "[portal]\nheadline = \"A \\\"B\\\"\"\ninvoice_history = true\npayment_method_update = false\nsubscription_cancel = \"immediately\"\n";
    let sales =
        "[[plans]]\ntier = \"dedicated\"\nname = \"D\"\ndescription = \"d\"\ncontact = \"c\"\n";
    let in_yen = SMALL
        .replace("usd = \"0.012\"", "usd = \"0.012\", jpy = \"1.8\"")
        .replace("usd = \"35.00\"", "usd = \"35.00\", jpy = \"5000\"");
    let unmetered = "currency = \"kwd\"\n[[plans]]\ntier = \"a-1\"\nname = \"A\"\ndescription = \"d\"\nyear.kwd = \"3.050\"\n";
    for (name, text) in [
        ("pull-shipped", SHIPPED.to_owned()),
        ("pull-small", format!("{SMALL}{sales}{portal}")),
        ("pull-yen", in_yen),
        ("pull-free", SMALL.replace("cpu = 10", "cpu = 0")),
        ("pull-unmetered", unmetered.to_owned()),
        ("pull-older", older(SMALL)),
        ("pull-shipped-older", older(SHIPPED)),
    ] {
        let catalog = Catalog::new(name, &text);
        catalog.apply();
        let path = catalog.file.with_extension("pulled.toml");
        let _ = std::fs::remove_file(&path);
        let file = path.to_str().expect("UTF-8");
        let pulled = catalog.shell.run(&["catalog", "pull", "--file", file]);
        assert!(pulled.code == Some(0) && pulled.stderr.contains("comments"), "{name}: {pulled:?}");
        let plan = catalog.shell.run(&["catalog", "plan", "--file", file, "--exit-code"]);
        assert_eq!(plan.code, Some(0), "{name}: {plan:?}");
        let pulled = std::fs::read_to_string(&path).expect("written");
        let (has, had) = (pulled.contains("meter_products"), text.contains("meter_products"));
        assert_eq!(has, had, "{name}: {pulled}");
    }
}

/// Returns the catalog with metered prices on the plan's product, as older versions created it.
fn older(text: &str) -> String {
    text.replacen("\ncurrency = ", "\nmeter_products = false\ncurrency = ", 1)
}

#[tokio::test]
async fn older_catalog_gets_meter_products_and_its_subscriptions_stay_as_they_are() {
    let catalog = Catalog::new("older", &older(SMALL));
    assert_eq!(catalog.apply().len(), 4);
    let prices: Vec<Value> = catalog.prices().await;
    let card = json!({ "payment_method": "pm_card_visa", "invoice_settings": { "default_payment_method": "pm_card_visa" } });
    let customer = catalog.post("/customers", &card).await;
    let items: Vec<Value> = prices.iter().map(|price| json!({ "price": price["id"] })).collect();
    let form = json!({ "customer": customer["id"], "items": items });
    let before = catalog.post("/subscriptions", &form).await;

    catalog.edit("meter_products = false\n", "");
    let changes = [
        "create meter product cpu",
        "create price cantila_pro_month_cpu",
        "archive price cantila_pro_month_cpu",
    ];
    assert_eq!(catalog.apply(), changes);
    assert_eq!(catalog.apply(), Vec::<String>::new());
    assert_eq!(catalog.active_prices().await, ["cantila_pro_month", "cantila_pro_month_cpu"]);
    let new = catalog.prices().await;
    let usage = new.iter().find(|price| price["lookup_key"] == "cantila_pro_month_cpu");
    let usage = usage.expect("a metered price");
    assert_eq!(usage["metadata"], json!({ "cantila_plan": "pro", "cantila_meter": "cpu" }));
    assert_eq!(
        [&usage["product"]["name"], &usage["product"]["unit_label"]],
        [&json!("CPU"), &json!("h")]
    );
    let path = format!("/subscriptions/{}", before["id"].as_str().expect("an ID"));
    let request = RequestBuilder::new(StripeMethod::Get, &path);
    let after: Value = catalog.stripe().send_built(request, None).await.expect("a subscription");
    let on = |subscription: &Value| {
        let items = subscription["items"]["data"].as_array().expect("a list").clone();
        let ids = items.iter().map(|item| [item["id"].clone(), item["price"]["id"].clone()]);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(on(&after), on(&before));
    let shown = catalog.shell.json(&["catalog", "show"]);
    let metered = json!([{ "meter": "cpu", "unit": "h", "included": "10", "unitAmount": "0.012" }]);
    assert_eq!(shown["plans"][0]["metered"], metered);
}

#[tokio::test]
async fn interrupted_update_of_an_older_catalog_is_completed_by_the_next() {
    let catalog = Catalog::new("older-killed", &older(SHIPPED));
    catalog.apply();
    catalog.edit("meter_products = false\n", "");
    let file = catalog.file.to_str().expect("UTF-8");
    for lines in [3, 6, 21, 30] {
        catalog.shell.run_until(&["catalog", "apply", "--yes", "--file", file], lines);
    }
    catalog.apply();
    let active = catalog.active_prices().await;
    assert_eq!(active.len(), 48);
    assert!(active.is_sorted_by(|a, b| a < b), "each once: {active:?}");
    assert_eq!(catalog.apply(), Vec::<String>::new());
}

#[tokio::test]
async fn pull_overwrites_a_different_file_only_with_force() {
    let catalog = Catalog::new("pull-force", SMALL);
    catalog.apply();
    let file = catalog.file.to_str().expect("UTF-8").to_owned();
    let same = catalog.shell.json(&["catalog", "pull", "--file", &file]);
    assert_eq!(same["written"], false, "the file keeps its comments");
    for text in [SMALL.replace("35.00", "36.00"), "not TOML".to_owned()] {
        std::fs::write(&catalog.file, &text).expect("writable");
        let refused = catalog.shell.run(&["catalog", "pull", "--file", &file]);
        assert!(refused.error().contains("--force"), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&catalog.file).expect("readable"), text);
    }
    assert_eq!(
        catalog.shell.json(&["catalog", "pull", "--force", "--file", &file])["written"],
        true
    );
    assert_eq!(catalog.apply(), Vec::<String>::new());
}

#[tokio::test]
async fn catalog_that_a_file_cannot_describe_is_not_pulled() {
    let catalog = Catalog::new("pull-odd", SMALL);
    catalog.apply();
    let price = json!({ "product": catalog.plans().await[0].id, "currency": "usd", "unit_amount": 1, "recurring": { "interval": "week" } });
    let request = RequestBuilder::new(StripeMethod::Post, "/prices").form(&price);
    let _: Id = catalog.stripe().send_built(request, None).await.expect("a price");
    let path = catalog.file.with_extension("pulled.toml");
    let _ = std::fs::remove_file(&path);
    let run = catalog.shell.run(&["catalog", "pull", "--file", path.to_str().expect("UTF-8")]);
    assert!(run.error().contains("cannot describe") && run.stderr.contains("- price"), "{run:?}");
    assert!(!path.exists());
}
