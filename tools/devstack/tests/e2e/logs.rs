//! What is left in the logs after all other cases: one line a request, an audit line where something
//! could be changed, and no secret.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use serde_json::Value;

use crate::cases;
use crate::harness::Harness;
use crate::secrets::Finder;

cases![
    every_request_has_left_one_line_with_its_id_and_status,
    no_log_holds_a_secret_that_was_in_play,
];

/// Every log, by its name.
fn all_logs(harness: &Harness) -> HashMap<String, String> {
    let entries = fs::read_dir(harness.logs()).expect("the folder with the logs");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, String::from_utf8_lossy(&fs::read(path).expect("a log")).into_owned())
    };
    entries.map(read).collect()
}

/// The log of each function, by its name.
fn logs(harness: &Harness) -> HashMap<String, String> {
    let mut logs = all_logs(harness);
    logs.retain(|name, _| !["aws", "gateway", "stripe"].contains(&name.as_str()));
    logs
}

fn every_request_has_left_one_line_with_its_id_and_status(harness: &Harness) {
    harness.get("/v1/billing/summary", &harness.account("fresh").keys.read, &[]);
    let mut lines: HashMap<(String, String), Vec<Value>> = HashMap::new();
    let mut audits: HashMap<(String, String), Vec<Value>> = HashMap::new();
    for (name, text) in logs(harness) {
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)
                .unwrap_or_else(|_| panic!("{name} has logged what is no JSON: {line}"));
            if let Some(id) = line["request_id"].as_str() {
                let kind = match &line {
                    audit if audit["event"] == "audit" => &mut audits,
                    // A warning of something that has gone wrong on the way has no status.
                    warning if warning["level"] == "WARN" && warning["status"].is_null() => {
                        continue;
                    }
                    _ => &mut lines,
                };
                kind.entry((name.clone(), id.to_owned())).or_default().push(line);
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
            ..400 => "answered",
            400..500 => "refused",
            500.. => "failed",
        };
        assert_eq!((&line["level"], &line["message"]), (&level.into(), &message.into()), "{line}");
        assert_eq!(line["replayed"], answered.replayed, "{line}");
        let audited = audits.get(&id).map_or(&[][..], Vec::as_slice);
        assert_eq!(audited.len(), usize::from(line["method"] == "POST"), "{line}: {audited:?}");
        for audit in audited {
            for field in ["status", "account", "key_id", "replayed"] {
                assert_eq!(audit[field], line[field], "{field} in {audit}");
            }
            assert!(answered.status < 400 || audit["code"] == line["code"], "{audit}");
        }
        let has_caller = line["account"].as_str().is_some_and(|id| id.starts_with("acc_"));
        assert!(has_caller || answered.status >= 400, "{line}");
    }
}

/// Those of the functions, of the local stack, and the sandbox's own list of requests. moto's is left
/// out: it writes down the requests that it gets, which name a key by its hash.
fn no_log_holds_a_secret_that_was_in_play(harness: &Harness) {
    let secrets: BTreeSet<String> = harness.secrets().union(&harness.private()).cloned().collect();
    assert!(secrets.len() > 30, "so few are in play even if this case runs by itself");
    let finder = Finder::new(&secrets);
    let mut logs = all_logs(harness);
    logs.remove("aws");
    logs.insert(
        "requests".to_owned(),
        harness.sandbox("GET", "/requests", &Value::Null).to_string(),
    );
    let mut bytes = 0;
    for (name, log) in logs {
        let may_be_empty =
            name.starts_with("lone-") || matches!(name.as_str(), "docs" | "gateway" | "stripe");
        assert!(may_be_empty || !log.is_empty(), "{name} has logged nothing");
        // Not the line itself, which would only spread it.
        let found = finder.find(log.as_bytes()).map(|secret| &secret[..8.min(secret.len() / 2)]);
        assert_eq!(found, None, "{name} has logged a secret that begins so");
        bytes += log.len();
    }
    println!("    {} secrets in {bytes} bytes of logs: none found", secrets.len());
}
