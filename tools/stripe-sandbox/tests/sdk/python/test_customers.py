"""Customers, payment methods and balance."""

import stripe

from sandbox import api, customer, ids, refused


def test_customer_is_created_updated_listed_and_deleted():
    made = api.customers.create(
        {
            "email": "grace@example.com",
            "address": {"line1": "1 Main Street", "country": "US"},
            "metadata": {"a": "1", "b": "2"},
            "preferred_locales": ["en"],
        }
    )
    assert (made.address.line1, made.metadata["a"]) == ("1 Main Street", "1")
    changed = api.customers.update(made.id, {"name": "Grace", "metadata": {"a": ""}})
    assert (changed.name, changed.metadata.to_dict()) == ("Grace", {"b": "2"})
    assert ids(api.customers.list({"email": "grace@example.com"})) == [made.id]
    assert api.customers.delete(made.id).deleted is True
    assert api.customers.retrieve(made.id).deleted is True
    with refused(stripe.InvalidRequestError, http_status=404, code="resource_missing", param="id"):
        api.customers.update(made.id, {"name": "Bob"})


def test_cards_are_attached_listed_made_the_default_and_detached():
    owner = customer(None)
    visa = api.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    amex = api.payment_methods.attach("pm_card_amex", {"customer": owner.id})
    assert (visa.card.brand, amex.card.brand, amex.card.last4) == ("visa", "amex", "0005")
    default = {"invoice_settings": {"default_payment_method": amex.id}}
    expand = {"expand": ["invoice_settings.default_payment_method"]}
    shown = api.customers.update(owner.id, default | expand)
    assert shown.invoice_settings.default_payment_method.card.exp_year > 2030
    assert ids(api.payment_methods.list({"customer": owner.id})) == [amex.id, visa.id]
    assert ids(api.customers.payment_methods.list(owner.id, {"type": "card"})) == [amex.id, visa.id]
    assert api.customers.payment_methods.retrieve(owner.id, visa.id).customer == owner.id
    assert api.payment_methods.detach(amex.id).customer is None
    assert api.customers.retrieve(owner.id).invoice_settings.default_payment_method is None
    with refused(stripe.InvalidRequestError, http_status=400):
        api.payment_methods.detach(amex.id)


def test_declined_card_is_not_saved():
    owner = customer(None)
    with refused(stripe.CardError, http_status=402, code="card_declined", decline_code="lost_card"):
        api.payment_methods.attach("pm_card_chargeDeclinedLostCard", {"customer": owner.id})
    assert ids(api.payment_methods.list({"customer": owner.id})) == []


def test_balance_is_the_sum_of_its_transactions():
    owner = customer(None, balance=-300)
    form = {"amount": 500, "currency": "usd", "description": "Owed"}
    booked = api.customers.balance_transactions.create(owner.id, form)
    assert (booked.type, booked.ending_balance) == ("adjustment", 200)
    assert api.customers.balance_transactions.retrieve(owner.id, booked.id).description == "Owed"
    kinds = [one.type for one in api.customers.balance_transactions.list(owner.id).data]
    assert kinds == ["adjustment", "initial"]
    with refused(stripe.InvalidRequestError, http_status=400):
        api.customers.balance_transactions.create(owner.id, {"amount": 1, "currency": "eur"})


def test_module_level_api_of_the_sdk_works(monkeypatch):
    from sandbox import KEY, URL, NotingClient

    for name, value in [("api_key", KEY), ("api_base", URL), ("default_http_client", NotingClient())]:
        monkeypatch.setattr(stripe, name, value)
    made = stripe.Customer.create(name="Ada", metadata={"plan": "pro"})
    assert stripe.Customer.modify(made.id, name="Ada L.").name == "Ada L."
    assert made.refresh().name == "Ada L."
    assert made.delete().deleted is True
