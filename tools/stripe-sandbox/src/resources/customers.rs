//! `/v1/customers`.

use serde_json::Value;

use super::customer_json::to_json;
use super::payment_methods;
use crate::endpoint::call::{Call, Endpoint, delete, get, list, post};
use crate::endpoint::params::{Change, MetadataChange, Params};
use crate::lifecycle::automatic_tax::{is_location, is_taxed, location_invalid};
use crate::lifecycle::{balance, cancel};
use crate::model::Metadata;
use crate::model::customer::{Address, BalanceReason, Customer, TaxExempt};
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::schedule::{Schedule, Status as ScheduleStatus};
use crate::model::string_enum;
use crate::model::subscription::CancelReason;
use crate::values::errors::{ApiError, Result};
use crate::world::{World, check_filter, find, find_live_customer, find_param};

pub const ENDPOINTS: &[Endpoint] = &[
    post("/v1/customers", "customer", "customer", create),
    list("/v1/customers", "customer", "customer", index),
    get("/v1/customers/{}", "customer", "customer", retrieve),
    post("/v1/customers/{}", "customer", "customer", update),
    delete("/v1/customers/{}", "customer", "customer", remove),
];

const NOT_IMITATED: &[&str] = &[
    "business_name",
    "cash_balance",
    "default_source",
    "individual_name",
    "shipping",
    "source",
    "tax_id_data",
    "validate",
];

/// Fields of create and update.
struct Fields {
    name: Change<String>,
    email: Change<String>,
    phone: Change<String>,
    description: Change<String>,
    address: Change<Address>,
    balance: Option<i64>,
    invoice_prefix: Option<String>,
    next_invoice_sequence: Option<i64>,
    default_payment_method: Change<String>,
    preferred_locales: Option<Vec<String>>,
    tax_exempt: Option<TaxExempt>,
    validation: LocationValidation,
    metadata: Option<MetadataChange>,
}

string_enum!(LocationValidation { Auto = "auto", Deferred = "deferred", Immediately = "immediately" });

impl Fields {
    fn read(p: &mut Params) -> Result<Fields> {
        p.not_imitated(NOT_IMITATED)?;
        Ok(Fields {
            name: p.change("name")?,
            email: p.change("email")?,
            phone: p.change("phone")?,
            description: p.change("description")?,
            address: p.hash_change("address", read_address)?,
            balance: p.integer("balance")?,
            invoice_prefix: read_prefix(p)?,
            next_invoice_sequence: p.integer_in("next_invoice_sequence", 1..=1_000_000_000)?,
            default_payment_method: p
                .hash("invoice_settings", |inner| {
                    inner.not_imitated(&["custom_fields", "footer", "rendering_options"])?;
                    inner.change("default_payment_method")
                })?
                .flatten(),
            preferred_locales: p.strings("preferred_locales")?,
            tax_exempt: p.choice("tax_exempt", TaxExempt::NAMES)?,
            validation: p
                .hash("tax", |inner| {
                    inner.not_imitated(&["ip_address"])?;
                    inner.choice("validate_location", LocationValidation::NAMES)
                })?
                .flatten()
                .unwrap_or(LocationValidation::Auto),
            metadata: p.metadata()?,
        })
    }

    fn apply(self, customer: &mut Customer) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut customer.name, self.name);
        set(&mut customer.email, self.email);
        set(&mut customer.phone, self.phone);
        set(&mut customer.description, self.description);
        set(&mut customer.address, self.address);
        set(&mut customer.invoice_prefix, self.invoice_prefix);
        set(&mut customer.next_invoice_sequence, self.next_invoice_sequence);
        set(&mut customer.default_payment_method, self.default_payment_method);
        set(&mut customer.preferred_locales, self.preferred_locales);
        set(&mut customer.tax_exempt, self.tax_exempt);
        if let Some(change) = self.metadata {
            change.apply(&mut customer.metadata);
        }
    }
}

fn read_address(p: &mut Params) -> Result<Address> {
    Ok(Address {
        city: p.change("city")?.flatten(),
        country: p.change("country")?.flatten(),
        line1: p.change("line1")?.flatten(),
        line2: p.change("line2")?.flatten(),
        postal_code: p.change("postal_code")?.flatten(),
        state: p.change("state")?.flatten(),
    })
}

