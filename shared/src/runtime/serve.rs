//! The loop that every function's `main` runs.
//!
//! A handler's error never reaches the Lambda runtime. The caller gets a response of the contract before
//! Lambda's timeout ends the function.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde_json::Value;
use tokio::time::timeout_at;

use super::app::App;
use super::call::Call;
use super::config::ConfigError;
use super::log::{self, LogLine};
use super::respond::{read, write};
use super::route::Route;
use crate::api::error::ApiError;
use crate::api::event::{HttpResponse, Incoming, response};
use crate::api::query::Query;
use crate::api::reply::Reply;
use crate::api::timing::Timings;
use crate::stripe::{CallLog, Stripe};

/// Responds to requests of `route` for as long as Lambda sends them.
///
/// # Errors
/// Only before the first request: incomplete settings, or no Lambda runtime.
pub async fn serve<H, F>(route: Route, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Call) -> F + Copy + Send + Sync,
    F: Future<Output = Result<Reply, ApiError>> + Send,
{
    let app = start().await?;
    let service = service_fn(|event: LambdaEvent<String>| {
        let app = Arc::clone(&app);
        async move { Ok::<_, std::convert::Infallible>(answer(app, route, event, handler).await) }
    });
    Runtime::new(service).layer(MapRequestLayer::new(as_text)).run().await
}

/// Starts logging, and creates the settings and clients.
///
/// # Errors
/// Incomplete settings, which are logged.
pub(super) async fn start() -> Result<Arc<App>, ConfigError> {
    log::init();
    let app = Box::pin(App::from_env()).await;
    let app = app.inspect_err(|error| tracing::error!("the function cannot start: {error}"))?;
    Ok(Arc::new(app))
}

/// Turns an event into a JSON string, which the Lambda runtime can always deserialize. It reports an event
/// that it cannot deserialize to Lambda, and logs a part of it.
fn as_text(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let text = String::from_utf8_lossy(&invocation.body).into_owned();
    invocation.body = Value::String(text).to_string().into();
    invocation
}

/// Responds to one event, whatever its form.
pub async fn answer<H, F>(
    app: Arc<App>,
    route: Route,
    event: LambdaEvent<String>,
    handler: H,
) -> HttpResponse
where
    H: Fn(Call) -> F,
    F: Future<Output = Result<Reply, ApiError>>,
{
    let timings = Timings::start();
    let (incoming, checked) = Incoming::of(event);
    let stripe_log = Arc::new(CallLog::default());
    let key_hash = Arc::new(OnceLock::new());
    let mut line = LogLine::new(&incoming);
    let (request_id, deadline) = (incoming.request_id.clone(), incoming.deadline);
    // Boxed: the future is large, and so would be every future around it.
    let work = Box::pin(async {
        checked?;
        let authenticated = app
            .authenticator
            .authenticate(&incoming.headers, route.scope, &app.stripe_secret)
            .await;
        timings.auth_done();
        let (caller, key_use) = authenticated?;
        line.set_caller(&caller);
        let call = Call {
            caller,
            query: Query::parse(&incoming.query),
            stripe: Stripe::new(
                Arc::clone(&app.transport),
                Arc::clone(&app.stripe_secret),
                Arc::clone(&stripe_log),
                deadline,
            ),
            incoming: Arc::new(incoming),
            key_hash: Arc::clone(&key_hash),
            app: Arc::clone(&app),
        };
        let respond = async {
            match route.stored_as {
                Some(name) => read(call, name, route.priority, handler).await,
                None => write(call, route.priority, handler).await,
            }
        };
        let (outcome, ()) = tokio::join!(respond, app.authenticator.record_use(key_use));
        outcome
    });
    let outcome = timeout_at(deadline, work).await.unwrap_or(Err(ApiError::Timeout));
    line.write(&outcome, &timings, &stripe_log, key_hash.get());
    if let Some(metrics) = &app.metrics {
        metrics.write(&outcome, &timings, &stripe_log);
    }
    let reply = outcome.unwrap_or_else(|error| Reply::of_error(&error, &request_id));
    response(reply, &request_id, &timings.header(&stripe_log), &stripe_log.request_ids())
}
