//! The one `serve` that every function's `main` calls.
//!
//! It never gives an error to the Lambda runtime: whatever happens, the caller gets an answer in
//! the contract's form, before Lambda's own time-out would cut us off.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_http::http::request::Parts;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, Response, service_fn};
use tokio::time::{Instant, timeout_at};

use crate::auth::{Authenticator, Caller, Scope};
use crate::config::Config;
use crate::respond::{ApiError, Cause, Reply, Timings, response};
use crate::secrets::{Pepper, Secrets};
use crate::store::Store;
use crate::stripe::{Stripe, Transport};
use crate::{aws, telemetry};

/// How long before Lambda's own deadline we answer `timeout`: long enough to write it out.
const MARGIN: Duration = Duration::from_millis(300);

/// The time for a request where Lambda names none; API Gateway waits for 30 s.
const LONGEST: Duration = Duration::from_secs(29);

/// What is made once a cold start and serves every request.
pub struct App {
    config: Config,
    auth: Authenticator,
    secrets: Arc<Secrets>,
    stripe: Arc<Transport>,
}

impl App {
    /// Reads the configuration and makes the clients.
    ///
    /// # Errors
    /// If the configuration is incomplete. Secrets that cannot be read are read again at each request.
    pub async fn from_env() -> Result<Self, lambda_http::Error> {
        let config = Config::from_env()?;
        let sdk = aws::sdk_config().await;
        let secrets = Secrets::new(
            aws_sdk_secretsmanager::Client::new(&sdk),
            config.stripe_secret_id.clone(),
            config.pepper_secret_id.clone(),
        );
        let (stripe, pepper) = tokio::join!(secrets.stripe(), secrets.pepper());
        for error in [stripe.err(), pepper.err()].into_iter().flatten() {
            tracing::error!("not ready yet: {error}");
        }
        Ok(Self {
            auth: Authenticator::new(Store::new(
                aws_sdk_dynamodb::Client::new(&sdk),
                config.table.clone(),
            )),
            stripe: Arc::new(Transport::new(config.stripe_base.clone())),
            secrets: Arc::new(secrets),
            config,
        })
    }
}

/// One authenticated request, as a handler gets it.
pub struct Call {
    /// Who is asking, and for which account.
    pub caller: Caller,
    /// The query parameters.
    pub query: Query,
    /// Stripe, within the time that is left.
    pub stripe: Stripe,
    app: Arc<App>,
}

impl Call {
    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// The key that tokens are sealed with.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn pepper(&self) -> Result<Pepper, ApiError> {
        self.app.secrets.pepper().await.map_err(|error| ApiError::Unavailable(Cause::from(error)))
    }

    /// Stripe's publishable key, if the secret holds one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn publishable_key(&self) -> Result<Option<String>, ApiError> {
        let keys = self.app.secrets.stripe().await;
        keys.map(|keys| keys.publishable_key.clone())
            .map_err(|error| ApiError::Unavailable(Cause::from(error)))
    }

    /// The account's Stripe customer, if it has one.
    #[must_use]
    pub fn customer(&self) -> Option<&str> {
        self.caller.account.customer.as_deref()
    }
}

/// Query parameters, decoded, in order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `a=1&b=2`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Refuses every parameter that is not in `known`, and any that is given twice.
    ///
    /// # Errors
    /// `validation`, naming the parameter and what may be given.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(ApiError::validation(
                    name,
                    format!("There is no query parameter \"{name}\" here. Known are: {known}."),
                ));
            }
            if self.0[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(ApiError::validation(
                    name,
                    format!("The query parameter \"{name}\" is given twice; give it once."),
                ));
            }
        }
        Ok(())
    }

    /// The parameter's value, if it is given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Answers requests for as long as Lambda sends them. `scope` is what a key needs for this route.
///
/// # Errors
/// Only before the first request: if the configuration is incomplete or there is no Lambda runtime.
pub async fn serve<H, F>(scope: Scope, handler: H) -> Result<(), lambda_http::Error>
where
    H: Fn(Call) -> F + Copy + Send + Sync,
    F: Future<Output = Result<Reply, ApiError>> + Send,
{
    telemetry::init();
    let app =
        App::from_env().await.inspect_err(|error| tracing::error!("cannot start: {error}"))?;
    let app = Arc::new(app);
    lambda_http::run(service_fn(|request: Request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, std::convert::Infallible>(answer(app, scope, request, handler).await) }
    }))
    .await
}

