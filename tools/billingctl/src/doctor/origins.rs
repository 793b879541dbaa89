//! Where customers may be sent back to.

use shared::auth::Mode;
use shared::urls::Origins;

use super::report::Report;
use super::settings::Settings;

const CHECK: &str = "origins";

pub(super) fn check(settings: &Settings, mode: Option<Mode>, report: &mut Report) {
    let Some(list) = &settings.allowed_origins else {
        let advice = "give the stack's description (--stack), or ALLOWED_ORIGINS as it is deployed";
        return report.skip(CHECK, "it is not known which are allowed", advice);
    };
    judge(list, mode, report);
}

fn judge(list: &str, mode: Option<Mode>, report: &mut Report) {
    let entries: Vec<&str> =
        list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    let wrong: Vec<&str> =
        entries.iter().copied().filter(|entry| Origins::parse(entry).is_none()).collect();
    let local: Vec<&str> =
        entries.iter().copied().filter(|entry| entry.starts_with("http://")).collect();
    let deploy =
        "deploy with AllowedOrigins=https://console.example.com, several with commas between them";
    if entries.is_empty() {
        report.warn(CHECK, "none is allowed: no checkout can begin", deploy);
    } else if !wrong.is_empty() {
        let found =
            format!("{} is no origin: https, a host, and neither a path nor a *", wrong.join(", "));
        report.fail(CHECK, found, deploy);
    } else if mode == Some(Mode::Live) && !local.is_empty() {
        let advice =
            "take it out of AllowedOrigins: whoever has that machine gets live customers sent";
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
    fn origins_are_https_and_nothing_but_origins() {
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
            judge(list, mode, &mut report);
            assert_eq!(report.lines()[0].verdict, verdict, "{list}");
        }
    }
}
