//! Structured logs: one JSON object a line, on standard output, which is where Lambda reads them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. `AWS_LAMBDA_LOG_LEVEL` sets our own level, `info` by default. That of the
/// libraries stays at `warn`: at finer levels they write out whole requests, keys included.
pub fn init() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("shared", level.unwrap_or(LevelFilter::INFO))
        // Who changed what is written down whatever the level.
        .with_target("audit", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // Fails only if logging was started before, and then it works.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}
