//! Compares this machine's clock with Stripe's and AWS's. Quotes, signatures and billing periods depend
//! on it.

use aws_config::SdkConfig;
use hyper::Method;
use secrecy::ExposeSecret as _;
use stripe_client_core::VERSION;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::http::{self, Response};
use super::report::Report;
use super::secrets::StackKeys;
use crate::error::Result;
use crate::stripe;

/// Skew in seconds that gives a warning: it matters for a quote of 15 minutes.
const WARN_FROM: i64 = 30;
/// Skew in seconds that fails: AWS refuses signatures from five minutes on.
const FAIL_FROM: i64 = 240;

const ADVICE: &str = "synchronize this machine's clock over the network (NTP)";

/// Checks Stripe's clock and the API version of its responses.
pub(super) async fn check_stripe(keys: &StackKeys, report: &mut Report) -> Result<()> {
    let url = format!("{}v1/products?limit=1", stripe::api_base()?);
    let key = keys.read.as_ref().or(keys.write.as_ref());
    let bearer = key.map(|key| format!("Bearer {}", key.secret_key.expose_secret()));
    let mut headers = vec![("stripe-version", VERSION.as_str())];
    // Stripe refuses a request without a key, and its response has the same headers.
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let response = http::send(Method::GET, &url, &headers).await;
    match &response {
        Ok(response) => {
            check_date("clock.stripe", "Stripe", response, report);
            check_version(response.header("stripe-version"), report);
        }
        Err(reason) => {
            let advice = "check STRIPE_API_BASE and the network; if both are right, see https://status.stripe.com";
            report.fail("clock.stripe", format!("Stripe does not respond: {reason}"), advice);
            report.skip("stripe.version", "not checked", "fix clock.stripe first");
        }
    }
    Ok(())
}

fn check_version(version: Option<&str>, report: &mut Report) {
    const CHECK: &str = "stripe.version";
    let pinned = VERSION.as_str();
    match version {
        Some(version) if version == pinned => report.pass(CHECK, pinned),
        Some(other) => report.fail(
            CHECK,
            format!("requests name {pinned}, and Stripe responds in {other}"),
            "look up in Stripe's changelog whether it still supports the requested version, and update this software",
        ),
        None => report.warn(
            CHECK,
            "Stripe's response has no API version",
            "check that STRIPE_API_BASE is Stripe's and that no proxy removes headers",
        ),
    }
}

/// Checks AWS's clock, by a response of DynamoDB, which needs no credentials.
pub(super) async fn check_aws(sdk: &SdkConfig, report: &mut Report) {
    const CHECK: &str = "clock.aws";
    let region = sdk.region().map_or("", |region| region.as_ref());
    let public = || format!("https://dynamodb.{region}.amazonaws.com");
    let url = sdk.endpoint_url().map_or_else(public, str::to_owned);
    match http::send(Method::GET, &url, &[]).await {
        Ok(response) => check_date(CHECK, "AWS", &response, report),
        Err(reason) => {
            let advice = "check AWS_REGION, AWS_ENDPOINT_URL and the network";
            report.warn(CHECK, format!("{url} does not respond: {reason}"), advice);
        }
    }
}

fn check_date(check: &'static str, whose: &str, response: &Response, report: &mut Report) {
    let date = response.header("date").and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
    let Some(date) = date else {
        return report.warn(
            check,
            format!("the response of {whose} has no date"),
            "check the network and proxies",
        );
    };
    check_skew(check, whose, (OffsetDateTime::now_utc() - date).whole_seconds(), report);
}

fn check_skew(check: &'static str, whose: &str, ahead: i64, report: &mut Report) {
    let found = match ahead {
        0 => format!("the same as {whose}'s clock"),
        1.. => format!("{ahead} s ahead of {whose}'s clock"),
        _ => format!("{} s behind {whose}'s clock", -ahead),
    };
    match ahead.abs() {
        ..WARN_FROM => report.pass(check, found),
        WARN_FROM..FAIL_FROM => report.warn(check, found, ADVICE),
        _ => report.fail(check, found, ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn skew_of_seconds_passes_and_of_minutes_fails() {
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
            check_skew("clock.stripe", "Stripe", ahead, &mut report);
            let line = &report.lines()[0];
            assert!(line.verdict == verdict && line.found.contains(words), "{ahead}: {line:?}");
        }
    }

    #[test]
    fn only_the_pinned_version_passes() {
        let pinned = VERSION.as_str();
        for (version, verdict) in [
            (Some(pinned), Verdict::Pass),
            (Some("2020-08-27"), Verdict::Fail),
            (None, Verdict::Warn),
        ] {
            let mut report = Report::default();
            check_version(version, &mut report);
            assert_eq!(report.lines()[0].verdict, verdict, "{version:?}");
        }
    }
}
