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
//! | journal of a customer's plan changes | `CHANGE#<cus id>` | `CHANGE` |
//! | generation of a customer | `READ#<cus id>` | `generation` |
//! | stored read of a customer | `READ#<cus id>` | `read#<endpoint>` |
//! | generation of the catalog | `CATALOG` | `generation` |
//! | stored read of the catalog | `CATALOG` | `read#<endpoint>` |
//! | watermark | `FOLLOW` | `WATERMARK` |
//! | calls to Stripe in a second | `PERMITS#<second>` | `PERMITS` |

mod account;
mod api_key;
mod client;
mod idempotency;
mod journal;
mod permits;
mod stored;

pub use account::Account;
pub use api_key::KeyRecord;
pub use client::{Item, Subject, Table, TableError, keys};
pub use idempotency::{Claim, IdempotencyRecord, RecordHandle};
pub use journal::HeldJournal;
pub use permits::Ceilings;
pub use stored::{Generation, KEPT, SnapshotItem, StoredRead, Watermark};
