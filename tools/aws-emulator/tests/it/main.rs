//! Tests of the emulator: DynamoDB's calls, the HTTP server, and moto behind it.

mod calls;
mod growth;
mod http;
mod server;
