//! `POST /v1/checkout/sessions`.

use super::checkout_json::to_json;
use super::checkout_urls::read_urls;
use super::subscription_params as shared;
use super::{locales, tax_rates};
use crate::endpoint::call::Call;
use crate::endpoint::params::Params;
use crate::lifecycle::automatic_tax::has_location;
use crate::lifecycle::checkout::{price_lines, session_now};
use crate::model::Metadata;
use crate::model::catalog::RequestedDiscount;
use crate::model::checkout::{
    LineItem, MethodCollection, Mode, Session, SubscriptionData, Tax, Trial, UiMode,
};
use crate::model::subscription::TrialSettings;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, HOUR, Timestamp};
use crate::world::{World, find_live_customer_param};

/// Parameters that Stripe has and the sandbox does not implement.
const NOT_IMITATED: &[&str] = &[
    "adaptive_pricing",
    "after_expiration",
    "allowed_payment_method_types",
    "branding_settings",
    "consent_collection",
    "custom_fields",
    "custom_text",
    "customer_account",
    "customer_creation",
    "excluded_payment_method_types",
    "integration_identifier",
    "invoice_creation",
    "managed_payments",
    "name_collection",
    "optional_items",
    "origin_context",
    "payment_intent_data",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "permissions",
    "phone_number_collection",
    "saved_payment_method_options",
    "setup_intent_data",
    "shipping_address_collection",
    "shipping_options",
    "submit_type",
    "wallet_options",
];

const NOT_IMITATED_IN_DATA: &[&str] = &[
    "application_fee_percent",
    "billing_cycle_anchor",
    "billing_cycle_anchor_config",
    "invoice_settings",
    "on_behalf_of",
    "pending_invoice_item_interval",
    "proration_behavior",
    "transfer_data",
];

pub fn create(call: &mut Call<'_>) -> Result<serde_json::Value> {
    let mut session = read(&mut call.params)?;
    let currency = call.params.currency("currency")?;
    let expires_at = call.params.time("expires_at")?;
    call.begin()?;
    let world = &mut *call.world;
    check(world, &session)?;
    let fixed = session.customer.as_ref().and_then(|id| world.customer(id).currency);
    session.currency =
        currency.or(fixed).unwrap_or_else(|| world.price(&session.lines[0].price).currency);
    session.created = session_now(world, &session);
    session.expires_at = expiry(expires_at, session.created)?;
    check_trial(&session)?;
    price_lines(world, &mut session)?;
    session.id = format!("cs_test_{}", world.ids.text(58));
    session.secret = world.ids.text(42);
    for line in &mut session.lines {
        line.id = world.ids.id("li");
    }
    let object = to_json(world, &session);
    world.put_checkout(session);
    Ok(object)
}

/// Refuses unsupported parameters and modes.
fn check_mode(p: &mut Params) -> Result<()> {
    if p.has("payment_method_types") {
        return Err(ApiError::invalid("The parameter `payment_method_types` is no longer supported. Remove it to use the payment methods of your Dashboard, or filter them with `allowed_payment_method_types`.")
            .code("payment_method_types_no_longer_supported")
            .param("payment_method_types"));
    }
    p.not_imitated(NOT_IMITATED)?;
    match p.choice("mode", Mode::NAMES)? {
        Some(Mode::Subscription) => Ok(()),
        Some(other) => Err(ApiError::not_imitated(&format!("mode={}", other.as_str()))),
        None => Err(ApiError::missing_param("mode")),
    }
}

