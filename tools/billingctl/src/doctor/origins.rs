//! Checks the allowed origins of return URLs.

use shared::api::urls::Origins;
use shared::values::Mode;

use super::report::Report;
use super::settings::Settings;

const CHECK: &str = "origins";

/// Checks the origins of the stack.
pub(super) fn check(settings: &Settings, mode: Option<Mode>, report: &mut Report) {
    let Some(list) = &settings.allowed_origins else {
        let advice = "use --stack with the stack's description, or set ALLOWED_ORIGINS as deployed";
        return report.skip(CHECK, "the allowed origins are unknown", advice);
    };
    check_list(list, mode, report);
}

/// Returns the entries of the setting, which are separated by commas.
pub(super) fn entries(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

fn check_list(list: &str, mode: Option<Mode>, report: &mut Report) {
    let entries = entries(list);
    let invalid: Vec<&str> =
        entries.iter().copied().filter(|entry| Origins::parse(entry).is_none()).collect();
    let local: Vec<&str> =
        entries.iter().copied().filter(|entry| entry.starts_with("http://")).collect();
    let deploy =
        "deploy with AllowedOrigins=https://console.example.com, several separated by commas";
    if entries.is_empty() {
        report.warn(CHECK, "no origin is allowed, so every checkout fails", deploy);
    } else if !invalid.is_empty() {
        let found = format!(
            "{} is not an origin: https and a host, without a path or *",
            invalid.join(", ")
        );
        report.fail(CHECK, found, deploy);
    } else if mode == Some(Mode::Live) && !local.is_empty() {
        let advice = "remove it from AllowedOrigins: live customers would be redirected to their own machine";
        report.warn(CHECK, format!("{} in live mode", local.join(", ")), advice);
    } else {
        report.pass(CHECK, entries.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn origin_is_https_and_a_host() {
        let live = Some(Mode::Live);
        for (list, mode, verdict) in [
            ("https://console.example.com", live, Verdict::Pass),
            ("https://a.example, https://b.example:8443", live, Verdict::Pass),
            ("http://localhost:3000", Some(Mode::Test), Verdict::Pass),
            ("http://localhost:3000", live, Verdict::Warn),
            ("", live, Verdict::Warn),
            ("http://console.example.com", live, Verdict::Fail),
            ("https://console.example.com/billing", live, Verdict::Fail),
            ("https://*.example.com/", live, Verdict::Fail),
            ("*", live, Verdict::Fail),
        ] {
            let mut report = Report::default();
            check_list(list, mode, &mut report);
            assert_eq!(report.lines()[0].verdict, verdict, "{list}");
        }
    }
}
