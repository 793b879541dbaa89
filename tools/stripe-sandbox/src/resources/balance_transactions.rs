//! `/v1/customers/{id}/balance_transactions`.

use serde_json::{Value, json};

use crate::endpoint::call::{Call, Endpoint, get, list, post};
use crate::lifecycle::{balance, errors, items};
use crate::model::customer::{BalanceReason, BalanceTransaction};
use crate::values::errors::{ApiError, Result};
use crate::world::{find, find_live_customer};

pub const ENDPOINTS: &[Endpoint] = &[
    post(
        "/v1/customers/{}/balance_transactions",
        "customer",
        "customer_balance_transaction",
        create,
    ),
    list(
        "/v1/customers/{}/balance_transactions",
        "customer",
        "customer_balance_transaction",
        index,
    ),
    get(
        "/v1/customers/{}/balance_transactions/{}",
        "customer",
        "customer_balance_transaction",
        retrieve,
    ),
];

fn create(call: &mut Call<'_>) -> Result<Value> {
    let customer = call.id();
    let p = &mut call.params;
    let amount = p.integer("amount")?.ok_or_else(|| ApiError::missing_param("amount"))?;
    let currency = p.currency("currency")?.ok_or_else(|| ApiError::missing_param("currency"))?;
    let (description, metadata) = (p.text("description")?, p.metadata()?);
    call.begin()?;
    let fixed = find_live_customer(call.world, &customer)?.currency;
    if let Some(fixed) = fixed.filter(|fixed| *fixed != currency) {
        return Err(errors::other_currency(fixed));
    }
    let now = call.world.now_of(&customer);
    items::set_currency(call.world, &customer, currency);
    let id = balance::change_balance(
        call.world,
        &customer,
        amount,
        BalanceReason::Adjustment,
        None,
        now,
    )
    .ok_or_else(|| ApiError::invalid("The amount must not be zero.").param("amount"))?;
    let mut transaction = find(&call.world.balance_transactions, &id)?.clone();
    transaction.description = description;
    if let Some(change) = metadata {
        change.apply(&mut transaction.metadata);
    }
    let object = to_json(&transaction);
    call.world.balance_transactions.put(transaction);
    Ok(object)
}

fn index(call: &mut Call<'_>) -> Result<Value> {
    let customer = call.id();
    let cursor = call.cursor()?;
    let created = call.created()?;
    let invoice = call.params.text("invoice")?;
    call.begin()?;
    find_live_customer(call.world, &customer)?;
    let keep = |transaction: &BalanceTransaction| {
        created.holds(transaction.created)
            && invoice.as_ref().is_none_or(|invoice| transaction.invoice.as_ref() == Some(invoice))
    };
    let key = format!("customer={customer}");
    call.list(&call.world.balance_transactions, &[key], &cursor, keep, |_, transaction| {
        to_json(transaction)
    })
}

fn retrieve(call: &mut Call<'_>) -> Result<Value> {
    call.begin()?;
    let (customer, id) = (&call.ids[0], &call.ids[1]);
    let transaction = find(&call.world.balance_transactions, id)?;
    if transaction.customer != *customer {
        return Err(ApiError::no_such("customer balance transaction", id));
    }
    Ok(to_json(transaction))
}

fn to_json(transaction: &BalanceTransaction) -> Value {
    json!({
        "id": transaction.id,
        "object": "customer_balance_transaction",
        "amount": transaction.amount,
        "checkout_session": null,
        "created": transaction.created,
        "credit_note": null,
        "currency": transaction.currency.as_str(),
        "customer": transaction.customer,
        "customer_account": null,
        "description": transaction.description,
        "ending_balance": transaction.ending_balance,
        "invoice": transaction.invoice,
        "livemode": false,
        "metadata": transaction.metadata,
        "type": transaction.reason.as_str(),
    })
}
