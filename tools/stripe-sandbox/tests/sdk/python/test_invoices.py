"""Invoices, checkout and the portal."""

import pytest
import requests
import stripe

from sandbox import api, customer, ids, price, refused

CARDS = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
]


def draft(amount, **more):
    owner = customer()
    invoice = api.invoices.create({"customer": owner.id, "auto_advance": False, **more})
    form = {"customer": owner.id, "invoice": invoice.id, "amount": amount, "currency": "usd"}
    return owner, invoice, api.invoice_items.create(form)


def test_invoice_is_created_finalized_and_paid():
    owner, invoice, item = draft(4200, description="By hand")
    assert ids(api.invoice_items.list({"invoice": invoice.id})) == [item.id]
    open_one = api.invoices.finalize_invoice(invoice.id, {"auto_advance": False})
    assert (open_one.status, open_one.amount_remaining) == ("open", 4200)
    paid = api.invoices.pay(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (paid.status, paid.amount_paid) == ("paid", 4200)
    assert paid.payments.data[0].payment.payment_intent.amount_received == 4200
    assert ids(api.invoices.list({"customer": owner.id, "status": "paid"})) == [invoice.id]
    with refused(stripe.InvalidRequestError, http_status=400, message="Invoice is already paid"):
        api.invoices.pay(invoice.id)


def test_invoice_can_be_voided_marked_uncollectible_or_deleted():
    _, first, _ = draft(900)
    assert api.invoices.delete(first.id).deleted is True
    _, second, _ = draft(900)
    api.invoices.finalize_invoice(second.id)
    assert api.invoices.mark_uncollectible(second.id).status_details.uncollectible.reason == "user_forgiven"
    assert api.invoices.void_invoice(second.id).status == "void"
    with refused(stripe.InvalidRequestError, http_status=400):
        api.invoices.pay(second.id)


@pytest.mark.parametrize("token, code, decline_code", CARDS)
def test_declined_card_returns_its_code(token, code, decline_code):
    _, invoice, _ = draft(900)
    with refused(stripe.CardError, http_status=402, code=code) as caught:
        api.invoices.pay(invoice.id, {"payment_method": token})
    assert getattr(caught.value.error, "decline_code", None) == decline_code
    assert caught.value.error.payment_intent.status == "requires_payment_method"


def test_lines_of_a_long_invoice_are_fetched_page_by_page():
    owner = customer()
    for amount in range(100, 1300, 100):
        api.invoice_items.create({"customer": owner.id, "amount": amount, "currency": "usd"})
    invoice = api.invoices.create({"customer": owner.id, "pending_invoice_items_behavior": "include"})
    assert (len(invoice.lines.data), invoice.lines.has_more, invoice.total) == (10, True, 7800)
    lines = list(invoice.lines.auto_paging_iter())
    assert sum(line.amount for line in lines) == 7800
    # Newest first.
    assert [line.amount for line in lines] == list(range(1200, 0, -100))
    assert len(list(api.invoices.line_items.list(invoice.id, {"limit": 5}).auto_paging_iter())) == 12


def session(**more):
    plan = price(3500)
    form = {"mode": "subscription", "line_items": [{"price": plan.id, "quantity": 1}], **more}
    return api.checkout.sessions.create({"success_url": "https://app.example/done", **form})


def test_paying_on_the_page_creates_the_subscription():
    owner = customer(None)
    made = session(customer=owner.id, subscription_data={"metadata": {"plan": "pro"}})
    assert (made.status, made.subscription, made.amount_total) == ("open", None, 3500)
    form = {"number": "4242424242424242", "expiry": "12/39", "cvc": "123", "name": "Ada"}
    response = requests.post(made.url, data=form, allow_redirects=False, timeout=30)
    assert response.headers["location"] == "https://app.example/done"
    done = api.checkout.sessions.retrieve(made.id, {"expand": ["subscription", "line_items"]})
    assert (done.status, done.subscription.status, done.subscription.metadata["plan"]) == ("complete", "active", "pro")
    assert done.line_items.data[0].amount_total == 3500
    assert ids(api.checkout.sessions.list({"customer": owner.id})) == [made.id]
    assert len(api.checkout.sessions.line_items.list(made.id).data) == 1
    with refused(stripe.InvalidRequestError, http_status=400):
        api.checkout.sessions.expire(made.id)


def test_session_can_be_expired_and_conflicting_parameters_are_refused():
    assert api.checkout.sessions.expire(session().id).status == "expired"
    with refused(stripe.InvalidRequestError, code="payment_method_types_no_longer_supported"):
        session(payment_method_types=["card"])
    with refused(stripe.InvalidRequestError, code="parameters_exclusive"):
        session(customer=customer(None).id, customer_email="a@example.com")
    with refused(stripe.InvalidRequestError, param="mode", http_status=400):
        api.checkout.sessions.create({"success_url": "https://app.example/done"})


def test_portal_session_requires_a_configuration():
    owner = customer()
    form = {"customer": owner.id, "return_url": "https://app.example/billing"}
    with refused(stripe.InvalidRequestError, http_status=400, code=None) as caught:
        api.billing_portal.sessions.create(form)
    assert caught.value.user_message.startswith("No configuration provided and your test mode default")
    features = {"payment_method_update": {"enabled": True}, "invoice_history": {"enabled": True}}
    saved = api.billing_portal.configurations.create({"features": features})
    assert api.billing_portal.configurations.update(saved.id, {"name": "Ours"}).name == "Ours"
    assert ids(api.billing_portal.configurations.list()) == [saved.id]
    form["configuration"] = saved.id
    made = api.billing_portal.sessions.create(form | {"flow_data": {"type": "payment_method_update"}})
    assert (made.configuration, made.flow.type) == (saved.id, "payment_method_update")
    assert requests.get(made.url, timeout=30).status_code == 200
    cancel = {"type": "subscription_cancel", "subscription_cancel": {"subscription": "sub_none"}}
    with refused(stripe.InvalidRequestError, http_status=400):
        api.billing_portal.sessions.create(form | {"flow_data": cancel})
