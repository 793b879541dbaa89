//! The loop of a function that a schedule invokes.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::app::App;
use super::serve::start;

/// Longest duration of an invocation.
const MAX_DURATION: Duration = Duration::from_mins(15);

/// Runs `work` for each invocation, until its deadline at most.
///
/// # Errors
/// Only before the first invocation: incomplete settings, or no Lambda runtime.
pub async fn serve_schedule<W, F>(work: W) -> Result<(), lambda_http::Error>
where
    W: Fn(Arc<App>, Instant) -> F + Copy + Send + Sync,
    F: Future<Output = ()> + Send,
{
    let app = start().await?;
    let service = service_fn(|event: LambdaEvent<IgnoredAny>| {
        let app = Arc::clone(&app);
        let left = event.context.deadline().duration_since(SystemTime::now());
        // cargo-lambda sends a deadline that has passed.
        let deadline = Instant::now() + left.unwrap_or(MAX_DURATION).min(MAX_DURATION);
        async move {
            work(app, deadline).await;
            Ok::<_, std::convert::Infallible>(())
        }
    });
    Runtime::new(service).run().await
}
