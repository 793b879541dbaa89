//! Status, code, message and parameter of errors.

use super::replay::replay;

/// A customer with a card, and a monthly price.
const PRELUDE: &str = "
    customer c pm_card_visa
    price m 2000 month
";

fn refuse(statements: &str) {
    replay(&format!("{PRELUDE}{statements}"));
}

/// subscriptions, 11 and 33-49.
#[test]
fn new_subscriptions_are_refused_as_recorded() {
    refuse(
        "
        POST /v1/subscriptions customer=cus_nope items[0][price]={m.id} -> 404
          error.code = \"resource_missing\"
          error.message = \"No such customer: 'cus_nope'\"
          error.param = \"customer\"
        POST /v1/subscriptions customer={c.id} items[0][price]={m.id} items[1][price]={m.id} -> 400
          error.message starts Cannot create a Subscription with multiple Subscription Items with the same Price: price_
          error.param = \"plan\"
          error.code absent
        POST /v1/subscriptions customer={c.id} items[0][price]={m.id} payment_behavior=pending_if_incomplete -> 400
          error.message = \"Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription.\"
          error.param = \"payment_behavior\"
          error.code absent
        POST /v1/subscriptions customer={c.id} items[0][price]={m.id} payment_behavior=bogus -> 400
          error.message = \"Invalid payment_behavior: must be one of allow_incomplete, error_if_incomplete, pending_if_incomplete, or default_incomplete\"
          error.param = \"payment_behavior\"
        POST /v1/subscriptions customer={c.id} items[0][price]={m.id} days_until_due=5 -> 400
          error.message = \"You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.\"
          error.param absent
          error.code absent
        POST /v1/subscriptions customer={c.id} items[0][price]={m.id} trial_end=1000 -> 400
          error.message = \"The parameter `trial_end` expects a unix timestamp representing a date and time in the future. You specified the value `1000` which is in the past.\"
          error.param = \"trial_end\"
          error.code absent
        POST /v1/subscriptions customer={c.id} -> 400
          error.code = \"parameter_missing\"
          error.message = \"Missing required param: items.\"
          error.param = \"items\"
        POST /v1/subscriptions customer={c.id} items[0][price]=price_nope -> 400
          error.code = \"resource_missing\"
          error.message = \"No such price: 'price_nope'\"
          error.param = \"items[0][price]\"
        poor = POST /v1/customers
        POST /v1/subscriptions customer={poor.id} items[0][price]={m.id} -> 400
          error.code = \"resource_missing\"
          error.message starts This customer has no attached payment source or default payment method.
          error.param absent
        GET /v1/subscriptions status=bogus -> 400
          error.message = \"Invalid status: must be one of active, past_due, unpaid, canceled, incomplete, incomplete_expired, trialing, paused, all, or ended\"
          error.param = \"status\"
        GET /v1/subscription_items/si_nope -> 404
          error.message = \"Invalid subscription_item id: si_nope\"
          error.code absent
          error.param absent
        ",
    );
}

/// subscriptions, 33.
#[test]
fn error_if_incomplete_refuses_a_payment_that_needs_authentication() {
    refuse(
        "
        method = POST /v1/payment_methods/pm_card_authenticationRequired/attach customer={c.id}
        POST /v1/subscriptions customer={c.id} items[0][price]={m.id} default_payment_method={method.id} payment_behavior=error_if_incomplete -> 402
          error.type = \"card_error\"
          error.code = \"subscription_payment_intent_requires_action\"
          error.message starts Payment for this subscription requires additional user action, but the requested payment behavior doesn't save the invoice or PaymentIntent.
          error.doc_url absent
          error.param absent
        GET /v1/subscriptions customer={c.id} status=all
          data = []
        ",
    );
}

/// subscriptions, 22-27 and 41.
#[test]
fn ended_subscriptions_are_refused_as_recorded() {
    refuse(
        "
        s = POST /v1/subscriptions customer={c.id} items[0][price]={m.id}
        DELETE /v1/subscriptions/{s.id}
        DELETE /v1/subscriptions/{s.id} -> 404
          error.code = \"resource_missing\"
          error.message starts No such subscription: 'sub_
          error.param = \"id\"
        POST /v1/subscriptions/{s.id}/resume -> 404
          error.code = \"resource_missing\"
          error.message starts No such subscription: 'sub_
          error.param = \"id\"
        POST /v1/subscriptions/{s.id} description=x -> 400
          error.code = \"invalid_canceled_subscription_fields\"
          error.message = \"A canceled subscription can only update its cancellation_details and metadata.\"
          error.param absent
        POST /v1/subscriptions/{s.id} metadata[k]=v
          metadata.k = \"v\"
          status = \"canceled\"
        GET /v1/subscriptions/sub_nope -> 404
          error.param = \"id\"
        ",
    );
}

