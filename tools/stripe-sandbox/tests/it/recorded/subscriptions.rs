//! First invoices and ends of trials.

use super::replay::replay;

/// subscriptions, 7.
#[test]
fn new_subscription_has_the_fields_that_stripe_sends() {
    replay(
        "
        customer c pm_card_visa
        price ten 1000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
          status = \"active\"
          billing_mode.updated_at set
          items.total_count = 1
          managed_payments.enabled = false
          pending_setup_intent = null
          plan.id = {ten.id}
          plan.amount = 1000
          quantity = 1
        GET /v1/invoices/{s.latest_invoice}
          period_start = {s.billing_cycle_anchor}
          period_end = {s.billing_cycle_anchor}
          lines.data.0.pricing.unit_amount_decimal = \"1000\"
          lines.data.0.parent.subscription_item_details.invoice_item = null
          next_payment_attempt = null
          rendering = null
          webhooks_delivered_at set
        ",
    );
}

/// authentication.
#[test]
fn authentication_on_the_first_invoice_is_not_counted_as_an_attempt() {
    replay(
        "
        customer c pm_card_authenticationRequired
        price small 2500 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={small.id}
          status = \"incomplete\"
        GET /v1/invoices/{s.latest_invoice}
          status = \"open\"
          attempted = true
          attempt_count = 0
          auto_advance = true
          next_payment_attempt null
          ending_balance = 0
        ",
    );
}

/// subscriptions, 28-29.
#[test]
fn trial_ended_by_request_is_billed_at_once() {
    replay(
        "
        customer c pm_card_visa
        price twenty 2000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={twenty.id} trial_period_days=30
          status = \"trialing\"
          pending_setup_intent = null
        wait 2
        u = POST /v1/subscriptions/{s.id} trial_end=now
          status = \"active\"
          latest_invoice != {s.latest_invoice}
          billing_cycle_anchor != {s.billing_cycle_anchor}
          items.data.0.current_period_start != {s.items.data.0.current_period_start}
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [2000]
          status = \"paid\"
        ",
    );
}

/// subscriptions, 38-40. The request to resume leaves the subscription paused until a payment.
#[test]
fn trial_ended_by_request_without_a_card_pauses() {
    replay(
        "
        customer c
        price twenty 2000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={twenty.id} trial_period_days=30 trial_settings[end_behavior][missing_payment_method]=pause
          status = \"trialing\"
          pending_setup_intent set
        wait 1
        u = POST /v1/subscriptions/{s.id} trial_end=now
          status = \"paused\"
          latest_invoice = {s.latest_invoice}
          items.data.0.current_period_start = {s.items.data.0.current_period_start}
          pending_setup_intent = {s.pending_setup_intent}
        GET /v1/subscriptions/{s.id}
          items.data.0.current_period_end = {u.billing_cycle_anchor}
          trial_end = {u.billing_cycle_anchor}
        r = POST /v1/subscriptions/{s.id}/resume
          status = \"paused\"
          latest_invoice != {s.latest_invoice}
          pending_update.expires_at set
          pending_update.subscription_items = null
          items.data.0.current_period_end = {u.billing_cycle_anchor}
        ",
    );
}

/// The other settings of a trial's end, documented at
/// <https://docs.stripe.com/billing/subscriptions/trials#create-free-trials-without-payment>.
#[test]
fn trial_ended_by_request_without_a_card_follows_its_settings() {
    for (setting, status, condition) in
        [("create_invoice", "past_due", "!="), ("cancel", "canceled", "=")]
    {
        replay(&format!(
            "
            customer c
            price twenty 2000 month
            s = POST /v1/subscriptions customer={{c.id}} items[0][price]={{twenty.id}} trial_period_days=30 trial_settings[end_behavior][missing_payment_method]={setting}
            wait 1
            POST /v1/subscriptions/{{s.id}} trial_end=now
              status = \"{status}\"
              latest_invoice {condition} {{s.latest_invoice}}
            "
        ));
    }
}
