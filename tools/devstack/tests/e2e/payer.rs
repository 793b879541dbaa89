//! Helpers for cases of the POST routes: accounts with subscriptions, and their state at Stripe.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::clock::{DAY, now};
use crate::expected_bodies::METERS;
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::stripe::{Customer, text};

pub(crate) const CHECKOUT: &str = "/v1/billing/checkout-session";
pub(crate) const PORTAL: &str = "/v1/billing/portal-session";
pub(crate) const PREVIEW: &str = "/v1/billing/plan-change/preview";
pub(crate) const CHANGE: &str = "/v1/billing/plan-change";

pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

/// Default age of a subscription.
pub(crate) const AGE: i64 = 10 * DAY;

/// Account with a subscription and an admin key.
pub(crate) struct Payer {
    pub(crate) account: OwnAccount,
    pub(crate) customer: Customer,
    pub(crate) subscription: String,
    /// Start of the subscription, and the time on its clock.
    pub(crate) start: i64,
    pub(crate) now: i64,
}

/// Parameters of a payer's subscription.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) tier: &'a str,
    pub(crate) interval: &'a str,
    /// Name of a test card; `None` for an account without one.
    pub(crate) card: Option<&'a str>,
    /// Age of the subscription in seconds.
    pub(crate) age: i64,
    /// Time on the customer's clock; `None` for the present.
    pub(crate) at: Option<i64>,
    /// Additional parameters of Stripe's request.
    pub(crate) more: &'a [(&'a str, &'a str)],
}

impl Start<'_> {
    /// A monthly subscription since ten days ago, with a good card.
    pub(crate) const fn on(tier: &str) -> Start<'_> {
        Start { tier, interval: "month", card: Some("pm_card_visa"), age: AGE, at: None, more: &[] }
    }
}

impl Harness {
    /// Sends a POST to the API.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Response {
        self.send("POST", path, key, &[JSON], &body.to_string())
    }

    /// Sends a POST with an idempotency key.
    #[track_caller]
    pub(crate) fn post_once(&self, path: &str, key: &str, once: &str, body: &Value) -> Response {
        self.send("POST", path, key, &[JSON, ("idempotency-key", once)], &body.to_string())
    }

    /// Creates an account with an admin key.
    #[track_caller]
    pub(crate) fn admin_of(&self, handle: &str, customer: Option<&str>) -> OwnAccount {
        let mut args = vec!["accounts", "create", "--handle", handle];
        args.extend(customer.into_iter().flat_map(|customer| ["--customer", customer]));
        let id = text(&self.billingctl(&args), "id");
        let key = self.new_key(handle, &["--scope", "admin"]).key;
        OwnAccount { id, handle: handle.to_owned(), key }
    }

    /// Returns the IDs of a plan's prices, the base price first.
    #[track_caller]
    pub(crate) fn prices(&self, tier: &str, interval: &str) -> Vec<String> {
        let base = format!("cantila_{tier}_{interval}");
        let keys = METERS.iter().map(|(meter, ..)| format!("{base}_{meter}"));
        let keys: Vec<_> = std::iter::once(base.clone()).chain(keys).collect();
        let path = format!("/prices?active=true&lookup_keys[]={}", keys.join("&lookup_keys[]="));
        let mut prices = self.stripe(&path)["data"].as_array().expect("a list").clone();
        prices.sort_by_key(|price| price["lookup_key"] != *base);
        assert_eq!(prices.first().map(|price| &price["lookup_key"]), Some(&json!(base)));
        prices.iter().map(|price| text(price, "id")).collect()
    }

    /// Creates an account with a subscription to a plan of the catalogue.
    #[track_caller]
    pub(crate) fn payer(&self, handle: &str, start: Start<'_>) -> Payer {
        let prices = self.prices(start.tier, start.interval);
        self.payer_of(handle, &prices, start)
    }

    /// Creates an account with a subscription to these prices.
    #[track_caller]
    pub(crate) fn payer_of(&self, handle: &str, prices: &[String], start: Start<'_>) -> Payer {
        self.payer_as(prices, start, |customer| self.admin_of(handle, Some(customer)))
    }

    /// Creates a subscription to these prices, with the account that `account_of` creates for the customer.
    #[track_caller]
    pub(crate) fn payer_as(
        &self,
        prices: &[String],
        start: Start<'_>,
        account_of: impl FnOnce(&str) -> OwnAccount,
    ) -> Payer {
        let end = start.at.unwrap_or_else(now);
        let from = end - start.age;
        let customer = self.customer_at(from);
        if let Some(card) = start.card {
            self.card(&customer, card);
        }
        let names: Vec<_> =
            (0..prices.len()).map(|index| format!("items[{index}][price]")).collect();
        let mut form = vec![("customer", &*customer.id)];
        form.extend(names.iter().zip(prices).map(|(name, price)| (&**name, &**price)));
        form.extend(start.more);
        let subscription = text(&self.stripe_post("/subscriptions", &form), "id");
        if start.age > 0 {
            self.advance(&customer, end);
        }
        let account = account_of(&customer.id);
        Payer { account, customer, subscription, start: from, now: end }
    }

    /// Creates the product of a plan, and returns its ID.
    #[track_caller]
    pub(crate) fn product_of_plan(&self, name: &str, tier: &str) -> String {
        let product = [("name", name), ("metadata[cantila_plan]", tier)];
        text(&self.stripe_post("/products", &product), "id")
    }

    /// Creates a monthly plan without meters, and returns the ID of its price. A currency of its own keeps it out of the
    /// plans that other cases see.
    #[track_caller]
    pub(crate) fn new_plan(&self, tier: &str, currency: &str, amount: &str) -> String {
        let product = self.product_of_plan(tier, tier);
        let lookup_key = format!("cantila_{tier}_month");
        let price = [
            ("product", &*product),
            ("currency", currency),
            ("recurring[interval]", "month"),
            ("unit_amount", amount),
            ("lookup_key", &lookup_key),
        ];
        text(&self.stripe_post("/prices", &price), "id")
    }

    /// Creates a price of an add-on.
    #[track_caller]
    pub(crate) fn add_on(&self, interval: &str, currency: &str, amount: &str) -> String {
        let product = text(&self.stripe_post("/products", &[("name", "Address")]), "id");
        let price = [
            ("product", &*product),
            ("currency", currency),
            ("recurring[interval]", interval),
            ("unit_amount", amount),
        ];
        text(&self.stripe_post("/prices", &price), "id")
    }

    /// Adds a credit (negative) or debt in minor units to the customer's balance.
    #[track_caller]
    pub(crate) fn credit(&self, customer: &str, amount: i64, currency: &str) {
        let path = format!("/customers/{customer}/balance_transactions");
        self.stripe_post(&path, &[("amount", &amount.to_string()), ("currency", currency)]);
    }
}

