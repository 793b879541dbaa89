//! Tests of `logs`, with files of a local stack and with log groups in moto.

use std::fs;
use std::path::Path;

use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use serde_json::json;
use shared::values::Timestamp;

use crate::aws::Aws;
use crate::harness::Shell;

const REQUEST: &str = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed";

/// A request's log line and its audit line.
fn lines(request: &str) -> [String; 2] {
    let line = json!({
        "timestamp": "2026-11-22T20:38:41Z", "level": "ERROR", "message": "failed", "request_id": request,
        "method": "POST", "path": "/v1/billing/plan-change", "status": 502, "account": "acc_1",
        "key_id": "key_1", "duration_ms": 812, "stripe_calls": 2, "stripe_request_ids": "req_1,req_2",
        "code": "stripe_error", "cause": "Stripe responded with 500", "stripe_code": "-",
    });
    let audit = json!({
        "timestamp": "2026-11-22T20:38:42Z", "event": "audit", "request_id": request,
        "method": "POST", "route": "plan-change", "outcome": "failed", "stripe_objects": "sub_1",
    });
    [line.to_string(), audit.to_string()]
}

#[test]
fn local_request_is_shown_with_its_calls() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("logs");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let other = lines("another").concat();
    let text = format!("started\n{other}\n{}\n", lines(REQUEST).join("\n"));
    fs::write(folder.join("plan-change.log"), text).expect("writable");
    fs::write(folder.join("gateway.log"), format!("request {REQUEST} was sent\n"))
        .expect("writable");
    let folder = folder.to_str().expect("UTF-8");
    let shell = Shell::bare();
    let run = |id: &str| shell.run(&["logs", id, "--folder", folder]);
    let shown = run(REQUEST);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for part in [
        "time            2026-11-22T20:38:41Z in plan-change\n",
        "response        502 after 812 ms\n",
        "error           stripe_error\n",
        "calls           2\n                req_1\n                req_2\n",
        "audit           failed\n",
        "changed         sub_1\n",
    ] {
        assert!(shown.stdout.contains(part), "{}", shown.stdout);
    }
    assert!(!shown.stdout.contains("another"), "{}", shown.stdout);
    let value = shell.json(&["logs", REQUEST, "--folder", folder]);
    assert_eq!(value["lines"].as_array().expect("lines").len(), 2);
    assert_eq!(value["lines"][0]["function"], "plan-change");
    assert!(run("unknown").error().contains("there is no request unknown"));
    let nowhere = shell.run(&["logs", REQUEST, "--folder", "/nonexistent"]);
    assert!(nowhere.error().contains("make run"), "{nowhere:?}");
    assert_eq!(run("a\" || b").code, Some(2), "no part of a filter");
}

#[tokio::test]
async fn request_of_a_deployed_stack_is_found_in_its_log_groups() {
    let aws = Aws::with_secrets();
    let config = aws_sdk_cloudwatchlogs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(&aws.url);
    let client = aws_sdk_cloudwatchlogs::Client::from_conf(config.build());
    let (group, stream) = ("/aws/lambda/billing-prod-plan-change", "stream");
    client.create_log_group().log_group_name(group).send().await.expect("created");
    let create = client.create_log_stream().log_group_name(group).log_stream_name(stream);
    create.send().await.expect("created");
    let now = Timestamp::now().seconds() * 1_000;
    let event = |message: String| {
        InputLogEvent::builder().timestamp(now).message(message).build().expect("all fields")
    };
    let events = [lines("another"), lines(REQUEST)].concat().into_iter().map(event).collect();
    let put = client.put_log_events().log_group_name(group).log_stream_name(stream);
    put.set_log_events(Some(events)).send().await.expect("written");

    let profiles = Path::new(env!("CARGO_TARGET_TMPDIR")).join("logs-profiles.toml");
    let profile = "[profiles.prod]\nstack = \"billing-prod\"\nregion = \"eu-central-1\"\ntable = \"t\"\n\
        quote_keys_secret = \"q\"\nstripe_read_secret = \"r\"\nstripe_write_secret = \"w\"\n";
    fs::write(&profiles, profile).expect("writable");
    let shell = Shell::with_aws(&aws.url)
        .with("BILLINGCTL_CONFIG", profiles.to_str().expect("UTF-8"))
        .with("BILLINGCTL_PROFILE", "prod");
    let found = shell.json(&["logs", REQUEST, "--since", "1h"]);
    let shown = &found["lines"][0];
    assert_eq!(
        (found["lines"].as_array().expect("lines").len(), &shown["function"], &shown["account"]),
        (2, &json!("plan-change"), &json!("acc_1"))
    );
    let missing = shell.run(&["logs", "unknown"]);
    assert!(missing.error().contains("the log groups of billing-prod"), "{missing:?}");
}
