//! A new billing cycle anchor, and changes of the interval.

use super::replay::replay;

/// anchor, 17-20, recorded three seconds after the start; half a month is our conclusion from it.
#[test]
fn new_anchor_alone_adds_one_pending_charge_for_the_added_time() {
    replay(
        "
        price ten 1000 month
        clock = POST /v1/test_helpers/test_clocks frozen_time=1790812800
        c = POST /v1/customers test_clock={clock.id} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        POST /v1/test_helpers/test_clocks/{clock.id}/advance frozen_time={s.billing_cycle_anchor+1296000}
        GET /v1/test_helpers/test_clocks/{clock.id}
        u = POST /v1/subscriptions/{s.id} billing_cycle_anchor[type]=now
          latest_invoice = {s.latest_invoice}
          status = \"active\"
          billing_cycle_anchor = {s.billing_cycle_anchor+1296000}
          items.data.0.current_period_start = {s.billing_cycle_anchor+1296000}
        GET /v1/invoiceitems customer={c.id} pending=true
          data.*.amount = [484]
          data.0.description starts Remaining time on Case plan after
          data.0.period.start = {s.items.data.0.current_period_end}
          data.0.period.end = {u.items.data.0.current_period_end}
          data.0.proration = true
          data.0.pricing.unit_amount_decimal = null
        GET /v1/invoices customer={c.id}
          data.*.total = [1000]
        v = POST /v1/subscriptions/{s.id} billing_cycle_anchor[type]=unchanged
          billing_cycle_anchor = {u.billing_cycle_anchor}
          items.data.0.current_period_end = {u.items.data.0.current_period_end}
        ",
    );
}

/// anchor, 17-20.
#[test]
fn seconds_of_added_time_are_a_pending_charge_of_nothing() {
    replay(
        "
        customer c pm_card_visa
        price ten 1000 month
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        wait 3
        u = POST /v1/subscriptions/{s.id} billing_cycle_anchor[type]=now
          latest_invoice = {s.latest_invoice}
          items.data.0.current_period_start != {s.items.data.0.current_period_start}
        GET /v1/invoiceitems customer={c.id} pending=true
          data.*.amount = [0]
          data.0.period.start = {s.items.data.0.current_period_end}
          data.0.period.end = {u.items.data.0.current_period_end}
        ",
    );
}

/// The conclusion from `anchor` for the other proration behaviors. `none` charges a whole period,
/// as a public comment reports from a test clock.
#[test]
fn proration_behavior_decides_how_a_new_anchor_alone_is_billed() {
    for (behavior, amounts, proration, due) in
        [("always_invoice", "[484]", "true", 484), ("none", "[1000]", "false", 1000)]
    {
        replay(&format!(
            "
            price ten 1000 month
            clock = POST /v1/test_helpers/test_clocks frozen_time=1790812800
            c = POST /v1/customers test_clock={{clock.id}} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
            s = POST /v1/subscriptions customer={{c.id}} items[0][price]={{ten.id}}
            POST /v1/test_helpers/test_clocks/{{clock.id}}/advance frozen_time={{s.billing_cycle_anchor+1296000}}
            GET /v1/test_helpers/test_clocks/{{clock.id}}
            u = POST /v1/subscriptions/{{s.id}} billing_cycle_anchor[type]=now proration_behavior={behavior}
              latest_invoice != {{s.latest_invoice}}
            GET /v1/invoices/{{u.latest_invoice}}
              lines.data.*.amount = {amounts}
              lines.data.0.parent.subscription_item_details.proration = {proration}
              billing_reason = \"subscription_update\"
              total = {due}
              status = \"paid\"
              period_start = {{u.billing_cycle_anchor}}
              period_end = {{u.billing_cycle_anchor}}
            "
        ));
    }
}

/// swap.
#[test]
fn month_to_year_without_an_anchor_counts_from_the_old_start() {
    replay(
        "
        customer c pm_card_visa
        price month 2500 month
        price year 25000 year
        s = POST /v1/subscriptions customer={c.id} items[0][price]={month.id}
        wait 3
        u = POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={year.id} items[0][quantity]=1 proration_behavior=always_invoice trial_end=now
          billing_cycle_anchor = {s.billing_cycle_anchor}
          items.data.0.current_period_start = {s.items.data.0.current_period_start}
          items.data.0.current_period_end = {s.billing_cycle_anchor+31536000}
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [-2500, 25000]
          amount_due = 22500
          status = \"paid\"
          lines.data.1.description starts Remaining time on Case plan after
          lines.data.1.parent.subscription_item_details.proration = true
          lines.data.1.period.end = {s.billing_cycle_anchor+31536000}
        ",
    );
}

/// swap and reset.
#[test]
fn month_to_year_with_a_new_anchor_is_a_credit_and_an_ordinary_line() {
    replay(
        "
        customer c pm_card_visa
        price month 2500 month
        price year 25000 year
        s = POST /v1/subscriptions customer={c.id} items[0][price]={month.id}
        wait 2
        u = POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={year.id} items[0][quantity]=1 proration_behavior=always_invoice billing_cycle_anchor[type]=now
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [-2500, 25000]
          amount_due = 22500
          lines.data.1.description = \"1 × Case plan (at $250.00 / year)\"
          lines.data.1.parent.subscription_item_details.proration = false
          lines.data.1.parent.subscription_item_details.invoice_item = null
          lines.data.1.pricing.unit_amount_decimal = \"25000\"
          period_start = {u.items.data.0.current_period_start}
          period_end = {u.items.data.0.current_period_start}
        ",
    );
}

/// Our conclusion: a restart that adds no time to the paid period is billed as any other change,
/// credit and charge. A second restart at the same time adds none, and neither does one in February
/// of a cycle that ends on the 31st.
#[test]
fn new_anchor_that_adds_no_time_credits_and_charges() {
    let restarted = "POST /v1/subscriptions/{s.id} billing_cycle_anchor[type]=now";
    let renewed = "POST /v1/test_helpers/test_clocks/{clock.id}/advance frozen_time={clock.frozen_time+2419200}";
    // 2026-10-01 and 2027-01-31.
    for (start, first) in [(1_790_812_800, restarted), (1_801_353_600, renewed)] {
        replay(&format!(
            "
            price ten 1000 month
            price five 500 month
            clock = POST /v1/test_helpers/test_clocks frozen_time={start}
            c = POST /v1/customers test_clock={{clock.id}} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
            s = POST /v1/subscriptions customer={{c.id}} items[0][price]={{ten.id}}
            {first}
            GET /v1/test_helpers/test_clocks/{{clock.id}}
            POST /v1/subscriptions/{{s.id}} billing_cycle_anchor[type]=now expand[]=latest_invoice
              latest_invoice.lines.data.*.amount = [-1000, 1000]
              latest_invoice.total = 0
            POST /v1/subscriptions/{{s.id}} items[0][id]={{s.items.data.0.id}} items[0][price]={{five.id}}
            GET /v1/invoiceitems customer={{c.id}} pending=true
              data.*.amount = [-1000, 500]
            "
        ));
    }
}