/// invoices, 18, 26-30, 37-39, 55 and 77-80.
#[test]
fn invoices_are_refused_as_recorded() {
    refuse(
        "
        i = POST /v1/invoices customer={c.id}
        POST /v1/invoices/{i.id}/pay
        POST /v1/invoices/{i.id}/pay -> 400
          error.message = \"Invoice is already paid\"
          error.code absent
        POST /v1/invoices/{i.id}/void -> 400
          error.message = \"Invoices with `paid` payments cannot be voided.\"
          error.code absent
        POST /v1/invoices/{i.id}/mark_uncollectible -> 400
          error.message = \"You can only pass in open invoices. This invoice isn't open.\"
          error.code absent
        POST /v1/invoices/{i.id}/finalize -> 400
          error.message = \"This invoice is already finalized, you can't re-finalize a non-draft invoice.\"
          error.code absent
        DELETE /v1/invoices/{i.id} -> 400
          error.message = \"You can only delete draft invoices.\"
          error.code absent
        POST /v1/invoices/{i.id} description=x -> 400
          error.message = \"Finalized invoices can't be updated in this way\"
          error.param = \"description\"
          error.code absent
        POST /v1/invoices/{i.id} days_until_due=5 -> 400
          error.message = \"Finalized invoices can't be updated in this way\"
          error.param = \"days_until_due\"
        POST /v1/invoices/{i.id} metadata[open]=yes
          metadata.open = \"yes\"
        POST /v1/invoices customer={c.id} days_until_due=5 -> 400
          error.message = \"You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'.\"
          error.param absent
          error.code absent
        POST /v1/invoices customer={c.id} collection_method=send_invoice -> 400
          error.message = \"If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'.\"
          error.param absent
          error.code absent
        POST /v1/invoices customer={c.id} pending_invoice_items_behavior=bogus -> 400
          error.message = \"Invalid pending_invoice_items_behavior: must be one of include or exclude\"
          error.param = \"pending_invoice_items_behavior\"
        POST /v1/invoices customer={c.id} nope=1 -> 400
          error.code = \"parameter_unknown\"
          error.message = \"Received unknown parameter: nope\"
        POST /v1/invoices customer=cus_nope -> 400
          error.code = \"resource_missing\"
          error.message = \"No such customer: 'cus_nope'\"
          error.param = \"customer\"
        GET /v1/invoices status=bogus -> 400
          error.message = \"Invalid status: must be one of draft, open, void, paid, or uncollectible\"
          error.param = \"status\"
        ",
    );
}

/// invoices, 10 and 65-75. Endpoints differ in the parameter that they name.
#[test]
fn unknown_invoices_are_refused_as_recorded() {
    for (request, param) in [
        ("GET /v1/invoices/in_nope", "invoice"),
        ("POST /v1/invoices/in_nope metadata[k]=v", "id"),
        ("DELETE /v1/invoices/in_nope", "invoice"),
        ("POST /v1/invoices/in_nope/pay", "id"),
        ("POST /v1/invoices/in_nope/finalize", "id"),
        ("POST /v1/invoices/in_nope/void", "id"),
        ("POST /v1/invoices/in_nope/send", "invoice"),
        ("POST /v1/invoices/in_nope/mark_uncollectible", "id"),
    ] {
        replay(&format!(
            "
            {request} -> 404
              error.code = \"resource_missing\"
              error.message = \"No such invoice: 'in_nope'\"
              error.param = \"{param}\"
            "
        ));
    }
    replay(
        "
        GET /v1/invoiceitems/ii_nope -> 404
          error.code = \"resource_missing\"
          error.message = \"No such Invoice Item: 'ii_nope'(livemode=false)\"
          error.param = \"id\"
        ",
    );
}

/// envelope, 2-6.
#[test]
fn lists_are_refused_as_recorded() {
    refuse(
        "
        GET /v1/customers limit=abc -> 400
          error.code = \"parameter_invalid_integer\"
          error.message = \"Invalid integer: abc\"
          error.param = \"limit\"
        GET /v1/customers wat=x -> 400
          error.code = \"parameter_unknown\"
          error.message = \"Received unknown parameter: wat\"
          error.param = \"wat\"
        POST /v1/customers invoice_settings[nope]=x -> 400
          error.code = \"parameter_unknown\"
          error.param = \"invoice_settings[nope]\"
        GET /v1/customers starting_after=cus_aaa -> 400
          error.code = \"resource_missing\"
          error.message = \"No such customer: 'cus_aaa'\"
          error.param = \"starting_after\"
        GET /v1/customers starting_after={c.id} ending_before={c.id} -> 400
          error.message = \"Received both starting_after and ending_before parameters. Please pass in only one.\"
          error.code absent
          error.param absent
        ",
    );
}

/// declined.
#[test]
fn declined_card_is_refused_when_it_is_saved() {
    refuse(
        "
        POST /v1/payment_methods/pm_card_chargeDeclined/attach customer={c.id} -> 402
          error.type = \"card_error\"
          error.code = \"card_declined\"
          error.decline_code = \"generic_decline\"
          error.advice_code = \"try_again_later\"
          error.network_decline_code = \"01\"
          error.param = \"\"
        POST /v1/payment_methods/pm_nope/attach customer={c.id} -> 404
          error.code = \"resource_missing\"
          error.param = \"payment_method\"
        ",
    );
}
