//! Requests that create and update meters, products and prices.

use std::collections::HashMap;

use rust_decimal::Decimal;
use shared::billing::catalog::{CONTACT_KEY, METER_KEY, PLAN_KEY, UNIT_KEY};
use shared::stripe::views::Interval;
use shared::values::{Currency, exact};
use stripe_billing::billing_meter::{
    CreateBillingMeter, CreateBillingMeterCustomerMapping, CreateBillingMeterCustomerMappingType,
    CreateBillingMeterDefaultAggregation, CreateBillingMeterDefaultAggregationFormula,
    CreateBillingMeterValueSettings,
};
use stripe_product::price::{
    CreatePrice, CreatePriceCurrencyOptions, CreatePriceCurrencyOptionsTiers,
    CreatePriceCurrencyOptionsTiersUpTo, CreatePriceRecurring, CreatePriceRecurringInterval,
    CreatePriceRecurringUsageType, CreatePriceTiers, CreatePriceTiersUpTo, UpdatePrice,
};
use stripe_product::product::{CreateProduct, UpdateProduct};
use stripe_shared::{PriceBillingScheme, PriceTiersMode};

use super::amount::stripe_currency;
use super::desired::{Charge, Labels, Meter, Owner, Price, Product};

pub(super) fn create_meter(meter: &Meter) -> CreateBillingMeter {
    let sum =
        CreateBillingMeterDefaultAggregation::new(CreateBillingMeterDefaultAggregationFormula::Sum);
    // These are Stripe's defaults. They are explicit because `Meter::sums` depends on them.
    CreateBillingMeter::new(sum, &meter.display_name, &meter.event_name)
        .customer_mapping(CreateBillingMeterCustomerMapping::new(
            "stripe_customer_id",
            CreateBillingMeterCustomerMappingType::ById,
        ))
        .value_settings(CreateBillingMeterValueSettings::new("value"))
}

pub(super) fn create_product(product: &Product) -> CreateProduct {
    let Product { owner, name, description, contact, unit_label } = product;
    let mut metadata = HashMap::from([(owner.metadata_key().to_owned(), owner.name().clone())]);
    metadata.extend(contact.clone().map(|contact| (CONTACT_KEY.to_owned(), contact)));
    let mut request = CreateProduct::new(name).metadata(metadata);
    if let Some(description) = description {
        request = request.description(description);
    }
    if let Some(unit) = unit_label {
        request = request.unit_label(unit);
    }
    request
}

pub(super) fn update_product(id: &str, product: &Product) -> UpdateProduct {
    let Product { owner, name, description, contact, unit_label } = product;
    let mut request = UpdateProduct::new(id).active(true).name(name);
    if let Owner::Plan(_) = owner {
        // An empty value removes the key.
        let contact = contact.clone().unwrap_or_default();
        request = request.metadata(HashMap::from([(CONTACT_KEY.to_owned(), contact)]));
    }
    if let Some(description) = description {
        request = request.description(description);
    }
    if let Some(unit) = unit_label {
        request = request.unit_label(unit);
    }
    request
}

/// Returns the request that creates a price. `meter` is the ID of its meter, for a metered price.
pub(super) fn create_price(price: &Price, product: &str, meter: Option<&str>) -> CreatePrice {
    let own = price.charges.get(&price.currency).copied();
    let options = price.charges.iter().filter(|(code, _)| **code != price.currency);
    let options: HashMap<_, _> =
        options.map(|(code, charge)| (currency(*code), option(*charge))).collect();
    let mut request = CreatePrice::new(currency(price.currency))
        .product(product)
        .lookup_key(&price.lookup_key)
        // Moves the key from the replaced price, if there is one.
        .transfer_lookup_key(true)
        .recurring(recurring(price.interval, meter));
    if price.labels != Labels::default() {
        let named = metadata(&price.labels).into_iter().filter(|(_, value)| !value.is_empty());
        request = request.metadata(named.collect::<HashMap<_, _>>());
    }
    if !options.is_empty() {
        request = request.currency_options(options);
    }
    match own {
        Some(Charge::Flat(amount)) => match whole(amount) {
            Some(minor) => request.unit_amount(minor),
            None => request.unit_amount_decimal(exact(amount)),
        },
        Some(Charge::Beyond { included, unit }) => {
            let tiers = tiers(included, unit).map(|(up_to, unit)| {
                let up_to = up_to.map_or(CreatePriceTiersUpTo::Inf, CreatePriceTiersUpTo::I64);
                let mut tier = CreatePriceTiers::new(up_to);
                tier.unit_amount_decimal = Some(exact(unit));
                tier
            });
            request
                .billing_scheme(PriceBillingScheme::Tiered)
                .tiers_mode(PriceTiersMode::Graduated)
                .tiers(tiers)
        }
        None => request,
    }
}

fn option(charge: Charge) -> CreatePriceCurrencyOptions {
    let mut option = CreatePriceCurrencyOptions::new();
    match charge {
        Charge::Flat(amount) => match whole(amount) {
            Some(minor) => option.unit_amount = Some(minor),
            None => option.unit_amount_decimal = Some(exact(amount)),
        },
        Charge::Beyond { included, unit } => {
            let tiers = tiers(included, unit).map(|(up_to, unit)| {
                let up_to = up_to.map_or(
                    CreatePriceCurrencyOptionsTiersUpTo::Inf,
                    CreatePriceCurrencyOptionsTiersUpTo::I64,
                );
                let mut tier = CreatePriceCurrencyOptionsTiers::new(up_to);
                tier.unit_amount_decimal = Some(exact(unit));
                tier
            });
            option.tiers = Some(tiers.into());
        }
    }
    option
}

/// Returns whole minor units; `None` if there is a fraction.
fn whole(amount: Decimal) -> Option<i64> {
    amount.is_integer().then(|| i64::try_from(amount).ok()).flatten()
}

/// Returns a free tier up to the allowance and a tier with the unit price above.
fn tiers(included: u64, unit: Decimal) -> [(Option<i64>, Decimal); 2] {
    [(Some(i64::try_from(included).unwrap_or(i64::MAX)), Decimal::ZERO), (None, unit)]
}

fn recurring(interval: Interval, meter: Option<&str>) -> CreatePriceRecurring {
    let mut recurring = CreatePriceRecurring::new(match interval {
        Interval::Day => CreatePriceRecurringInterval::Day,
        Interval::Week => CreatePriceRecurringInterval::Week,
        Interval::Month => CreatePriceRecurringInterval::Month,
        Interval::Year => CreatePriceRecurringInterval::Year,
    });
    recurring.usage_type = Some(CreatePriceRecurringUsageType::Licensed);
    if let Some(meter) = meter {
        recurring.usage_type = Some(CreatePriceRecurringUsageType::Metered);
        recurring.meter = Some(meter.to_owned());
    }
    recurring
}

/// Returns all keys of the catalog. An empty value removes a key.
fn metadata(labels: &Labels) -> HashMap<String, String> {
    [(PLAN_KEY, &labels.plan), (METER_KEY, &labels.meter), (UNIT_KEY, &labels.unit)]
        .map(|(key, value)| (key.to_owned(), value.clone().unwrap_or_default()))
        .into()
}

fn currency(code: Currency) -> stripe_types::Currency {
    stripe_currency(code.as_str())
}

/// Returns the request that activates a price and sets its metadata.
pub(super) fn update_price(id: &str, price: &Price) -> UpdatePrice {
    UpdatePrice::new(id).active(true).metadata(metadata(&price.labels))
}
