//! The one `serve` that every function's `main` calls.
//!
//! It never gives an error to the Lambda runtime: whatever happens, the caller gets an answer in
//! the contract's form, before Lambda's own time-out would cut us off.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{LambdaEvent, service_fn};
use tokio::time::{timeout, timeout_at};

use crate::audit::Trail;
use crate::auth::{Authenticator, Caller, Scope, Throttle};
use crate::config::Config;
use crate::gateway::{Incoming, response};
use crate::hints::Hints;
use crate::https::Https;
use crate::idempotency::{self, Claim, Operation, Records};
use crate::log_line::LogLine;
use crate::metrics::Metrics;
use crate::query::Query;
use crate::request::Fields;
use crate::respond::{ApiError, Reply, Timestamp, Timings};
use crate::secrets::{Pepper, Peppers, Secrets};
use crate::stamp::Stamp;
use crate::store::Store;
use crate::stripe::{Stripe, Transport};
use crate::{aws, telemetry};

/// How long a cold start waits for connections. They are opened while there is a whole processor to
/// do it with, and the secrets have to be waited for anyway; the first request can do without.
const CONNECT: Duration = Duration::from_millis(300);

/// What is made once a cold start and serves every request.
pub struct App {
    config: Config,
    auth: Authenticator,
    throttle: Throttle,
    table: Store,
    records: Records,
    secrets: Arc<Secrets>,
    stripe: Arc<Transport>,
    hints: Hints,
    metrics: Metrics,
}

impl App {
    /// Reads the configuration and makes the clients.
    ///
    /// # Errors
    /// If the configuration is incomplete. Secrets that cannot be read are read again at each request.
    pub async fn from_env() -> Result<Self, lambda_http::Error> {
        let config = Config::from_env()?;
        let https = Https::new();
        let sdk = aws::of_lambda(&https).await;
        let transport = Transport::new(https, config.stripe_base.clone());
        let app = Box::pin(Self::start(config, &sdk, transport)).await;
        Ok(Self { metrics: Metrics::from_env(), ..app })
    }

    /// The same with what is given: `sdk` leads to AWS, `transport` to Stripe. Writes no metrics.
    pub async fn start(config: Config, sdk: &SdkConfig, transport: Transport) -> Self {
        let secrets = Secrets::new(
            aws_sdk_secretsmanager::Client::new(sdk),
            config.stripe_secret_id.clone(),
            config.pepper_secret_id.clone(),
        );
        let dynamodb = aws_sdk_dynamodb::Client::new(sdk);
        let table = Store::new(dynamodb.clone(), config.table.clone());
        let connections = async { tokio::join!(table.connect(), transport.connect()) };
        let (stripe, pepper, _) =
            tokio::join!(secrets.stripe(), secrets.peppers(), timeout(CONNECT, connections));
        for error in [stripe.err(), pepper.err()].into_iter().flatten() {
            tracing::error!("not ready yet: {error}");
        }
        Self {
            auth: Authenticator::new(table.clone()),
            throttle: Throttle::new(config.auth_failures_per_minute),
            table,
            records: Records::new(dynamodb.clone(), config.table.clone()),
            stripe: Arc::new(transport),
            secrets: Arc::new(secrets),
            hints: Hints::default(),
            metrics: Metrics::unwritten(),
            config,
        }
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
    incoming: Incoming,
    trail: Arc<Trail>,
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
        Ok(self.peppers().await?.for_new(Timestamp::now()).clone())
    }

