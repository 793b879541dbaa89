"""Subscriptions: changes, their cost, and failed payments."""

import pytest
import stripe

from sandbox import admin, advance, api, at, customer, ids, price, refused, subscriber

HALF = (2027, 4, 16)


def half_way(**more):
    """Creates a customer with a subscription of 20.00 a month, in the middle of the month."""
    begun = subscriber(2000, **more)
    advance(begun.clock, *HALF)
    return begun


def break_card(begun, card="pm_card_chargeCustomerFail"):
    bad = api.payment_methods.attach(card, {"customer": begun.customer.id})
    api.subscriptions.update(begun.subscription.id, {"default_payment_method": bad.id})


@pytest.fixture(scope="module")
def more():
    """Price to change to."""
    return price(5000)


def change(begun, to, **form):
    items = [{"id": begun.item, "price": to.id}]
    form = {"items": items, "expand": ["latest_invoice.confirmation_secret"], **form}
    return api.subscriptions.update(begun.subscription.id, form)


def test_subscription_is_created_listed_and_canceled():
    begun = subscriber(3500, metadata={"account": "acme"})
    made = begun.subscription
    assert (made.status, made.latest_invoice.status, made.latest_invoice.amount_paid) == ("active", "paid", 3500)
    # The SDK warns about this: `items` is also a method of every object.
    assert made["items"].data[0].price.id == begun.price.id
    assert ids(api.subscriptions.list({"customer": begun.customer.id, "status": "active"})) == [made.id]
    assert ids(api.subscription_items.list({"subscription": made.id})) == [begun.item]
    deep = api.subscriptions.retrieve(made.id, {"expand": ["items.data.price.product", "customer"]})
    assert deep["items"].data[0].price.product.name == "Plan 3500"
    details = {"comment": "Bye", "feedback": "unused"}
    ended = api.subscriptions.cancel(made.id, {"cancellation_details": details})
    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "unused")
    assert ids(api.subscriptions.list({"customer": begun.customer.id})) == []
    assert ids(api.subscriptions.list({"customer": begun.customer.id, "status": "all"})) == [made.id]


@pytest.mark.parametrize(
    "behavior, pending, charged",
    [("create_prorations", 2, 0), ("always_invoice", 0, 1500), ("none", 0, 0)],
)
def test_proration_behavior_determines_when_the_difference_is_paid(more, behavior, pending, charged):
    begun = half_way()
    changed = change(begun, more, proration_behavior=behavior)
    waiting = api.invoice_items.list({"customer": begun.customer.id, "pending": True}).data
    assert len(waiting) == pending
    first = begun.subscription.latest_invoice.id
    newer = changed.latest_invoice if changed.latest_invoice.id != first else None
    assert (newer.amount_paid if newer else 0) == charged
    upcoming = api.invoices.create_preview({"subscription": begun.subscription.id})
    assert upcoming.amount_due == 5000 + sum(item.amount for item in waiting)


@pytest.mark.parametrize(
    "behavior, status, price_changed",
    [
        ("allow_incomplete", "past_due", True),
        ("default_incomplete", "past_due", True),
        ("pending_if_incomplete", "active", False),
        ("error_if_incomplete", "active", False),
    ],
)
def test_payment_behavior_determines_the_result_of_an_unpaid_change(more, behavior, status, price_changed):
    begun = half_way()
    break_card(begun)
    form = {"proration_behavior": "always_invoice", "payment_behavior": behavior}
    if behavior == "error_if_incomplete":
        with refused(stripe.CardError, http_status=402, code="card_declined"):
            change(begun, more, **form)
    else:
        assert change(begun, more, **form).latest_invoice.status == "open"
    found = api.subscriptions.retrieve(begun.subscription.id)
    assert found.status == status
    assert (found["items"].data[0].price.id == more.id) is price_changed
    assert (found.pending_update is not None) is (behavior == "pending_if_incomplete")


@pytest.mark.parametrize(
    "amount, interval, anchor",
    [(5000, "month", None), (500, "month", None), (20000, "year", "now")],
)
def test_charge_matches_the_preview(amount, interval, anchor):
    rate = api.tax_rates.create({"display_name": "Tax", "percentage": 8.875, "inclusive": False})
    begun = half_way(default_tax_rates=[rate.id])
    api.customers.balance_transactions.create(begun.customer.id, {"amount": -123, "currency": "usd"})
    to = price(amount, recurring={"interval": interval})
    form = {"proration_behavior": "always_invoice"}
    form |= {"billing_cycle_anchor": {"type": anchor}} if anchor else {"proration_date": at(*HALF)}
    details = {**form, "items": [{"id": begun.item, "price": to.id}]}
    preview = api.invoices.create_preview(
        {"subscription": begun.subscription.id, "subscription_details": details}
    )
    invoice = change(begun, to, **form).latest_invoice
    for field in ("subtotal", "total", "amount_due", "starting_balance", "currency"):
        assert preview[field] == invoice[field], field
    lines = [[(line.amount, line.description) for line in one.lines.data] for one in (preview, invoice)]
    assert lines[0] == lines[1]
    with refused(stripe.InvalidRequestError, http_status=404):
        api.invoices.retrieve(preview.id)