fn read(p: &mut Params) -> Result<Session> {
    check_mode(p)?;
    let ui = p.choice("ui_mode", UiMode::NAMES)?.unwrap_or(UiMode::Hosted);
    let (customer, customer_email) = (p.text("customer")?, p.text("customer_email")?);
    if customer.is_some() && customer_email.is_some() {
        return Err(exclusive("customer", "customer_email"));
    }
    let metadata = metadata(p)?;
    let (discounts, allow_promotion_codes) = read_discounts(p)?;
    Ok(Session {
        id: String::new(),
        secret: String::new(),
        ui,
        urls: read_urls(p, ui)?,
        client_reference_id: p.text("client_reference_id")?,
        metadata,
        locale: locales::read_checkout(p)?,
        lines: read_lines(p)?,
        currency: crate::values::money::Currency::USD,
        discounts,
        allow_promotion_codes,
        collection: p
            .choice("payment_method_collection", MethodCollection::NAMES)?
            .unwrap_or(MethodCollection::Always),
        subscription_data: p.hash("subscription_data", read_subscription_data)?.unwrap_or_default(),
        tax: read_tax(p, customer.is_some())?,
        customer,
        customer_email,
        created: 0,
        expires_at: 0,
        expired: false,
        completed: None,
        authenticating: None,
    })
}

fn exclusive(one: &str, other: &str) -> ApiError {
    ApiError::invalid(format!("You may only specify one of these parameters: {one}, {other}."))
        .code("parameters_exclusive")
}

fn metadata(p: &mut Params) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    if let Some(change) = p.metadata()? {
        change.apply(&mut metadata);
    }
    Ok(metadata)
}

/// Reads the discounts. Like Stripe, refuses `allow_promotion_codes` next to `discounts` even if it
/// is false.
fn read_discounts(p: &mut Params) -> Result<(Vec<RequestedDiscount>, Option<bool>)> {
    let both = p.has("allow_promotion_codes") && p.has("discounts");
    let codes = p.boolean("allow_promotion_codes")?;
    let discounts = shared::discounts(p)?.unwrap_or_default();
    if both && !discounts.is_empty() {
        return Err(exclusive("allow_promotion_codes", "discounts"));
    }
    if discounts.len() > 1 {
        return Err(ApiError::invalid("You can only apply one discount to a Checkout Session.")
            .param("discounts"));
    }
    Ok((discounts, codes))
}

fn read_lines(p: &mut Params) -> Result<Vec<LineItem>> {
    let lines = p.list("line_items", |line| {
        line.not_imitated(&["adjustable_quantity", "dynamic_tax_rates", "price_data"])?;
        Ok(LineItem {
            id: String::new(),
            price: line.required("price")?,
            quantity: line.integer_in("quantity", 0..=shared::MAX_QUANTITY)?,
            tax_rates: line.strings("tax_rates")?.unwrap_or_default(),
            metadata: metadata(line)?,
            subtotal: 0,
            discounts: Vec::new(),
            taxes: Vec::new(),
        })
    })?;
    let lines = lines.unwrap_or_default();
    match lines.len() {
        0 => Err(ApiError::missing_param("line_items")),
        1..=20 => Ok(lines),
        _ => Err(ApiError::invalid("A Checkout Session can have at most 20 recurring line items.")
            .param("line_items")),
    }
}

fn read_subscription_data(p: &mut Params) -> Result<SubscriptionData> {
    p.not_imitated(NOT_IMITATED_IN_DATA)?;
    let (mode, itemized) = shared::billing_mode(p)?;
    if mode == crate::model::subscription::BillingMode::Classic {
        return Err(ApiError::not_imitated("subscription_data[billing_mode][type]=classic"));
    }
    let (days, until) = (p.integer_in("trial_period_days", 1..=730)?, p.time("trial_end")?);
    if days.is_some() && until.is_some() {
        return Err(exclusive(
            "subscription_data[trial_end]",
            "subscription_data[trial_period_days]",
        ));
    }
    Ok(SubscriptionData {
        metadata: metadata(p)?,
        description: p.text("description")?,
        default_tax_rates: p.strings("default_tax_rates")?.unwrap_or_default(),
        trial: days.map(Trial::Days).or(until.map(Trial::Until)),
        trial_settings: shared::trial_settings(p)?.apply(TrialSettings::default()),
        itemized,
    })
}

