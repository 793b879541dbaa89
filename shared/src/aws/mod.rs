//! AWS: one HTTPS client, the SDK's settings, Secrets Manager, and the DynamoDB table.

pub mod https;
pub mod sdk;
pub mod secrets;
pub mod table;
