//! The loop that every function's `main` runs.
//!
//! A handler's error never reaches the Lambda runtime. The caller gets a response of the contract before
//! Lambda's timeout ends the function.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{LambdaEvent, service_fn};
use tokio::time::timeout_at;

use super::app::App;
use super::call::Call;
use super::log::{self, LogLine};
use crate::api::error::ApiError;
use crate::api::event::{Incoming, response};
use crate::api::query::Query;
use crate::api::reply::Reply;
use crate::api::timing::Timings;
use crate::stripe::{CallLog, Stripe};
use crate::values::Scope;

/// Responds to requests for as long as Lambda sends them. `scope` is the scope that the route needs.
///
/// # Errors
/// Only before the first request: incomplete settings, or no Lambda runtime.
pub async fn serve<H, F>(scope: Scope, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Call) -> F + Copy + Send + Sync,
    F: Future<Output = Result<Reply, ApiError>> + Send,
{
    log::init();
    let app = Box::pin(App::from_env())
        .await
        .inspect_err(|error| tracing::error!("the function cannot start: {error}"))?;
    let app = Arc::new(app);
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let app = Arc::clone(&app);
        async move { Ok::<_, std::convert::Infallible>(answer(app, scope, event, handler).await) }
    }))
    .await
}

/// Responds to one event of API Gateway.
pub async fn answer<H, F>(
    app: Arc<App>,
    scope: Scope,
    event: LambdaEvent<ApiGatewayV2httpRequest>,
    handler: H,
) -> ApiGatewayV2httpResponse
where
    H: Fn(Call) -> F,
    F: Future<Output = Result<Reply, ApiError>>,
{
    let timings = Timings::start();
    let incoming = Incoming::of(event);
    let stripe_log = Arc::new(CallLog::default());
    let key_hash = Arc::new(OnceLock::new());
    let mut line = LogLine::new(&incoming);
    let (request_id, deadline) = (incoming.request_id.clone(), incoming.deadline);
    // Boxed: the future is large, and so would be every future around it.
    let work = Box::pin(async {
        let authenticated =
            app.authenticator.authenticate(&incoming.headers, scope, &app.stripe_secret).await;
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
            incoming,
            key_hash: Arc::clone(&key_hash),
            app: Arc::clone(&app),
        };
        let (outcome, ()) = tokio::join!(handler(call), app.authenticator.record_use(key_use));
        outcome
    });
    let outcome = timeout_at(deadline, work).await.unwrap_or(Err(ApiError::Timeout));
    line.write(&outcome, &timings, &stripe_log, key_hash.get());
    if let Some(metrics) = &app.metrics {
        metrics.write(&outcome, &timings, &stripe_log);
    }
    let reply = outcome.unwrap_or_else(|error| Reply::of_error(&error, &request_id));
    response(reply, &request_id, &timings.header(&stripe_log))
}
