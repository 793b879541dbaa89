//! The DynamoDB table: API keys by hash, accounts, handles, idempotency records.
//!
//! One table with the key attributes `pk` and `sk`. This module alone knows the form of its items;
//! `billingctl` writes accounts and keys through it, functions read them.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | API key | `KEY#<hash>` | `KEY` |
//! | index of an account's keys | `ACCOUNT#<id>` | `KEY#<key id>` |
//! | account | `ACCOUNT#<id>` | `ACCOUNT` |
//! | handle | `HANDLE#<handle>` | `HANDLE` |
//! | Stripe customer linked by an operator | `CUSTOMER#<cus id>` | `CUSTOMER` |
//! | idempotency record | `IDEMPOTENCY#<account id>` | `<hash>` |

mod account;
mod api_key;
mod client;
mod idempotency;

pub use account::Account;
pub use api_key::KeyRecord;
pub use client::{Item, Table, TableError, keys};
pub use idempotency::{Claim, IdempotencyRecord, RecordHandle};
