//! Creates a Billing Portal session, and the customer if there is none.

use serde::Serialize;
use shared::api::body::Fields;
use shared::api::idempotency::Operation;
use shared::api::urls::Origins;
use shared::billing::catalog::Tiers;
use shared::billing::subscription::Current;
use shared::stripe::views::PortalSession;
use shared::stripe::{Details, Refusal};
use shared::{ApiError, Call, Reply, StripeError};
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
    CustomerUpdate,
    PaymentMethodUpdate,
    SubscriptionCancel,
}

const FLOWS: [(&str, Flow); 3] = [
    ("customer_update", Flow::CustomerUpdate),
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
        Some(Flow::CustomerUpdate) => Some(FlowData::new(FlowType::CustomerUpdate)),
        Some(Flow::PaymentMethodUpdate) => Some(FlowData::new(FlowType::PaymentMethodUpdate)),
        Some(Flow::SubscriptionCancel) => {
            let mut flow = FlowData::new(FlowType::SubscriptionCancel);
            flow.subscription_cancel = Some(Cancel::new(subscription_to_cancel(call).await?));
            Some(flow)
        }
    };
    let mut create = CreateBillingPortalSession::new();
    if let Some(id) = &call.config().portal_configuration {
        create = create.configuration(id);
    }
    if let Some(url) = fields.get(RETURN_URL).or(call.config().return_url.as_deref()) {
        create = create.return_url(url);
    }
    if let Some(flow) = flow {
        create = create.flow_data(flow);
    }
    let send = async |customer: String| -> Result<PortalSession, StripeError> {
        let key = operation.stripe_key(&format!("portal-{customer}"));
        call.stripe.send_once(&create.clone().customer(customer), &key).await
    };
    let session = match call.customer() {
        None => send(call.create_customer().await?).await?,
        Some(customer) => match send(customer.to_owned()).await {
            Err(error) if Refusal::of(&error) == Some(Refusal::NoCustomer) => {
                // A customer that is missing was never in this Stripe account: the key or the record is wrong.
                let is_deleted = call.stripe.customer(customer, Details::None).await?.is_none();
                if !is_deleted {
                    return Err(error.into());
                }
                send(call.create_customer().await?).await?
            }
            outcome => outcome?,
        },
    };
    Reply::created(&Session { url: session.url })
}

/// Returns the ID of the current subscription, unless it is set to end.
async fn subscription_to_cancel(call: &Call) -> Result<String, ApiError> {
    let customer = call.customer().ok_or(ApiError::NoSubscription)?;
    let (subscriptions, tiers) = tokio::try_join!(
        call.stripe.subscriptions(customer, Details::None),
        Tiers::load(&call.stripe)
    )?;
    let current = Current::of(&subscriptions, &tiers).ok_or(ApiError::NoSubscription)?;
    match current.subscription.ends_at() {
        Some(end) => Err(ApiError::AlreadyCanceling { cancel_at: Some(end.date()) }),
        None => Ok(current.subscription.id.clone()),
    }
}
