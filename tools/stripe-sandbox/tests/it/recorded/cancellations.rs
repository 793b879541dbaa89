//! Cancellations: scheduled, withdrawn and immediate ones, and what they bill.

use super::replay::replay;

/// proration, 24-26. The balance moves when the draft is finalized, an hour later.
#[test]
fn prorated_cancellation_with_invoice_now_leaves_a_draft_for_an_hour() {
    replay(
        "
        customer c pm_card_visa
        price ten 1000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        wait 2
        u = DELETE /v1/subscriptions/{s.id} prorate=true invoice_now=true
          status = \"canceled\"
          cancellation_details.reason = \"cancellation_requested\"
          latest_invoice != {s.latest_invoice}
        draft = GET /v1/invoices/{u.latest_invoice}
          status = \"draft\"
          billing_reason = \"subscription_cycle\"
          auto_advance = true
          attempted = false
          attempt_count = 0
          number = null
          effective_at = null
          ending_balance = null
          automatically_finalizes_at set
          total = -1000
          amount_due = 0
          lines.data.*.amount = [-1000]
          lines.data.0.parent.type = \"subscription_item_details\"
          lines.data.0.parent.subscription_item_details.proration_details.credited_items.invoice = {s.latest_invoice}
          lines.data.0.pricing.unit_amount_decimal = null
          period_start = {s.items.data.0.current_period_start}
          period_end = {u.ended_at}
        GET /v1/invoices/{u.latest_invoice}
          next_payment_attempt = {draft.created+3600}
        GET /v1/invoiceitems customer={c.id} pending=true
          data = []
        GET /v1/customers/{c.id}
          balance = 0
        wait 3600
        GET /v1/invoices/{u.latest_invoice}
          status = \"paid\"
          ending_balance = -1000
        GET /v1/customers/{c.id}
          balance = -1000
        ",
    );
}

/// proration, 21-22 and 28-29. The credit is of the price that was charged.
#[test]
fn credit_of_a_prorated_cancellation_belongs_to_no_subscription() {
    replay(
        "
        customer c pm_card_visa
        price ten 1000 month
        price eighteen 1800 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={eighteen.id} proration_behavior=none
          latest_invoice = {s.latest_invoice}
        GET /v1/invoiceitems customer={c.id} pending=true
          data = []
        DELETE /v1/subscriptions/{s.id} prorate=true
          latest_invoice = {s.latest_invoice}
          plan.id = {eighteen.id}
        GET /v1/invoiceitems customer={c.id} pending=true
          data.*.amount = [-1000]
          data.0.pricing.price_details.price = {ten.id}
          data.0.description starts Unused time on Case plan after
          data.0.parent = null
          data.0.proration_details absent
          data.0.proration = true
          data.0.net_amount = -1000
        ",
    );
}

/// The remaining combinations of `prorate` and `invoice_now` without anything to bill.
#[test]
fn cancellation_without_proration_bills_nothing() {
    for form in ["", "invoice_now=true", "prorate=false invoice_now=true"] {
        replay(&format!(
            "
            customer c pm_card_visa
            price ten 1000 month
            s = POST /v1/subscriptions customer={{c.id}} items[0][price]={{ten.id}}
            wait 2
            DELETE /v1/subscriptions/{{s.id}} {form}
              status = \"canceled\"
              latest_invoice = {{s.latest_invoice}}
            GET /v1/invoiceitems customer={{c.id}} pending=true
              data = []
            "
        ));
    }
}

/// subscriptions, 12-13, and grace period.
#[test]
fn withdrawn_cancellation_leaves_no_trace() {
    replay(
        "
        customer c pm_card_visa
        price ten 1000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        POST /v1/subscriptions/{s.id} cancel_at_period_end=true
          cancel_at = {s.items.data.0.current_period_end}
          cancel_at_period_end = true
          canceled_at set
          cancellation_details.reason = \"cancellation_requested\"
          status = \"active\"
        POST /v1/subscriptions/{s.id} cancel_at_period_end=false
          cancel_at = null
          cancel_at_period_end = false
          canceled_at = null
          cancellation_details.reason = null
        ",
    );
}

/// scheduled.
#[test]
fn immediate_cancellation_clears_a_scheduled_one_but_not_its_time() {
    replay(
        "
        customer c pm_card_visa
        price ten 1000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        first = POST /v1/subscriptions/{s.id} cancel_at_period_end=true
        wait 5
        DELETE /v1/subscriptions/{s.id}
          status = \"canceled\"
          cancel_at = null
          cancel_at_period_end = false
          canceled_at = {first.canceled_at}
          ended_at != {first.canceled_at}
          cancellation_details.reason = \"cancellation_requested\"
        ",
    );
}
