//! AWS: the SDK's configuration, failures, the DynamoDB table and Secrets Manager.

pub(crate) mod config;
pub(crate) mod failure;
pub(crate) mod functions;
pub(crate) mod resource;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod table;