fn read_prefix(p: &mut Params) -> Result<Option<String>> {
    let prefix = p.text("invoice_prefix")?;
    let fine = |prefix: &String| {
        (3..=12).contains(&prefix.len())
            && prefix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    if prefix.as_ref().is_some_and(|prefix| !fine(prefix)) {
        return Err(ApiError::invalid(
            "Invoice prefixes must be 3 to 12 uppercase letters or numbers.",
        )
        .param("invoice_prefix"));
    }
    Ok(prefix)
}

fn create(call: &mut Call<'_>) -> Result<Value> {
    let p = &mut call.params;
    let mut fields = Fields::read(p)?;
    let (payment_method, test_clock) = (p.text("payment_method")?, p.text("test_clock")?);
    call.begin()?;
    let world = &mut *call.world;
    check_new_location(world, "", &fields)?;
    if let Some(clock) = &test_clock {
        find_param(&world.test_clocks, clock, "test_clock")?;
    }
    let customer = Customer {
        id: world.ids.id("cus"),
        name: None,
        email: None,
        phone: None,
        description: None,
        address: None,
        metadata: Metadata::new(),
        balance: 0,
        currency: None,
        invoice_prefix: world.ids.invoice_prefix(),
        next_invoice_sequence: 1,
        default_payment_method: None,
        preferred_locales: Vec::new(),
        tax_exempt: TaxExempt::None,
        tax_ids: Vec::new(),
        created: world.now(test_clock.as_deref()),
        test_clock,
        deleted: false,
    };
    let id = customer.id.clone();
    world.customers.put(customer);
    let result = attach_methods(world, &id, payment_method.as_deref(), &mut fields);
    if let Err(refusal) = result {
        world.customers.remove(&id);
        return Err(refusal);
    }
    let balance = fields.balance.unwrap_or_default();
    let mut customer = world.customer(&id).clone();
    fields.apply(&mut customer);
    let created = customer.created;
    world.customers.put(customer);
    balance::change_balance(world, &id, balance, BalanceReason::Initial, None, created);
    Ok(to_json(world.customer(&id)))
}

/// Refuses an address without a location for tax, if the request or a subscription requires one.
fn check_new_location(world: &World, id: &str, fields: &Fields) -> Result<()> {
    let required = match fields.validation {
        LocationValidation::Deferred => false,
        LocationValidation::Immediately => true,
        LocationValidation::Auto => fields.address.is_some() && is_taxed(world, id),
    };
    let address = match &fields.address {
        Some(address) => address.as_ref(),
        None => world.customers.get(id).and_then(|customer| customer.address.as_ref()),
    };
    if required && !is_location(address) { Err(location_invalid()) } else { Ok(()) }
}

/// Attaches the payment methods. The same token in both parameters creates one card.
fn attach_methods(
    world: &mut World,
    id: &str,
    method: Option<&str>,
    fields: &mut Fields,
) -> Result<()> {
    let attached = match method {
        Some(method) => Some(payment_methods::attach(world, method, id, "payment_method")?),
        None => None,
    };
    if let Some(Some(default)) = &mut fields.default_payment_method {
        *default = match attached {
            Some(attached) if method == Some(default.as_str()) => attached,
            _ => payment_methods::of_customer(
                world,
                default,
                id,
                "invoice_settings[default_payment_method]",
            )?,
        };
    }
    Ok(())
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let cursor = call.cursor()?;
    let created = call.created()?;
    let (email, clock) = (call.params.text("email")?, call.params.text("test_clock")?);
    call.begin()?;
    check_filter(&call.world.test_clocks, clock.as_deref(), "test_clock")?;
    let key = match (&clock, &email) {
        (Some(clock), _) => format!("test_clock={clock}"),
        (None, Some(email)) => format!("live&email={email}"),
        (None, None) => "all".to_owned(),
    };
    let keep = |customer: &Customer| {
        created.holds(customer.created)
            && email.as_ref().is_none_or(|email| customer.email.as_ref() == Some(email))
    };
    call.list(&call.world.customers, &[key], &cursor, keep, |_, customer| to_json(customer))
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    find(&call.world.customers, &call.id()).map(to_json)
}

fn update(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let mut fields = Fields::read(&mut call.params)?;
    call.begin()?;
    find_live_customer(call.world, &id)?;
    if let Some(Some(method)) = &mut fields.default_payment_method {
        *method = payment_methods::of_customer(
            call.world,
            method,
            &id,
            "invoice_settings[default_payment_method]",
        )?;
    }
    let mut customer = call.world.customer(&id).clone();
    check_new_location(call.world, &id, &fields)?;
    let change = fields.balance.map_or(0, |balance| balance - customer.balance);
    fields.apply(&mut customer);
    call.world.customers.put(customer);
    let now = call.world.now_of(&id);
    balance::change_balance(call.world, &id, change, BalanceReason::Adjustment, None, now);
    Ok(to_json(call.world.customer(&id)))
}

fn remove(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let id = call.id();
    find_live_customer(call.world, &id)?;
    delete_customer(call.world, &id);
    Ok(to_json(call.world.customer(&id)))
}

/// Cancels the customer's subscriptions, deletes the drafts, and marks the customer as deleted.
pub fn delete_customer(world: &mut World, id: &str) {
    let now = world.now_of(id);
    let own: Vec<_> = world.subscriptions().under(&format!("customer={id}")).cloned().collect();
    for sub in own.into_iter().filter(|sub| !sub.status.is_terminal()) {
        cancel::cancel(world, sub, CancelReason::Requested, now);
    }
    let schedules: Vec<_> = world.schedules().under(&format!("customer={id}")).cloned().collect();
    for mut schedule in schedules.into_iter().filter(Schedule::is_live) {
        schedule.status = ScheduleStatus::Canceled;
        schedule.canceled_at = Some(now);
        world.put_schedule(schedule);
    }
    let draft = format!("customer={id}&status={}", InvoiceStatus::Draft.as_str());
    let drafts: Vec<String> =
        world.invoices().under(&draft).map(|invoice| invoice.id.clone()).collect();
    for draft in drafts {
        world.delete_invoice(&draft);
    }
    let mut customer = world.customer(id).clone();
    customer.deleted = true;
    world.customers.put(customer);
}
