//! Manual invoices and invoice items.

use super::replay::replay;

/// invoices, 4-25.
#[test]
fn manual_invoice_lists_the_newest_item_first_and_is_paid_as_a_draft() {
    replay(
        "
        customer c pm_card_visa
        first = POST /v1/invoiceitems customer={c.id} amount=2000 currency=usd description=first
          frozen_fields = []
          invoicing_rules = []
          net_amount absent
          parent = null
          proration = false
          pricing.unit_amount_decimal = \"2000\"
          pricing.price_details.price set
          pricing.price_details.product set
        POST /v1/invoiceitems customer={c.id} amount=1500 currency=usd description=second
        GET /v1/invoiceitems customer={c.id} pending=true
          data.*.amount = [1500, 2000]
        i = POST /v1/invoices customer={c.id} pending_invoice_items_behavior=include
          lines.data.*.amount = [1500, 2000]
          lines.data.1.pricing.price_details.price = {first.pricing.price_details.price}
          lines.data.0.pricing.unit_amount_decimal = \"1500\"
          lines.data.0.parent.type = \"invoice_item_details\"
          lines.data.0.parent.invoice_item_details.subscription = null
          lines.data.0.parent.invoice_item_details.proration_details.credited_items = null
          lines.total_count = 2
          total = 3500
          auto_advance = false
          next_payment_attempt = null
          rendering.pdf.page_size = \"auto\"
          rendering.template = null
          webhooks_delivered_at set
        POST /v1/invoices/{i.id}/pay
          status = \"paid\"
          attempt_count = 1
          attempted = true
          amount_paid = 3500
          number set
          rendering.pdf.page_size = \"letter\"
        ",
    );
}

/// invoices, 20-24 and 66.
#[test]
fn deleted_draft_keeps_its_items_from_being_billed() {
    replay(
        "
        customer c pm_card_visa
        x = POST /v1/invoiceitems customer={c.id} amount=800 currency=usd
        a = POST /v1/invoices customer={c.id} auto_advance=true pending_invoice_items_behavior=include
          automatically_finalizes_at set
        GET /v1/invoices/{a.id}
          next_payment_attempt = {a.created+3600}
        POST /v1/invoices/{a.id} auto_advance=false
          automatically_finalizes_at = null
          next_payment_attempt = null
        POST /v1/invoices/{a.id} auto_advance=true
          next_payment_attempt = {a.created+3600}
        DELETE /v1/invoices/{a.id}
          deleted = true
        GET /v1/invoiceitems customer={c.id} pending=true
          data = []
        DELETE /v1/invoiceitems/{x.id} -> 400
          error.message = \"Can't delete an invoice item that is attached to an invoice that is no longer editable\"
          error.code absent
        ",
    );
}

/// invoices, 31-36 and 57.
#[test]
fn empty_invoice_is_paid_when_it_is_finalized() {
    replay(
        "
        customer c pm_card_visa
        i = POST /v1/invoices customer={c.id}
          lines.total_count = 0
          status = \"draft\"
        POST /v1/invoices/{i.id}/finalize
          status = \"paid\"
          attempted = true
          attempt_count = 0
          ending_balance = 0
          number set
        s = POST /v1/invoices customer={c.id} collection_method=send_invoice days_until_due=7
          due_date set
        POST /v1/invoices/{s.id}/send
          status = \"paid\"
          attempted = true
        ",
    );
}

/// invoices, 58-62.
#[test]
fn payment_out_of_band_is_not_an_attempt() {
    replay(
        "
        customer c pm_card_visa
        POST /v1/invoiceitems customer={c.id} amount=4400 currency=usd
        o = POST /v1/invoices customer={c.id} collection_method=send_invoice days_until_due=7 auto_advance=true pending_invoice_items_behavior=include
          automatically_finalizes_at set
          next_payment_attempt = null
        POST /v1/invoices/{o.id}/finalize
          status = \"open\"
          attempted = false
          next_payment_attempt = null
        POST /v1/invoices/{o.id}/send
          status = \"open\"
        POST /v1/invoices/{o.id}/pay paid_out_of_band=true
          status = \"paid\"
          attempted = false
          attempt_count = 0
          amount_paid = 4400
          auto_advance = false
        ",
    );
}

/// invoices, 41-54.
#[test]
fn only_open_invoices_are_voided_or_marked_uncollectible() {
    replay(
        "
        customer c pm_card_visa
        draft = POST /v1/invoices customer={c.id}
        POST /v1/invoices/{draft.id}/void -> 400
          error.message = \"You can only pass in open invoices. This invoice isn't open.\"
        POST /v1/invoices/{draft.id}/mark_uncollectible -> 400
          error.message = \"You can only pass in open invoices. This invoice isn't open.\"
        POST /v1/invoiceitems customer={c.id} amount=3000 currency=usd
        v = POST /v1/invoices customer={c.id} pending_invoice_items_behavior=include
        POST /v1/invoices/{v.id}/finalize
          status = \"open\"
          attempted = false
          attempt_count = 0
        POST /v1/invoices/{v.id}/void
          status = \"void\"
          amount_remaining = 3000
          status_transitions.voided_at set
        POST /v1/invoices/{v.id}/void -> 400
          error.message = \"You can only pass in open invoices. This invoice isn't open.\"
          error.code absent
        POST /v1/invoiceitems customer={c.id} amount=1200 currency=usd
        u = POST /v1/invoices customer={c.id} pending_invoice_items_behavior=include
        POST /v1/invoices/{u.id}/finalize
        POST /v1/invoices/{u.id}/mark_uncollectible
          status = \"uncollectible\"
          amount_remaining = 1200
        POST /v1/invoices/{u.id}/mark_uncollectible -> 400
          error.message = \"This invoice has already been marked uncollectible.\"
        ",
    );
}
