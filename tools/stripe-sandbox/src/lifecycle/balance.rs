//! Customer balance and its transactions.

use crate::model::Metadata;
use crate::model::customer::{BalanceReason, BalanceTransaction};
use crate::values::period::Timestamp;
use crate::world::World;

/// Changes the customer's balance and stores a balance transaction. Returns the transaction's ID,
/// or None if the amount is zero.
pub fn change_balance(
    world: &mut World,
    customer: &str,
    amount: i64,
    reason: BalanceReason,
    invoice: Option<&str>,
    at: Timestamp,
) -> Option<String> {
    if amount == 0 {
        return None;
    }
    let mut customer = world.customer(customer).clone();
    customer.balance += amount;
    let currency = customer.currency.unwrap_or(crate::values::money::Currency::USD);
    let transaction = BalanceTransaction {
        id: world.ids.id("cbtxn"),
        customer: customer.id.clone(),
        amount,
        currency,
        ending_balance: customer.balance,
        reason,
        invoice: invoice.map(str::to_owned),
        description: None,
        metadata: Metadata::new(),
        created: at,
    };
    let id = transaction.id.clone();
    world.customers.put(customer);
    world.balance_transactions.put(transaction);
    Some(id)
}
