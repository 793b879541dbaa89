//! The MAC keys of quotes, read from a fake Secrets Manager.

use serde_json::json;
use shared::aws::secrets::QuoteSecret;
use shared::values::token::{Bounds, MacKeys};

use crate::server::{Behavior, Server, json, refusal};

const BOUNDS: Bounds<'_> = Bounds { purpose: "quote", account: "acc_1" };

const SECRET: &str = r#"{"current":"k1","k1":"0123456789abcdef0123456789abcdef"}"#;

fn secret() -> Behavior {
    json(&json!({ "SecretString": SECRET }).to_string())
}

fn process(manager: &Server) -> QuoteSecret {
    let client = aws_sdk_secretsmanager::Client::new(&manager.aws());
    QuoteSecret::new(client, Some("quote-keys".to_owned()))
}

#[tokio::test]
async fn keys_are_read_once_and_unknown_key_ids_cause_no_flood_of_reads() {
    let keys = MacKeys::parse(&SECRET.into()).unwrap();
    let manager = Server::start(vec![secret()]).await;
    let process = process(&manager);
    process.preload().await.unwrap();
    let token = keys.seal(BOUNDS, b"x");
    for _ in 0..3 {
        assert!(process.keys_for(&token).await.unwrap().open(BOUNDS, &token).is_some());
        for forged in ["k2.AAAA", "", "no token"] {
            assert!(process.keys_for(forged).await.unwrap().open(BOUNDS, forged).is_none());
        }
    }
    assert_eq!(manager.got().len(), 1);
}

#[tokio::test]
async fn unreadable_keys_are_unavailable_and_read_again() {
    let malformed = json(&json!({ "SecretString": "{}" }).to_string());
    let manager = Server::start(vec![refusal(400, ""), malformed, secret()]).await;
    let process = process(&manager);
    for expected in ["could not be read", "does not hold"] {
        let error = process.keys().await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(process.keys().await.unwrap().seal(BOUNDS, b"x").starts_with("k1."));
}

#[tokio::test]
async fn function_without_the_setting_reads_nothing() {
    let manager = Server::start(vec![refusal(400, "")]).await;
    let client = aws_sdk_secretsmanager::Client::new(&manager.aws());
    let process = QuoteSecret::new(client, None);
    process.preload().await.unwrap();
    assert!(process.keys().await.is_err());
    assert!(manager.got().is_empty());
}
