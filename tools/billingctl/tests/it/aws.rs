//! The AWS emulator: one for each test, with moto for the tests of secrets.

use aws_emulator::{Config, DynamoDb, Running};

use crate::authentication::TABLE;
use crate::moto_server::MotoServer;

/// Emulator that runs until it is dropped.
pub struct Aws {
    pub url: String,
    pub dynamodb: DynamoDb,
    _emulator: Running,
    _moto: Option<MotoServer>,
}

impl Aws {
    /// Starts an emulator with DynamoDB only.
    pub fn dynamodb() -> Self {
        Self::of(None)
    }

    /// Starts an emulator with DynamoDB only, and creates the table.
    pub fn with_table() -> Self {
        let aws = Self::dynamodb();
        aws.dynamodb.create_table(TABLE).expect("a new table");
        aws
    }

    /// Starts an emulator with DynamoDB, Secrets Manager and STS.
    pub fn with_secrets() -> Self {
        Self::of(Some(MotoServer::start()))
    }

    fn of(moto: Option<MotoServer>) -> Self {
        let url = moto.as_ref().map(|moto| moto.url.clone());
        let emulator = aws_emulator::start(Config { moto: url, ..Config::default() });
        let emulator = emulator.expect("a free port");
        let (url, dynamodb) = (emulator.url.clone(), emulator.dynamodb.clone());
        Self { url, dynamodb, _emulator: emulator, _moto: moto }
    }
}
