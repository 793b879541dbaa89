//! The logs after all other cases: one line for each request, an audit line for each POST, and no secrets.

use std::collections::{BTreeSet, HashMap};
use std::fs;

use serde_json::Value;

use crate::cases;
use crate::harness::Harness;
use crate::secrets::Finder;

cases![every_request_has_one_log_line_with_its_id_and_status, no_log_contains_a_secret,];

/// Returns every log by its name.
fn all_logs(harness: &Harness) -> HashMap<String, String> {
    let entries = fs::read_dir(harness.logs()).expect("the folder with the logs");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, String::from_utf8_lossy(&fs::read(path).expect("a log")).into_owned())
    };
    entries.map(read).collect()
}

/// Returns the functions' logs by name.
fn logs(harness: &Harness) -> HashMap<String, String> {
    let mut logs = all_logs(harness);
    logs.retain(|name, _| !["moto", "gateway", "stripe"].contains(&name.as_str()));
    logs
}

fn every_request_has_one_log_line_with_its_id_and_status(harness: &Harness) {
    harness.get("/v1/billing/summary", &harness.account("fresh").keys.read, &[]);
    let mut lines: HashMap<(String, String), Vec<Value>> = HashMap::new();
    let mut audits: HashMap<(String, String), Vec<Value>> = HashMap::new();
    for (name, text) in logs(harness) {
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)
                .unwrap_or_else(|_| panic!("{name} has logged a line that is not JSON: {line}"));
            if let Some(id) = line["request_id"].as_str() {
                let kind = match &line {
                    audit if audit["event"] == "audit" => &mut audits,
                    // A line about a failure within a request has no status.
                    within if within["status"].is_null() => continue,
                    _ => &mut lines,
                };
                kind.entry((name.clone(), id.to_owned())).or_default().push(line);
            }
        }
    }
    for recorded in harness.recorded().iter() {
        let id = (recorded.log.clone(), recorded.request_id.clone());
        let found = lines.get(&id).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.len(), 1, "{} {}: {found:?}", recorded.log, recorded.request_id);
        let line = &found[0];
        assert_eq!(line["status"], recorded.status, "{line}");
        let is_stale = line["cache"].as_str().is_some_and(|cache| cache.ends_with("stale"));
        let (level, message) = match recorded.status {
            ..400 if is_stale => ("WARN", "answered from the last known state"),
            ..400 => ("INFO", "answered"),
            400..500 => ("INFO", "refused"),
            500.. => ("ERROR", "failed"),
        };
        assert_eq!((&line["level"], &line["message"]), (&level.into(), &message.into()), "{line}");
        assert_eq!(line["replayed"], recorded.replayed, "{line}");
        let ids = Some(recorded.stripe_request_ids.as_str()).filter(|ids| !ids.is_empty());
        assert_eq!(line["stripe_request_ids"], ids.unwrap_or("-"), "{line}");
        if recorded.status >= 500 {
            for field in ["stripe_request_id", "stripe_type", "stripe_code", "stripe_param"] {
                assert!(line[field].is_string(), "{field} in {line}");
            }
        }
        let audited = audits.get(&id).map_or(&[][..], Vec::as_slice);
        assert_eq!(audited.len(), usize::from(line["method"] != "GET"), "{line}: {audited:?}");
        for audit in audited {
            for field in ["status", "account", "key_id", "replayed"] {
                assert_eq!(audit[field], line[field], "{field} in {audit}");
            }
            assert!(recorded.status < 400 || audit["code"] == line["code"], "{audit}");
        }
        let has_caller = line["account"].as_str().is_some_and(|id| id.starts_with("acc_"));
        assert!(has_caller || recorded.status >= 400, "{line}");
    }
}

/// Searches all logs and the sandbox's list of requests.
fn no_log_contains_a_secret(harness: &Harness) {
    let secrets: BTreeSet<String> = harness.secrets().union(&harness.private()).cloned().collect();
    assert!(secrets.len() > 30, "even a single case uses more secrets");
    let finder = Finder::new(&secrets);
    let mut logs = all_logs(harness);
    logs.insert(
        "requests".to_owned(),
        harness.sandbox("GET", "/requests", &Value::Null).to_string(),
    );
    let mut bytes = 0;
    for (name, log) in logs {
        let may_be_empty =
            name.starts_with("process-") || matches!(name.as_str(), "docs" | "gateway" | "stripe");
        assert!(may_be_empty || !log.is_empty(), "{name} has logged nothing");
        // Prints only the beginning of the secret.
        let found = finder.find(log.as_bytes()).map(|secret| &secret[..8.min(secret.len() / 2)]);
        assert_eq!(found, None, "{name} has logged a secret that begins with this");
        bytes += log.len();
    }
    println!("    {} secrets in {bytes} bytes of logs: none found", secrets.len());
}
