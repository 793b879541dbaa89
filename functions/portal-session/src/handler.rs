//! Creates a Billing Portal session, and the customer if there is none.

use serde::Serialize;
use shared::api::body::Fields;
use shared::api::idempotency::Operation;
use shared::api::urls::Origins;
use shared::billing::catalog::Tiers;
use shared::billing::subscription::Current;
use shared::stripe::views::PortalSession;
use shared::{ApiError, Call, Reply};
use stripe_billing::billing_portal_session::{
    CreateBillingPortalSession, CreateBillingPortalSessionFlowData as FlowData,
    CreateBillingPortalSessionFlowDataSubscriptionCancel as Cancel,
    CreateBillingPortalSessionFlowDataType as FlowType,
};

/// Name of the endpoint, to which an idempotency key is bound.
const ROUTE: &str = "portal-session";

const RETURN_URL: &str = "returnUrl";

/// The page of the portal on which the customer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    PaymentMethodUpdate,
    SubscriptionCancel,
}

const FLOWS: [(&str, Flow); 2] = [
    ("payment_method_update", Flow::PaymentMethodUpdate),
    ("subscription_cancel", Flow::SubscriptionCancel),
];

/// Body of the response.
#[derive(Debug, Serialize)]
struct Session {
    url: String,
}

/// Responds to the request after one round trip to Stripe, one more for a new customer and one for a
/// cancellation.
///
/// # Errors
/// Those of the contract.
pub async fn portal_session(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let fields = call.fields(&[RETURN_URL, "flow"])?;
    let flow = fields.one_of("flow", &FLOWS)?;
    if let Some(url) = fields.get(RETURN_URL) {
        Origins::well_formed(RETURN_URL, url)?;
    }
    call.once(ROUTE, &fields, |operation| open(&call, &fields, flow, operation)).await
}

async fn open(
    call: &Call,
    fields: &Fields,
    flow: Option<Flow>,
    operation: Operation,
) -> Result<Reply, ApiError> {
    if let Some(url) = fields.get(RETURN_URL) {
        call.config().allowed_origins.check(RETURN_URL, url)?;
    }
    let flow = match flow {
        None => None,
        Some(Flow::PaymentMethodUpdate) => Some(FlowData::new(FlowType::PaymentMethodUpdate)),
        Some(Flow::SubscriptionCancel) => {
            let mut flow = FlowData::new(FlowType::SubscriptionCancel);
            flow.subscription_cancel = Some(Cancel::new(subscription(call).await?));
            Some(flow)
        }
    };
    let mut create = CreateBillingPortalSession::new().customer(call.ensure_customer().await?);
    if let Some(id) = &call.config().portal_configuration {
        create = create.configuration(id);
    }
    if let Some(url) = fields.get(RETURN_URL).or(call.config().return_url.as_deref()) {
        create = create.return_url(url);
    }
    if let Some(flow) = flow {
        create = create.flow_data(flow);
    }
    let session: PortalSession = call.stripe.send_once(&create, &operation.stripe_key("portal")).await.inspect_err(|error| {
        if error.status() == Some(400) {
            tracing::error!(
                request_id = call.request_id(),
                "Stripe refused the portal session. If there is no configuration, run `billingctl catalog apply`, which \
                 creates one and prints its setting. If a flow is refused, enable it in catalog.toml."
            );
        }
    })?;
    Reply::created(&Session { url: session.url })
}

/// Returns the ID of the current subscription.
async fn subscription(call: &Call) -> Result<String, ApiError> {
    let Some(customer) = call.customer() else { return Err(ApiError::NoSubscription) };
    let (subscriptions, tiers) =
        tokio::try_join!(call.stripe.subscriptions(customer), Tiers::load(&call.stripe))?;
    let current = Current::of(&subscriptions, &tiers).ok_or(ApiError::NoSubscription)?;
    Ok(current.subscription.id.clone())
}