def test_anchor_must_be_an_object(more):
    begun = half_way()
    with refused(stripe.InvalidRequestError, http_status=400):
        change(begun, more, billing_cycle_anchor="now")
    changed = change(begun, more, billing_cycle_anchor={"type": "now"}, proration_behavior="none")
    assert (changed.billing_cycle_anchor, changed.latest_invoice.amount_paid) == (at(*HALF), 5000)


def test_pending_update_is_applied_when_paid_or_expires(more):
    form = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    paying, waiting = half_way(), half_way()
    for begun in (paying, waiting):
        break_card(begun, "pm_card_authenticationRequired")
        changed = change(begun, more, **form)
        assert changed.pending_update.subscription_items[0].price.id == more.id
        assert changed.pending_update.expires_at == at(2027, 4, 16, 23)
        begun.invoice = changed.latest_invoice.id
    payments = api.invoice_payments.list({"invoice": paying.invoice, "expand": ["data.payment.payment_intent"]})
    intent = payments.data[0].payment.payment_intent
    assert intent.status == "requires_action"
    admin(f"/payment_intents/{intent.id}/authenticate", succeed=True)
    applied = api.subscriptions.retrieve(paying.subscription.id)
    assert (applied.pending_update, applied["items"].data[0].price.id) == (None, more.id)
    advance(waiting.clock, 2027, 4, 17)
    dropped = api.subscriptions.retrieve(waiting.subscription.id)
    assert (dropped.pending_update, dropped["items"].data[0].price.id) == (None, waiting.price.id)
    assert api.invoices.retrieve(waiting.invoice).status == "void"
    with refused(stripe.InvalidRequestError, http_status=400):
        change(waiting, more, **form, default_payment_method="pm_card_visa")


def test_declined_renewal_is_retried_and_then_unpaid():
    begun = subscriber(2000)
    break_card(begun)
    advance(begun.clock, 2027, 5, 1, 2)
    overdue = api.subscriptions.retrieve(begun.subscription.id, {"expand": ["latest_invoice.payments"]})
    assert (overdue.status, overdue.latest_invoice.attempt_count) == ("past_due", 1)
    intent = overdue.latest_invoice.payments.data[0].payment.payment_intent
    failure = api.payment_intents.retrieve(intent).last_payment_error
    assert (failure.code, failure.decline_code, failure.type) == ("card_declined", "generic_decline", "card_error")
    with refused(stripe.CardError, http_status=402, code="card_declined") as caught:
        api.invoices.pay(overdue.latest_invoice.id)
    assert caught.value.error.payment_intent.id == intent
    advance(begun.clock, 2027, 5, 18)
    assert api.subscriptions.retrieve(begun.subscription.id).status == "unpaid"
    api.invoices.pay(overdue.latest_invoice.id, {"payment_method": "pm_card_visa"})
    assert api.subscriptions.retrieve(begun.subscription.id).status == "active"


def test_trials_end_by_time_or_by_request():
    begun = subscriber(2000, trial_period_days=10)
    assert (begun.subscription.status, begun.subscription.latest_invoice.total) == ("trialing", 0)
    ended = api.subscriptions.update(begun.subscription.id, {"trial_end": "now", "expand": ["latest_invoice"]})
    assert (ended.status, ended.latest_invoice.amount_paid) == ("active", 2000)
    other = subscriber(2000, trial_end=at(2027, 4, 8))
    advance(other.clock, 2027, 4, 8, 2)
    running = api.subscriptions.retrieve(other.subscription.id, {"expand": ["latest_invoice"]})
    assert (running.status, running.latest_invoice.amount_paid) == ("active", 2000)


def test_subscription_is_paused_and_resumed():
    begun = half_way()
    paused = api.subscriptions.pause(begun.subscription.id, {"type": "subscription"})
    assert (paused.status, paused.status_details.paused.subscription.type) == ("paused", "pause_requested")
    waiting = api.invoice_items.list({"customer": begun.customer.id, "pending": True})
    assert [item.amount for item in waiting.data] == [-1000]
    resumed = api.subscriptions.resume(begun.subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    assert (resumed.status, resumed["items"].data[0].current_period_end) == ("active", at(2027, 5, 1))
    with refused(stripe.InvalidRequestError, http_status=400):
        api.subscriptions.resume(begun.subscription.id, {"billing_cycle_anchor": "now"})


def test_cancellation_can_be_scheduled_and_undone():
    begun = subscriber(2000)
    ending = api.subscriptions.update(begun.subscription.id, {"cancel_at_period_end": True})
    assert (ending.cancel_at_period_end, ending.cancel_at) == (True, at(2027, 5, 1))
    kept = api.subscriptions.update(begun.subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at_period_end, kept.cancel_at) == (False, None)
    api.subscriptions.update(begun.subscription.id, {"cancel_at": "min_period_end"})
    cleared = api.subscriptions.update(begun.subscription.id, {"cancel_at": ""})
    assert cleared.cancel_at is None
    with refused(stripe.InvalidRequestError, http_status=400):
        api.subscriptions.create({"customer": customer().id, "items": [{"price": "price_none"}]})