/// State of a payer at Stripe that a rejected change must not alter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ledger {
    /// Price and quantity of each item, sorted.
    pub(crate) items: Vec<(String, Value)>,
    pub(crate) status: String,
    pub(crate) pending: bool,
    /// Balance with Stripe's sign.
    pub(crate) balance: i64,
    /// ID, status and paid amount of each invoice that is not void, newest first.
    pub(crate) invoices: Vec<(String, String, i64)>,
    /// Number of void invoices.
    pub(crate) void: usize,
    /// Default payment method.
    pub(crate) card: Value,
    /// Settings of the subscription that a change must keep.
    pub(crate) settings: Value,
}

impl Ledger {
    /// Returns the number and the sum of the charges.
    pub(crate) fn charges(&self) -> (usize, i64) {
        let paid = self.invoices.iter().map(|(_, _, paid)| *paid).filter(|paid| *paid > 0);
        (paid.clone().count(), paid.sum())
    }

    pub(crate) fn open(&self) -> usize {
        self.invoices.iter().filter(|(_, status, _)| status == "open" || status == "draft").count()
    }
}

impl Payer {
    /// Reads the payer's state from Stripe.
    #[track_caller]
    pub(crate) fn ledger(&self, harness: &Harness) -> Ledger {
        let subscription = self.at_stripe(harness);
        let mut items = items_of(&subscription);
        items.sort_by_key(|(price, quantity)| (price.clone(), quantity.to_string()));
        let customer = harness.stripe(&format!("/customers/{}", self.customer.id));
        let invoices =
            harness.stripe(&format!("/invoices?limit=100&customer={}", self.customer.id));
        let invoices = invoices["data"].as_array().expect("a list");
        let (void, kept): (Vec<_>, Vec<_>) =
            invoices.iter().partition(|invoice| invoice["status"] == "void");
        let entry = |invoice: &&Value| {
            let paid = invoice["amount_paid"].as_i64().expect("an amount");
            (text(invoice, "id"), text(invoice, "status"), paid)
        };
        let settings =
            ["discounts", "default_tax_rates", "collection_method", "cancel_at", "trial_end"];
        Ledger {
            items,
            status: text(&subscription, "status"),
            pending: !subscription["pending_update"].is_null(),
            balance: customer["balance"].as_i64().expect("an amount"),
            invoices: kept.iter().map(entry).collect(),
            void: void.len(),
            card: customer["invoice_settings"]["default_payment_method"].clone(),
            settings: settings.map(|name| subscription[name].clone()).into(),
        }
    }

    #[track_caller]
    pub(crate) fn at_stripe(&self, harness: &Harness) -> Value {
        harness.stripe(&format!("/subscriptions/{}", self.subscription))
    }

    #[track_caller]
    pub(crate) fn preview(&self, harness: &Harness, body: &Value) -> Value {
        let response = harness.post(PREVIEW, &self.account.key, body);
        assert_eq!(response.status, 200, "{body}: {}", response.body);
        response.json()
    }

    #[track_caller]
    pub(crate) fn change(&self, harness: &Harness, body: &Value) -> Response {
        harness.post(CHANGE, &self.account.key, body)
    }
}

fn items_of(subscription: &Value) -> Vec<(String, Value)> {
    let items = subscription["items"]["data"].as_array().expect("a list").iter();
    items.map(|item| (text(&item["price"], "id"), item["quantity"].clone())).collect()
}