    /// Opens a token with whichever pepper it was sealed with; `open` gives none for the wrong one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn unseal<T>(
        &self,
        open: impl Fn(&Pepper) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let (peppers, now) = (self.peppers().await?, Timestamp::now());
        if let Some(opened) = peppers.find(now, &open) {
            return Ok(Some(opened));
        }
        // Or with one that this process has not heard of.
        let fresh = self.app.secrets.peppers_after(&peppers).await;
        Ok(fresh.and_then(|peppers| peppers.find(now, &open)))
    }

    async fn peppers(&self) -> Result<Arc<Peppers>, ApiError> {
        Ok(self.app.secrets.peppers().await?)
    }

    /// Stripe's publishable key, if the secret holds one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn publishable_key(&self) -> Result<Option<String>, ApiError> {
        Ok(self.app.secrets.stripe().await?.publishable_key.clone())
    }

    /// This request's id, the one in `x-request-id`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.incoming.request_id
    }

    /// What this request writes on the objects of Stripe's that it makes or changes.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            account: self.caller.account.id.clone(),
            request_id: self.incoming.request_id.clone(),
            key_id: self.caller.key_id.clone(),
        }
    }

    /// The table, for what a request writes.
    #[must_use]
    pub fn table(&self) -> &Store {
        &self.app.table
    }

    /// The body's fields; none but `known` are taken.
    ///
    /// # Errors
    /// As [`Fields::read`].
    pub fn fields(&self, known: &[&str]) -> Result<Fields, ApiError> {
        Fields::read(&self.incoming.headers, &self.incoming.body, known)
    }

    /// Does `work` at most once for the caller's idempotency key, if there is one. `route` is the
    /// endpoint's name.
    ///
    /// # Errors
    /// As [`Records::once`]; `validation` for a key that is none.
    pub async fn once<F>(
        &self,
        route: &str,
        fields: &Fields,
        work: impl FnOnce(Operation) -> F,
    ) -> Result<Reply, ApiError>
    where
        F: Future<Output = Result<Reply, ApiError>>,
    {
        let Some(key) = idempotency::key_of(&self.incoming.headers)? else {
            return work(Operation::new(self.stamp())?).await;
        };
        let fingerprint = fields.fingerprint();
        let claim = Claim {
            account: &self.caller.account.id,
            route,
            fingerprint: &fingerprint,
            key,
            key_id: &self.caller.key_id,
            until: self.incoming.ends,
        };
        self.trail.idempotency_key(&claim.key_hash());
        self.app.records.once(claim, self.request_id(), work).await
    }

    /// The subscription that the account was on when this process last looked. It may be on another
    /// one by now: for asking about it before it is known, never for an answer.
    #[must_use]
    pub fn last_subscription(&self) -> Option<String> {
        self.app.hints.subscription(self.customer()?)
    }

    /// Remembers the subscription that the account is on.
    pub fn saw_subscription(&self, id: Option<&str>) {
        if let Some(customer) = self.customer() {
            self.app.hints.saw(customer, id);
        }
    }

    /// The account's Stripe customer, if it has one.
    #[must_use]
    pub fn customer(&self) -> Option<&str> {
        self.caller.account.customer.as_deref()
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
    let app = Box::pin(App::from_env())
        .await
        .inspect_err(|error| tracing::error!("cannot start: {error}"))?;
    let app = Arc::new(app);
    lambda_runtime::run(service_fn(|event: LambdaEvent<ApiGatewayV2httpRequest>| {
        let app = Arc::clone(&app);
        async move { Ok::<_, std::convert::Infallible>(answer(app, scope, event, handler).await) }
    }))
    .await
}

/// The answer to one event of API Gateway's, which is always one of the contract.
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
    let incoming = Incoming::of(event);
    let timings = Arc::new(Timings::start());
    let trail = Arc::new(Trail::default());
    let mut line = LogLine::new(&incoming);
    let (request_id, deadline) = (incoming.request_id.clone(), incoming.deadline);
    if app.secrets.is_due() {
        let secrets = Arc::clone(&app.secrets);
        app.auth.aside().begin(async move { secrets.refresh().await });
    }
    // Boxed: it is a big future, and all around it would be as well.
    let work = Box::pin(async {
        let caller = app.auth.authenticate(&incoming.headers, scope, &app.secrets).await;
        timings.auth_done();
        let caller = app.throttle.weigh(incoming.source, caller)?;
        line.caller(&caller);
        let (transport, secrets) = (Arc::clone(&app.stripe), Arc::clone(&app.secrets));
        let stripe = Stripe::new(transport, secrets, Arc::clone(&timings), deadline)
            .leaving(Arc::clone(&trail));
        let trail = Arc::clone(&trail);
        let query = Query::parse(&incoming.query);
        let call = Call { caller, query, stripe, incoming, trail, app: Arc::clone(&app) };
        handler(call).await
    });
    let outcome = timeout_at(deadline, work).await.unwrap_or(Err(ApiError::Timeout));
    app.auth.aside().settle(deadline).await;
    line.write(&outcome, &timings, &trail);
    app.metrics.write(&outcome, &timings);
    let reply = outcome.unwrap_or_else(|error| error.reply(&request_id));
    response(reply, &request_id, &timings)
}
