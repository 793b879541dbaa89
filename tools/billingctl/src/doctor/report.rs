//! Results of the checks, and the advice for those that did not pass.

use std::fmt::Write as _;

use anstyle::Style;
use serde::Serialize;
use serde_json::{Value, json};

use crate::output::{GREEN, RED, YELLOW, styled};

/// Result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Pass,
    Warn,
    Fail,
    Skipped,
}

impl Verdict {
    fn style(self) -> Style {
        match self {
            Self::Pass => GREEN,
            Self::Warn => YELLOW,
            Self::Fail => RED,
            Self::Skipped => Style::new().dimmed(),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    /// The operator's next step; null if the check passed.
    pub(super) advice: Option<String>,
}

/// All checks in their order.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Line>);

impl Report {
    pub(super) fn pass(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Verdict::Pass, found.into(), None);
    }

    pub(super) fn warn(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Verdict::Warn, found.into(), Some(advice.into()));
    }

    pub(super) fn fail(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Verdict::Fail, found.into(), Some(advice.into()));
    }

    pub(super) fn skip(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(check, Verdict::Skipped, found.into(), Some(advice.into()));
    }

    /// Adds a check that passes if `holds`, else fails.
    pub(super) fn expect(
        &mut self,
        check: &'static str,
        holds: bool,
        found: impl Into<String>,
        advice: &str,
    ) {
        if holds { self.pass(check, found) } else { self.fail(check, found, advice) }
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        found: String,
        advice: Option<String>,
    ) {
        self.0.push(Line { check, verdict, found, advice });
    }

    #[cfg(test)]
    pub(super) fn lines(&self) -> &[Line] {
        &self.0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|line| line.verdict == verdict).count()
    }

    /// Returns whether the command exits with 0.
    pub(super) fn passes(&self, strict: bool) -> bool {
        self.count(Verdict::Fail) == 0 && !(strict && self.count(Verdict::Warn) > 0)
    }

    pub(super) fn json(&self) -> Value {
        json!({ "passed": self.passes(false), "checks": self.0 })
    }

    pub(super) fn text(&self) -> String {
        let width = self.0.iter().map(|line| line.check.len()).max().unwrap_or_default();
        let mut text = String::new();
        for line in &self.0 {
            let verdict = styled(format_args!("{:7}", line.verdict.as_str()), line.verdict.style());
            let _ = writeln!(text, "{verdict}  {:width$}  {}", line.check, line.found);
            if let Some(advice) = &line.advice {
                let _ = writeln!(text, "{:indent$}→ {advice}", "", indent = 9 + width + 2);
            }
        }
        let [pass, warn, fail, skipped] =
            [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Skipped]
                .map(|one| self.count(one));
        let _ = write!(text, "\n{pass} passed, {warn} warnings, {fail} failed, {skipped} skipped");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_fails_only_with_strict() {
        let report = |lines: &[Verdict]| {
            let mut report = Report::default();
            for verdict in lines {
                report.add("a.b", *verdict, String::new(), None);
            }
            report
        };
        for (lines, plain, strict) in [
            (&[Verdict::Pass, Verdict::Skipped][..], true, true),
            (&[Verdict::Pass, Verdict::Warn], true, false),
            (&[Verdict::Pass, Verdict::Fail], false, false),
            (&[], true, true),
        ] {
            let report = report(lines);
            assert_eq!((report.passes(false), report.passes(true)), (plain, strict), "{lines:?}");
        }
    }

    #[test]
    fn advice_is_printed_below_the_check() {
        let mut report = Report::default();
        report.pass("table.keys", "pk and sk");
        report.fail("table.ttl", "off", "turn it on");
        assert_eq!(
            anstream::adapter::strip_str(&report.text()).to_string(),
            "pass     table.keys  pk and sk\nfail     table.ttl   off\n                     → turn it on\n\n1 passed, 0 warnings, 1 failed, 0 skipped"
        );
    }
}
