//! The state of a process: settings and clients, created in the cold start.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::config::{Config, ConfigError};
use super::metrics::Metrics;
use crate::access::Authenticator;
use crate::aws::https::Https;
use crate::aws::sdk;
use crate::aws::secrets::{QuoteSecret, StripeSecret};
use crate::aws::table::{Table, TableError, Watermark};
use crate::stripe::{Stripe, Transport, UsualCalls};
use crate::values::Timestamp;

/// Longest time that a cold start waits for connections.
///
/// Lambda gives a cold start a whole processor, and the secrets take as long anyway. A request works
/// without an open connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);

/// Lifetime of the watermark in a process. An older one only makes responses look older than they are.
const WATERMARK_LIFETIME: Duration = Duration::from_secs(5);

/// Time after a failed GET in which a process does not ask Stripe again where it knows an earlier state.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Settings and clients, which serve all requests of a process.
pub struct App {
    pub(super) config: Config,
    pub(super) authenticator: Authenticator,
    pub(super) table: Table,
    pub(super) stripe_secret: Arc<StripeSecret>,
    pub(super) quote_secret: QuoteSecret,
    pub(super) transport: Arc<Transport>,
    pub(super) metrics: Option<Metrics>,
    pub(super) usual_calls: UsualCalls,
    /// The watermark, and when it was read.
    pub(super) watermark: Mutex<Option<(Instant, Watermark)>>,
    pub(super) outage: Outage,
}

/// Outage of Stripe, as the last GETs of this process have seen it.
///
/// Without it, each GET during an outage would wait for Stripe before it responds with the last known state, for seconds,
/// and occupy a process of the function for as long.
#[derive(Debug, Default)]
pub(super) struct Outage(std::sync::Mutex<Option<tokio::time::Instant>>);

impl Outage {
    /// Remembers that Stripe could not be reached just now.
    pub(super) fn note(&self) {
        let now = tokio::time::Instant::now();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// Returns whether Stripe could not be reached a moment ago, so that it is not worth asking.
    pub(super) fn is_recent(&self) -> bool {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.is_some_and(|at| at.elapsed() < ASK_AGAIN_AFTER)
    }
}

impl App {
    /// Reads the settings and creates the clients.
    ///
    /// # Errors
    /// [`ConfigError`]. A secret that cannot be read is logged and read again at each request.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let config = Config::from_env()?;
        let https = Https::new();
        let sdk = sdk::of_lambda(&https).await;
        let transport = Transport::new(https, config.stripe_base.clone());
        let app = Box::pin(Self::start(config, &sdk, transport)).await;
        Ok(Self { metrics: Some(Metrics::from_env()), ..app })
    }

    /// Creates the clients from given ones, without metrics.
    pub async fn start(config: Config, sdk: &SdkConfig, transport: Transport) -> Self {
        let manager = aws_sdk_secretsmanager::Client::new(sdk);
        let stripe_secret = StripeSecret::new(manager.clone(), config.stripe_secret_id.clone());
        let quote_secret = QuoteSecret::new(manager, config.quote_keys_secret_id.clone());
        let table = Table::new(aws_sdk_dynamodb::Client::new(sdk), config.table.clone());
        let connections = async { tokio::join!(table.connect(), transport.connect()) };
        let (stripe, quotes, _) = tokio::join!(
            stripe_secret.keys(),
            quote_secret.preload(),
            timeout(CONNECT_TIMEOUT, connections)
        );
        for error in [stripe.err(), quotes.err()].into_iter().flatten() {
            tracing::error!("a secret could not be read in the cold start: {error}");
        }
        Self {
            authenticator: Authenticator::new(table.clone()),
            table,
            stripe_secret: Arc::new(stripe_secret),
            quote_secret,
            transport: Arc::new(transport),
            metrics: None,
            usual_calls: UsualCalls::default(),
            watermark: Mutex::default(),
            outage: Outage::default(),
            config,
        }
    }

    /// Returns the table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Returns a client of Stripe that neither sends nor waits after `deadline`.
    pub fn stripe(&self, deadline: tokio::time::Instant) -> Stripe {
        let (transport, secret) = (Arc::clone(&self.transport), Arc::clone(&self.stripe_secret));
        Stripe::new(transport, secret, Arc::default(), deadline)
    }

    /// Writes the age of the watermark as a metric. `followed_to` is Stripe's time in Unix seconds.
    pub fn write_watermark_age(&self, followed_to: Option<i64>) {
        if let (Some(metrics), Some(time)) = (&self.metrics, followed_to) {
            metrics.write_watermark_age(Timestamp::now().seconds() - time);
        }
    }

    /// Returns the watermark, as it was some seconds ago at most.
    ///
    /// # Errors
    /// [`TableError`].
    pub(super) async fn watermark(&self) -> Result<Watermark, TableError> {
        let mut known = self.watermark.lock().await;
        if let Some((read_at, watermark)) = *known
            && read_at.elapsed() < WATERMARK_LIFETIME
        {
            return Ok(watermark);
        }
        let read_at = Instant::now();
        let watermark = self.table.watermark().await?;
        *known = Some((read_at, watermark));
        Ok(watermark)
    }
}
