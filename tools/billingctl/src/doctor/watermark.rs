//! Checks that `follow` follows Stripe's events.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use shared::aws::table::{Table, TableError, Watermark};
use time::OffsetDateTime;

use super::report::Report;
use super::settings::Settings;

const CHECK: &str = "follow.watermark";

/// Largest age in seconds that passes, as in the alarm `watermark-old`.
const MAX_AGE: i64 = 300;

const READ_THE_LOG: &str = "read the log /aws/lambda/<stack>-follow, and check that the rule of its schedule is enabled; docs/operating.md#watermark-old has the steps";

const DEPLOY: &str = "deploy the stack, store Stripe's keys and wait two minutes; if nothing changes, read the log /aws/lambda/<stack>-follow";

/// Checks the age of the watermark.
pub(super) async fn check(sdk: &SdkConfig, settings: &Settings, report: &mut Report) {
    let table = Table::new(Client::new(sdk), settings.table.clone());
    let now = OffsetDateTime::now_utc().unix_timestamp();
    check_age(table.watermark().await, now, report);
}

fn check_age(watermark: Result<Watermark, TableError>, now: i64, report: &mut Report) {
    let followed_to = match watermark {
        Ok(watermark) => watermark.followed_to,
        Err(TableError::Unreachable(_)) => {
            let advice = "see aws.permissions: your role needs dynamodb:GetItem on the table";
            return report.fail(CHECK, "the watermark could not be read", advice);
        }
        Err(error) => {
            let advice = "GETs read Stripe meanwhile; report it as a bug with this text, and do not delete the item";
            return report.fail(CHECK, error.to_string(), advice);
        }
    };
    match followed_to.map(|time| (now - time).max(0)) {
        None => report.fail(CHECK, "follow has never run", DEPLOY),
        Some(age @ ..=MAX_AGE) => report.pass(CHECK, format!("{age} s old")),
        Some(age) => {
            let found = format!(
                "{age} s old, so every read takes calls to Stripe; it is at most {MAX_AGE} s old while follow runs"
            );
            report.fail(CHECK, found, READ_THE_LOG);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn watermark_passes_up_to_five_minutes() {
        let at = |time| Ok(Watermark { followed_to: Some(time), epoch: 1 });
        let malformed = TableError::Malformed { kind: "watermark", reason: "no".to_owned() };
        for (watermark, verdict, words) in [
            (at(1_000), Verdict::Pass, "0 s old"),
            (at(1_007), Verdict::Pass, "0 s old"),
            (at(700), Verdict::Pass, "300 s old"),
            (at(699), Verdict::Fail, "301 s old"),
            (Ok(Watermark::default()), Verdict::Fail, "never run"),
            (Err(TableError::Unreachable("a long text".to_owned())), Verdict::Fail, "not be read"),
            (Err(malformed), Verdict::Fail, "a malformed watermark item"),
        ] {
            let mut report = Report::default();
            check_age(watermark, 1_000, &mut report);
            let line = &report.lines()[0];
            assert!(line.verdict == verdict && line.found.contains(words), "{words}: {line:?}");
            assert!(!line.found.contains("a long text"), "{line:?}");
        }
    }
}
