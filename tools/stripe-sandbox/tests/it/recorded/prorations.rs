//! Amounts, parents, prices and order of proration lines and pending items.

use super::replay::replay;

/// proration, 8-10. Of 30 days, 6480 seconds are a four-hundredth.
#[test]
fn tie_of_a_price_change_rounds_towards_minus_infinity() {
    replay(
        "
        price ten 1000 month
        price eighteen 1800 month
        clock = POST /v1/test_helpers/test_clocks frozen_time=1790021304
        c = POST /v1/customers test_clock={clock.id} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        u = POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={eighteen.id} proration_behavior=always_invoice proration_date={s.items.data.0.current_period_end-6480}
          items.total_count = 1
          plan.id = {eighteen.id}
          quantity = 1
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [-3, 4]
          lines.data.*.quantity = [1, 1]
          lines.data.*.pricing.unit_amount_decimal = [null, null]
          lines.data.*.discountable = [false, false]
          lines.data.0.pricing.price_details.price = {ten.id}
          lines.data.1.pricing.price_details.price = {eighteen.id}
          lines.data.0.parent.type = \"subscription_item_details\"
          lines.data.0.parent.subscription_item_details.proration = true
          lines.data.0.parent.subscription_item_details.invoice_item set
          lines.data.0.parent.subscription_item_details.proration_details.credited_items.invoice = {s.latest_invoice}
          lines.data.1.parent.subscription_item_details.proration_details.credited_items = null
          lines.data.0.subscription absent
          lines.data.0.pretax_credit_amounts = []
          lines.total_count = 2
          subtotal = 1
          total = 1
          amount_due = 0
          amount_paid = 0
          starting_balance = 0
          ending_balance = 1
          status = \"paid\"
          attempted = true
          attempt_count = 0
          auto_advance = false
          billing_reason = \"subscription_update\"
          rendering = null
        ",
    );
}

/// proration, 11-13. The whole item is prorated again, not the difference.
#[test]
fn tie_of_a_quantity_change_rounds_towards_minus_infinity() {
    replay(
        "
        price ten 1000 month
        clock = POST /v1/test_helpers/test_clocks frozen_time=1790021304
        c = POST /v1/customers test_clock={clock.id} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        u = POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][quantity]=3 proration_behavior=always_invoice proration_date={s.items.data.0.current_period_end-6480}
          quantity = 3
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [-3, 7]
          lines.data.*.quantity = [1, 3]
          lines.data.*.quantity_decimal = [\"1\", \"3\"]
          lines.data.0.description starts Unused time on Case plan after
          lines.data.1.description starts Remaining time on 3 × Case plan after
          total = 4
          ending_balance = 4
        ",
    );
}

/// proration, 14-17.
#[test]
fn negative_total_of_a_downgrade_becomes_balance_at_once() {
    replay(
        "
        price ten 1000 month
        price twenty 2000 month
        clock = POST /v1/test_helpers/test_clocks frozen_time=1790021304
        c = POST /v1/customers test_clock={clock.id} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
        s = POST /v1/subscriptions customer={c.id} items[0][price]={twenty.id}
        u = POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={ten.id} proration_behavior=always_invoice proration_date={s.items.data.0.current_period_end-864000}
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [-667, 333]
          total = -334
          amount_due = 0
          ending_balance = -334
          status = \"paid\"
          attempted = true
          attempt_count = 0
          period_start = {s.items.data.0.current_period_start}
        GET /v1/customers/{c.id}
          balance = -334
          next_invoice_sequence = 3
        ",
    );
}

/// settlement, 8-10.
#[test]
fn upgrade_with_a_third_of_the_period_left_is_charged_at_once() {
    replay(
        "
        price twenty 2000 month
        price large 60000 month
        clock = POST /v1/test_helpers/test_clocks frozen_time=1790021304
        c = POST /v1/customers test_clock={clock.id} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
        s = POST /v1/subscriptions customer={c.id} items[0][price]={twenty.id}
        u = POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={large.id} proration_behavior=always_invoice proration_date={s.items.data.0.current_period_end-864000}
        GET /v1/invoices/{u.latest_invoice}
          lines.data.*.amount = [-667, 20000]
          amount_due = 19333
          amount_paid = 19333
          attempt_count = 1
        ",
    );
}

/// proration, 18-20. The same ties as pending items: the credit first.
#[test]
fn pending_items_of_a_change_list_the_credit_first() {
    replay(
        "
        price ten 1000 month
        price eighteen 1800 month
        clock = POST /v1/test_helpers/test_clocks frozen_time=1790021304
        c = POST /v1/customers test_clock={clock.id} payment_method=pm_card_visa invoice_settings[default_payment_method]=pm_card_visa
        s = POST /v1/subscriptions customer={c.id} items[0][price]={ten.id}
        POST /v1/subscriptions/{s.id} items[0][id]={s.items.data.0.id} items[0][price]={eighteen.id} proration_behavior=create_prorations proration_date={s.items.data.0.current_period_end-6480}
          latest_invoice = {s.latest_invoice}
        GET /v1/invoiceitems customer={c.id} pending=true
          data.*.amount = [-3, 4]
          data.*.net_amount = [-3, 4]
          data.*.proration = [true, true]
          data.*.discountable = [false, false]
          data.*.quantity = [1, 1]
          data.*.invoicing_rules = [[], []]
          data.0.frozen_fields = [\"pricing\", \"quantity\", \"discounts\"]
          data.0.pricing.price_details.price = {ten.id}
          data.0.pricing.unit_amount_decimal = null
          data.1.pricing.price_details.price = {eighteen.id}
          data.0.parent.type = \"subscription_details\"
          data.0.parent.subscription_details.subscription = {s.id}
          data.0.parent.subscription_details.subscription_item = {s.items.data.0.id}
          data.0.proration_details.credited_items.type = \"invoice_line_items\"
          data.0.proration_details.credited_items.invoice_line_item_details.invoice = {s.latest_invoice}
          data.1.proration_details.credited_items = null
          data.1.proration_details.discount_amounts = []
          data.0.period.start = {s.items.data.0.current_period_end-6480}
          data.0.period.end = {s.items.data.0.current_period_end}
        ",
    );
}

/// coupons.
#[test]
fn subscription_discount_is_in_the_total_and_not_in_the_subtotal() {
    replay(
        "
        customer c pm_card_visa
        price small 2500 month
        k = POST /v1/coupons percent_off=10 duration=forever
        s = POST /v1/subscriptions customer={c.id} items[0][price]={small.id} discounts[0][coupon]={k.id}
        GET /v1/invoices/{s.latest_invoice}
          subtotal = 2500
          total = 2250
          amount_paid = 2250
          lines.data.0.amount = 2500
          lines.data.0.discount_amounts.0.amount = 250
          total_discount_amounts.0.amount = 250
        ",
    );
}
