//! Clocks: quotes age, signatures expire and periods begin by them.

use aws_config::SdkConfig;
use hyper::Method;
use secrecy::ExposeSecret as _;
use stripe_client_core::VERSION;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::http::{self, Answer};
use super::keys::Keys;
use super::report::Report;
use crate::error::Result;
use crate::stripe;

/// Half a minute is noticed in a quote of 15 minutes; at five minutes AWS refuses signatures.
const NOTICEABLE: i64 = 30;
const TOO_MUCH: i64 = 240;

const ADVICE: &str = "set this machine's clock by the network (NTP)";

/// Stripe's clock, and whether it speaks the version that every request of ours names.
pub(super) async fn stripe(keys: &Keys, report: &mut Report) -> Result<()> {
    let url = format!("{}v1/products?limit=1", stripe::base()?);
    let key = keys.read.as_ref().or(keys.write.as_ref());
    let bearer = key.map(|key| format!("Bearer {}", key.secret_key.expose_secret()));
    let mut headers = vec![("stripe-version", VERSION.as_str())];
    // Without a key Stripe refuses, and says what we want to know all the same.
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let answer = http::send(Method::GET, &url, &headers).await;
    match &answer {
        Ok(answer) => skew("clock.stripe", "Stripe", answer, report),
        Err(reason) => {
            let advice = "check STRIPE_API_BASE and the network";
            report.fail("clock.stripe", format!("Stripe does not answer: {reason}"), advice);
        }
    }
    version(answer.as_ref().ok().and_then(|answer| answer.header("stripe-version")), report);
    Ok(())
}

fn version(spoken: Option<&str>, report: &mut Report) {
    const CHECK: &str = "stripe.version";
    let pinned = VERSION.as_str();
    match spoken {
        Some(version) if version == pinned => report.pass(CHECK, pinned),
        Some(other) => report.fail(
            CHECK,
            format!("we ask for {pinned}, Stripe answers in {other}"),
            "see in Stripe's changelog whether it still has that version, and update this software",
        ),
        None => report.warn(
            CHECK,
            "Stripe does not say which version it answers in",
            "see that STRIPE_API_BASE leads to Stripe, and nothing in between takes headers away",
        ),
    }
}

/// DynamoDB's, which says it to anyone.
pub(super) async fn amazon(sdk: &SdkConfig, report: &mut Report) {
    const CHECK: &str = "clock.aws";
    let region = sdk.region().map_or("", |region| region.as_ref());
    let public = || format!("https://dynamodb.{region}.amazonaws.com");
    let url = sdk.endpoint_url().map_or_else(public, str::to_owned);
    match http::send(Method::GET, &url, &[]).await {
        Ok(answer) => skew(CHECK, "AWS", &answer, report),
        Err(reason) => {
            let advice = "check AWS_REGION, AWS_ENDPOINT_URL and the network";
            report.warn(CHECK, format!("{url} does not say the time: {reason}"), advice);
        }
    }
}

fn skew(check: &'static str, whose: &str, answer: &Answer, report: &mut Report) {
    let date = answer.header("date").and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    let Some(date) = date else {
        return report.warn(check, format!("{whose} does not say the time"), ADVICE);
    };
    judge(check, whose, (OffsetDateTime::now_utc() - date).whole_seconds(), report);
}

fn judge(check: &'static str, whose: &str, ahead: i64, report: &mut Report) {
    let found = match ahead {
        0 => format!("the same as {whose}'s"),
        1.. => format!("{ahead} s ahead of {whose}'s"),
        _ => format!("{} s behind {whose}'s", -ahead),
    };
    match ahead.abs() {
        ..NOTICEABLE => report.pass(check, found),
        NOTICEABLE..TOO_MUCH => report.warn(check, found, ADVICE),
        _ => report.fail(check, found, ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn a_clock_may_be_off_by_seconds_and_not_by_minutes() {
        for (ahead, verdict, words) in [
            (0, Verdict::Pass, "the same"),
            (-2, Verdict::Pass, "2 s behind"),
            (29, Verdict::Pass, "29 s ahead"),
            (30, Verdict::Warn, "30 s ahead"),
            (-239, Verdict::Warn, "behind"),
            (240, Verdict::Fail, "ahead"),
            (-86_400, Verdict::Fail, "86400 s behind"),
        ] {
            let mut report = Report::default();
            judge("clock.stripe", "Stripe", ahead, &mut report);
            let line = &report.lines()[0];
            assert!(line.verdict == verdict && line.found.contains(words), "{ahead}: {line:?}");
        }
    }

    #[test]
    fn only_the_pinned_version_passes() {
        let pinned = VERSION.as_str();
        for (spoken, verdict) in [
            (Some(pinned), Verdict::Pass),
            (Some("2020-08-27"), Verdict::Fail),
            (None, Verdict::Warn),
        ] {
            let mut report = Report::default();
            version(spoken, &mut report);
            assert_eq!(report.lines()[0].verdict, verdict, "{spoken:?}");
        }
    }
}
