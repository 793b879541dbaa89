//! The request of this API that made an invoice. No I/O.
//!
//! Stripe copies the subscription's metadata to an invoice. A checkout and a plan change write their own, and the
//! invoice that the same update makes has it. Later invoices have it too: renewals, and updates that somebody else makes,
//! for example in the billing portal.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::stripe::views::{HasId, Invoice};
use shared::values::{KEY_METADATA, OPERATION_METADATA, REQUEST_METADATA};

/// Billing reason of the first invoice of a subscription.
/// Source: <https://docs.stripe.com/api/invoices/object#invoice_object-billing_reason>.
const CREATED: &str = "subscription_create";

/// Billing reason of the invoice of an update.
const UPDATED: &str = "subscription_update";

/// A request, and its API key.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    request_id: String,
    key_id: String,
}

/// The part of an invoice that tells which request made it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Origin {
    id: String,
    billing_reason: Option<String>,
    parent: Option<OriginParent>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct OriginParent {
    subscription_details: Option<OriginSubscription>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct OriginSubscription {
    metadata: Option<HashMap<String, String>>,
}

impl HasId for Origin {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Origin {
    /// Returns the operation whose mark the invoice of an update has.
    fn operation(&self) -> Option<&String> {
        let details = self.parent.as_ref()?.subscription_details.as_ref()?;
        let metadata = details.metadata.as_ref()?;
        metadata.get(OPERATION_METADATA).filter(|_| self.billing_reason.as_deref() == Some(UPDATED))
    }
}

/// Returns the operation whose mark an invoice of an update has, and which may have made it.
pub fn operation(invoice: &Invoice) -> Option<&String> {
    let details = invoice.parent.as_ref()?.subscription_details.as_ref()?;
    let metadata = details.metadata.as_ref()?;
    metadata.get(OPERATION_METADATA).filter(|_| invoice.billing_reason.as_deref() == Some(UPDATED))
}

/// Returns the request that made an invoice; `None` for one that Stripe or somebody else made. `earlier` are older invoices
/// of its subscription: of several that an operation has marked, it made the first.
pub fn of(invoice: &Invoice, earlier: &[Origin]) -> Option<Attribution> {
    let details = invoice.parent.as_ref()?.subscription_details.as_ref()?;
    let metadata = details.metadata.as_ref()?;
    let is_ours = match operation(invoice) {
        Some(operation) => earlier.iter().all(|one| one.operation() != Some(operation)),
        None => invoice.billing_reason.as_deref() == Some(CREATED),
    };
    let (request_id, key_id) = (metadata.get(REQUEST_METADATA)?, metadata.get(KEY_METADATA)?);
    is_ours.then(|| Attribution { request_id: request_id.clone(), key_id: key_id.clone() })
}

#[cfg(test)]
mod tests {
    use fixtures::view;
    use serde_json::{Value, json};

    use super::*;
    use crate::lines::tests::invoice;

    fn origin(reason: &str, metadata: &Value) -> Value {
        let details = json!({ "subscription": "sub_1", "metadata": metadata });
        json!({ "id": "in_0", "billing_reason": reason, "parent": { "subscription_details": details } })
    }

    #[test]
    fn only_invoices_of_checkouts_and_changes_name_a_request() {
        let checkout = json!({ "cantila_request_id": "req", "cantila_key_id": "key" });
        let change = json!({ "cantila_request_id": "req", "cantila_key_id": "key", "cantila_operation": "op" });
        let other = json!({ "cantila_operation": "other" });
        let one = json!({ "cantila_request_id": "req", "cantila_operation": "op" });
        let before = |reason: &str, metadata: &Value| Some(origin(reason, metadata));
        // reason, metadata, an older invoice → named
        let cases = [
            ("subscription_create", &checkout, None, true),
            ("subscription_update", &change, None, true),
            ("subscription_update", &change, before("subscription_update", &other), true),
            ("subscription_update", &change, before("subscription_cycle", &change), true),
            ("subscription_update", &change, before("subscription_update", &change), false),
            ("subscription_update", &checkout, None, false),
            ("subscription_cycle", &change, None, false),
            ("manual", &checkout, None, false),
            ("subscription_update", &one, None, false),
            ("subscription_update", &Value::Null, None, false),
        ];
        for (reason, metadata, earlier, expected) in cases {
            let earlier: Vec<Origin> = earlier.into_iter().map(view).collect();
            let found = of(&invoice(&origin(reason, metadata)), &earlier);
            let named = Attribution { request_id: "req".to_owned(), key_id: "key".to_owned() };
            assert_eq!(found, expected.then_some(named), "{reason} {metadata} {earlier:?}");
        }
        assert_eq!(of(&invoice(&json!({})), &[]), None);
    }
}