fn read_tax(p: &mut Params, has_customer: bool) -> Result<Tax> {
    let automatic = p.hash("automatic_tax", |inner| {
        inner.not_imitated(&["liability"])?;
        let name = inner.name("enabled");
        inner.boolean("enabled")?.ok_or_else(|| ApiError::missing_param(&name))
    })?;
    let ids = p.hash("tax_id_collection", |inner| {
        let name = inner.name("enabled");
        let required =
            inner.choice("required", &[("if_supported", true), ("never", false)])?.unwrap_or(false);
        let enabled = inner.boolean("enabled")?;
        Ok((enabled.ok_or_else(|| ApiError::missing_param(&name))?, required))
    })?;
    let keep = &[("auto", true), ("never", false)];
    let update = p.hash("customer_update", |inner| {
        inner.not_imitated(&["shipping"])?;
        Ok((inner.choice("address", keep)?, inner.choice("name", keep)?))
    })?;
    if update.is_some() && !has_customer {
        return Err(ApiError::invalid("`customer_update` can only be used with `customer`.")
            .param("customer_update"));
    }
    let billing = p.choice("billing_address_collection", &[("auto", false), ("required", true)])?;
    let (address, name) = update.unwrap_or_default();
    let automatic = automatic.unwrap_or(false);
    Ok(Tax {
        automatic,
        ids: ids.is_some_and(|(enabled, _)| enabled),
        id_required: ids == Some((true, true)),
        address_required: automatic || billing.unwrap_or(false),
        keep_address: address.unwrap_or(false),
        keep_name: name.unwrap_or(false),
    })
}

/// Checks the objects that the session refers to.
fn check(world: &World, session: &Session) -> Result<()> {
    if let Some(customer) = &session.customer {
        let customer = find_live_customer_param(world, customer, "customer")?;
        if session.tax.automatic && !has_location(customer) && !session.tax.keep_address {
            return Err(ApiError::invalid("Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to 'auto' to save the address entered in Checkout to the Customer.")
                .code("customer_tax_location_invalid")
                .param("automatic_tax"));
        }
        if session.tax.ids && !session.tax.keep_name {
            return Err(ApiError::invalid("Tax ID collection requires updating business name on the customer. To enable tax ID collection for an existing customer, please set `customer_update[name]` to `auto`.")
                .param("tax_id_collection"));
        }
    }
    for (index, line) in session.lines.iter().enumerate() {
        let name = format!("line_items[{index}]");
        shared::check_price(world, &line.price, &format!("{name}[price]"))?;
        check_quantity(world, line, &name)?;
        tax_rates::check(world, &line.tax_rates, &format!("{name}[tax_rates]"))?;
    }
    let rates = &session.subscription_data.default_tax_rates;
    tax_rates::check(world, rates, "subscription_data[default_tax_rates]")
}

fn check_quantity(world: &World, line: &LineItem, name: &str) -> Result<()> {
    match (world.price(&line.price).is_metered(), line.quantity) {
        (true, Some(_)) => Err(ApiError::invalid(format!("Quantity should not be specified where usage_type is `metered`. Remove quantity from `{name}`"))
            .param(name)),
        (false, None) => Err(ApiError::invalid(format!("Quantity is required. Add `quantity` to `{name}`"))
            .param(name)),
        _ => Ok(()),
    }
}

fn expiry(asked: Option<Timestamp>, created: Timestamp) -> Result<Timestamp> {
    let at = asked.unwrap_or(created + DAY);
    // Tolerates a minute of clock difference.
    if (created + HOUR / 2 - 60..=created + DAY + 60).contains(&at) {
        return Ok(at);
    }
    Err(ApiError::invalid("The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.")
        .param("expires_at"))
}

fn check_trial(session: &Session) -> Result<()> {
    let Some(Trial::Until(at)) = session.subscription_data.trial else { return Ok(()) };
    let param = "subscription_data[trial_end]";
    if at < session.created + 2 * DAY {
        return Err(ApiError::invalid(
            "The `subscription_data[trial_end]` date has to be at least 2 days in the future.",
        )
        .param(param));
    }
    if at > session.created + 730 * DAY {
        return Err(ApiError::invalid(
            "Invalid timestamp: can be no more than two years in the future.",
        )
        .param(param));
    }
    Ok(())
}
