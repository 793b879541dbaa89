//! Emulator of AWS on one address, for the local stack and the tests.
//!
//! The emulator serves DynamoDB itself, over the SQLite engine of the crate `dynoxide-rs`, and forwards the requests to
//! all other services to moto. A caller that uses only the table therefore needs neither moto nor Python.

mod backups;
mod dynamodb;
mod moto;
mod recording;
mod server;

pub use dynamodb::{DynamoDb, Response};
pub use recording::Recorded;
pub use server::{Config, Running, start};
