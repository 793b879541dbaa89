//! What is left in the logs after all other cases: one line a request, and no secret.

use std::collections::HashMap;
use std::fs;

use serde_json::Value;

use crate::cases;
use crate::harness::Harness;

cases![every_request_has_left_one_line_with_its_id_and_status, no_log_of_a_function_holds_a_secret,];

/// The log of each function, by its name.
fn logs(harness: &Harness) -> HashMap<String, String> {
    let entries = fs::read_dir(harness.logs()).expect("the folder with the logs");
    let not_ours = ["aws", "gateway", "stripe"];
    let mut logs = HashMap::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if !not_ours.contains(&&*name) {
            logs.insert(name, fs::read_to_string(path).expect("text"));
        }
    }
    logs
}

fn every_request_has_left_one_line_with_its_id_and_status(harness: &Harness) {
    harness.get("/v1/billing/summary", &harness.account("fresh").keys.read, &[]);
    let mut lines: HashMap<(String, String), Vec<Value>> = HashMap::new();
    for (name, text) in logs(harness) {
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)
                .unwrap_or_else(|_| panic!("{name} has logged what is no JSON: {line}"));
            if let Some(id) = line["request_id"].as_str() {
                lines.entry((name.clone(), id.to_owned())).or_default().push(line);
            }
        }
    }
    for answered in harness.answered().iter() {
        let id = (answered.log.clone(), answered.request_id.clone());
        let found = lines.get(&id).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.len(), 1, "{} {}: {found:?}", answered.log, answered.request_id);
        let line = &found[0];
        assert_eq!(line["status"], answered.status, "{line}");
        let level = if answered.status >= 500 { "ERROR" } else { "INFO" };
        let message = match answered.status {
            _ if answered.replayed => "answered",
            ..400 => "answered",
            400..500 => "refused",
            500.. => "failed",
        };
        assert_eq!((&line["level"], &line["message"]), (&level.into(), &message.into()), "{line}");
        let has_caller = line["account"].as_str().is_some_and(|id| id.starts_with("acc_"));
        assert!(has_caller || answered.status >= 400, "{line}");
    }
}

fn no_log_of_a_function_holds_a_secret(harness: &Harness) {
    let (secrets, private) = (harness.secrets(), harness.private());
    assert!(secrets.iter().all(|secret| secret.len() > 10), "short ones are found anywhere");
    for (name, log) in logs(harness) {
        assert!(name.starts_with("lone-") || !log.is_empty(), "{name} has logged nothing");
        for secret in secrets.iter().chain(private.iter()) {
            // Not the line itself, which would only spread it.
            assert!(
                !log.contains(secret.as_str()),
                "{name} has logged a secret, {}…",
                &secret[..8]
            );
        }
    }
}