/// Returns `body` with an additional field.
pub(crate) fn with(body: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut body = body.clone();
    body[field] = value.into();
    body
}

/// Formats minor units as the API does.
pub(crate) fn money(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    match currency.to_ascii_lowercase().as_str() {
        "jpy" => format!("{sign}{minor}"),
        _ => format!("{sign}{}.{:02}", minor / 100, minor % 100),
    }
}

/// Previews a change, applies it with the quote, and asserts that Stripe's invoice equals the preview. Returns both
/// bodies.
///
/// `kept` are the add-on items: price and quantity.
#[track_caller]
pub(crate) fn change_as_previewed(
    harness: &Harness,
    payer: &Payer,
    to: [&str; 2],
    kept: &[(String, Value)],
) -> (Value, Value) {
    let [tier, interval] = to;
    let body = json!({ "plan": tier, "interval": interval });
    let before = payer.ledger(harness);
    let preview = payer.preview(harness, &body);
    assert_eq!(payer.ledger(harness), before, "a preview changes nothing");
    let response = payer.change(harness, &with(&body, "quote", &*text(&preview, "quote")));
    assert_eq!(response.status, 200, "{body} {preview:#}: {}", response.body);
    let response = response.json();
    let after = payer.ledger(harness);

    // The plan item keeps its quantity.
    let base = before.items.iter().filter(|item| !kept.contains(item));
    let base = base.map(|(_, quantity)| quantity).find(|quantity| !quantity.is_null());
    let base = base.cloned().unwrap_or(Value::Null);
    let mut items: Vec<_> = harness
        .prices(tier, interval)
        .into_iter()
        .enumerate()
        .map(|(index, price)| (price, if index == 0 { base.clone() } else { Value::Null }))
        .chain(kept.iter().cloned())
        .collect();
    items.sort_by_key(|(price, quantity)| (price.clone(), quantity.to_string()));
    assert_eq!(after.items, items, "exactly the plan's items and the add-ons");
    assert_eq!(
        (after.pending, after.open(), &after.settings, &after.status),
        // For an hour after a renewal its invoice is a draft.
        (false, before.open(), &before.settings, &before.status)
    );

    let currency = text(&preview, "currency");
    let shown = &preview["breakdown"];
    let money = |minor: i64| json!(money(minor, &currency));
    assert_eq!(shown["balanceAfter"], money(-after.balance), "{preview:#}");
    for field in ["plan", "prorationAmount", "currency"] {
        assert_eq!(response[field], preview[field], "{field}: {preview:#} {response:#}");
    }
    let new: Vec<_> =
        after.invoices.iter().filter(|invoice| !before.invoices.contains(invoice)).collect();
    let Some(id) = response["invoice"]["id"].as_str() else {
        assert!(new.is_empty(), "{new:?}");
        let none = (shown["total"].clone(), preview["lines"].clone());
        assert_eq!(none, (money(0), json!([])));
        return (preview, response);
    };
    assert_eq!(new.len(), 1, "{new:?}");
    assert_eq!(new[0].0, id);
    assert_eq!(response["effectiveAt"], preview["effectiveAt"]);
    let invoice = harness.stripe(&format!("/invoices/{id}"));
    let number = |field: &str| invoice[field].as_i64().expect("a number");
    let taxes = invoice["total_taxes"].as_array().into_iter().flatten();
    let tax: i64 = taxes.map(|tax| tax["amount"].as_i64().expect("a number")).sum();
    // The subtotal already includes the discounts of single items.
    let of_all = |part: &&Value| {
        invoice["discounts"].as_array().is_some_and(|all| all.contains(&part["discount"]))
    };
    let discounts = invoice["total_discount_amounts"].as_array().into_iter().flatten();
    let discount: i64 =
        discounts.filter(of_all).map(|part| part["amount"].as_i64().expect("a number")).sum();
    for (field, invoiced) in [
        ("amountDue", number("amount_due")),
        ("total", number("total")),
        ("subtotal", number("subtotal")),
        ("tax", tax),
        ("discount", discount),
    ] {
        assert_eq!(shown[field], money(invoiced), "{field}: {preview:#} {invoice:#}");
    }
    assert_eq!(number("amount_paid"), number("amount_due"), "the amount due was charged");
    let lines = harness.stripe(&format!("/invoices/{id}/lines?limit=100"));
    let line = |line: &Value| {
        let moment = |end: &str| crate::clock::day(line["period"][end].as_i64().expect("a moment"));
        json!({
            "description": line["description"], "amount": money(line["amount"].as_i64().expect("a number")),
            "periodStart": moment("start"), "periodEnd": moment("end"),
        })
    };
    let invoiced: Vec<_> = lines["data"].as_array().expect("a list").iter().map(line).collect();
    let mut previewed = preview["lines"].clone();
    for line in previewed.as_array_mut().expect("a list") {
        let line = line.as_object_mut().expect("an object");
        line.retain(|field, _| field != "proration" && field != "meter");
    }
    assert_eq!(previewed, json!(invoiced));
    (preview, response)
}