async fn answer<H, F>(app: Arc<App>, scope: Scope, request: Request, handler: H) -> Response<Body>
where
    H: Fn(Call) -> F,
    F: Future<Output = Result<Reply, ApiError>>,
{
    let timings = Arc::new(Timings::start());
    let request_id = request_id(&request);
    let deadline = deadline(&request);
    let (head, _body) = request.into_parts();
    let mut line = LogLine::new(&head, &request_id);
    let work = async {
        let caller = app.auth.authenticate(&head.headers, scope, &app.secrets).await;
        timings.auth_done();
        let caller = caller?;
        line.caller(&caller);
        let stripe = Stripe::new(
            Arc::clone(&app.stripe),
            Arc::clone(&app.secrets),
            Arc::clone(&timings),
            deadline,
        );
        let query = Query::parse(head.uri.query().unwrap_or_default());
        handler(Call { caller, query, stripe, app: Arc::clone(&app) }).await
    };
    let outcome = timeout_at(deadline, work).await.unwrap_or(Err(ApiError::Timeout));
    line.write(&outcome, &timings);
    let reply = outcome.unwrap_or_else(|error| error.reply(&request_id));
    response(reply, &request_id, &timings)
}

/// API Gateway's id for the request, or Lambda's where there is no gateway.
fn request_id(request: &Request) -> String {
    let from_gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let from_lambda = || request.lambda_context_ref().map(|context| context.request_id.clone());
    from_gateway.filter(|id| !id.is_empty()).or_else(from_lambda).unwrap_or_default()
}

fn deadline(request: &Request) -> Instant {
    let left = request
        .lambda_context_ref()
        .and_then(|context| context.deadline().duration_since(SystemTime::now()).ok())
        .unwrap_or(LONGEST);
    Instant::now() + left.min(LONGEST).saturating_sub(MARGIN)
}

/// One line a request, written when its answer is known. It has ids, never a key or a body.
struct LogLine {
    request_id: String,
    method: String,
    path: String,
    account: Option<String>,
    key_id: Option<String>,
}

impl LogLine {
    fn new(head: &Parts, request_id: &str) -> Self {
        Self {
            request_id: request_id.to_owned(),
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            account: None,
            key_id: None,
        }
    }

    fn caller(&mut self, caller: &Caller) {
        self.account = Some(caller.account.id.clone());
        self.key_id = Some(caller.key_id.clone());
    }

    fn write(&self, outcome: &Result<Reply, ApiError>, timings: &Timings) {
        let Self { request_id, method, path, .. } = self;
        let (account, key_id) = (Optional(&self.account), Optional(&self.key_id));
        let (duration_ms, stripe_calls) = (timings.total_ms(), timings.stripe_count());
        match outcome {
            Ok(reply) => {
                let status = reply.status.as_u16();
                tracing::info!(request_id, method, path, status, %account, %key_id, duration_ms, stripe_calls, "answered");
            }
            Err(error) => {
                let (status, code) = error.kind();
                let status = status.as_u16();
                let cause = error.cause().map(ToString::to_string).unwrap_or_default();
                if status >= 500 {
                    tracing::error!(request_id, method, path, status, code, %account, %key_id, duration_ms, stripe_calls, cause, "failed");
                } else {
                    tracing::info!(request_id, method, path, status, code, %account, %key_id, duration_ms, stripe_calls, cause, "refused");
                }
            }
        }
    }
}

/// A value, or `-` in its place.
struct Optional<'a>(&'a Option<String>);

impl fmt::Display for Optional<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_query_parameters_are_refused_by_name() {
        let cases = [
            ("", None),
            ("limit=1", None),
            ("limit=1&cursor=", None),
            ("limit=1&limit=2", Some("limit")),
            ("page=2", Some("page")),
            ("li%6dit=1", None),
            ("%00=1", Some("\0")),
        ];
        for (text, field) in cases {
            let refused = Query::parse(text).only(&["limit", "cursor"]).err();
            let named = refused.map(|error| match error {
                ApiError::Validation { field, .. } => field,
                other => panic!("{other}"),
            });
            assert_eq!(named.as_deref(), field, "{text}");
        }
    }

    #[test]
    fn values_are_decoded() {
        let query = Query::parse("status=past%20due&cursor=a+b");
        assert_eq!(
            (query.get("status"), query.get("cursor"), query.get("limit")),
            (Some("past due"), Some("a b"), None)
        );
    }
}
