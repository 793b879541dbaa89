//! Running a handler: a GET on stored reads, a POST on Stripe alone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lambda_http::http::HeaderMap;
use lambda_http::http::header::{CACHE_CONTROL, IF_NONE_MATCH};
use tokio::time::timeout;

use super::call::Call;
use crate::api::error::ApiError;
use crate::api::reply::Reply;
use crate::stripe::{Permits, Priority, Reads, Writes};

/// Longest time that a GET waits for Stripe if there is a last known state.
const LAST_KNOWN_AFTER: Duration = Duration::from_secs(4);

/// Longest time that a request waits for a permit to call Stripe.
const PERMIT_AFTER: Duration = Duration::from_secs(2);

/// Responds to a GET from stored reads while they hold, else from Stripe, else from the last known state. `name` is the
/// name of the stored reads.
///
/// # Errors
/// Those of the handler.
pub(super) async fn read<H, F>(
    call: Call,
    name: &'static str,
    priority: Priority,
    handler: H,
) -> Result<Reply, ApiError>
where
    H: Fn(Call) -> F,
    F: Future<Output = Result<Reply, ApiError>>,
{
    let headers = &call.incoming.headers;
    let watermark = call.app.watermark().await;
    let no_cache = asks_for_no_cache(headers);
    let reads = Reads::load(&call.app.table, watermark, call.customer(), name, no_cache).await;
    let last_known = reads.last_known();
    let is_down = last_known.is_some() && !no_cache && call.app.outage.is_recent();
    let reads = Arc::new(if is_down { reads.during_outage() } else { reads });
    let patience = if last_known.is_some() { Duration::ZERO } else { PERMIT_AFTER };
    let permits = permits(&call, priority, patience);
    let current = call.with(|stripe| stripe.with_permits(permits).with_reads(Arc::clone(&reads)));
    let current = handler(current);
    let outcome = match last_known {
        Some(_) => timeout(LAST_KNOWN_AFTER, current).await.unwrap_or(Err(ApiError::Timeout)),
        None => current.await,
    };
    let if_none_match = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    match (outcome, last_known) {
        (Ok(reply), _) => {
            reads.store().await;
            Ok(reply.with_freshness(reads.freshness(), if_none_match))
        }
        (Err(error), Some(last_known)) if error.is_outage() => {
            if !is_down && matches!(error, ApiError::StripeUnavailable(_) | ApiError::Timeout) {
                call.app.outage.note();
            }
            let last_known = Arc::new(last_known);
            let stored = call.with(|stripe| stripe.with_reads(Arc::clone(&last_known)));
            match handler(stored).await {
                Ok(reply) => {
                    let reply = reply.with_freshness(last_known.freshness(), if_none_match);
                    Ok(reply.in_place_of(&error))
                }
                Err(_) => Err(error),
            }
        }
        (Err(error), _) => Err(error),
    }
}

/// Responds to a POST, which reads Stripe alone and announces its changes to the stored reads.
///
/// # Errors
/// Those of the handler; `unavailable` if the table cannot be reached.
pub(super) async fn write<H, F>(
    call: Call,
    priority: Priority,
    handler: H,
) -> Result<Reply, ApiError>
where
    H: Fn(Call) -> F,
    F: Future<Output = Result<Reply, ApiError>>,
{
    let permits = permits(&call, priority, PERMIT_AFTER);
    let customer = call.customer().map(str::to_owned);
    let writes = customer.map(|customer| Writes::new(call.app.table.clone(), customer));
    let outcome = handler(call.with(|stripe| {
        let stripe = stripe.with_permits(permits);
        match &writes {
            Some(writes) => stripe.with_writes(Arc::clone(writes)),
            None => stripe,
        }
    }))
    .await;
    let is_replay = outcome.as_ref().is_ok_and(Reply::is_replayed);
    if let Some(writes) = &writes {
        writes.end(is_replay).await?;
    }
    outcome
}

fn permits(call: &Call, priority: Priority, patience: Duration) -> Permits {
    let account = call.caller.own_account.clone();
    let rate = call.config().stripe_rate;
    let usual = call.app.usual_calls.clone();
    Permits::new(call.app.table.clone(), account, priority, rate, patience, usual)
}

/// Returns whether the caller asks for Stripe's state now (RFC 9111 §5.2.1).
fn asks_for_no_cache(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = values.flat_map(|value| value.split(',')).map(str::trim);
    directives.any(|it| it.eq_ignore_ascii_case("no-cache") || it.eq_ignore_ascii_case("no-store"))
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn no_cache_is_one_of_the_directives() {
        let cases = [
            ("no-cache", true),
            ("max-age=0, No-Store", true),
            ("max-age=0", false),
            ("x-no-cache", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))]);
            assert_eq!(asks_for_no_cache(&headers), expected, "{value}");
        }
        assert!(!asks_for_no_cache(&HeaderMap::new()));
    }
}
