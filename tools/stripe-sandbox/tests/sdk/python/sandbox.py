"""Shared by all tests: clients, admin requests, recorded responses, and fixtures."""

import contextlib
import json
import os
from datetime import datetime, timezone
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests
import stripe

URL = os.environ["STRIPE_SANDBOX_URL"]
KEY = os.environ["STRIPE_SANDBOX_KEY"]
ANSWERS = os.path.join(os.environ["STRIPE_SANDBOX_RESPONSES"], f"{os.getpid()}.ndjson")


class NotingClient(stripe.RequestsClient):
    """HTTP client of the SDK that records every response for node/shapes/check.js."""

    def request(self, method, url, headers, post_data=None):
        content, status, received = super().request(method, url, headers, post_data)
        with contextlib.suppress(ValueError), open(ANSWERS, "a", encoding="utf-8") as file:
            note = {"method": method.upper(), "path": urlsplit(url).path, "status": status, "body": json.loads(content)}
            file.write(json.dumps(note) + "\n")
        return content, status, received


def client(key=KEY, **options):
    """Returns a client of the SDK, by default without retries."""
    options = {"max_network_retries": 0, "http_client": NotingClient(timeout=30), **options}
    return stripe.StripeClient(key, base_addresses={"api": URL}, **options)


api = client().v1


def admin(to, **body):
    """Sends an admin request to the sandbox."""
    response = requests.post(f"{URL}/_sandbox{to}", json=body, timeout=30)
    response.raise_for_status()
    return response.json()


def at(*moment):
    """Returns a UTC time in seconds since the Unix epoch."""
    return int(datetime(*moment, tzinfo=timezone.utc).timestamp())


@contextlib.contextmanager
def refused(kind, **fields):
    """Asserts that the block raises this exception with these fields, of the exception or its error object."""
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    sent = error.error or {}
    found = {name: sent[name] if name in sent else getattr(error, name, None) for name in fields}
    assert (type(error), found) == (kind, fields)


def ids(page):
    return [one.id for one in page.data]


def customer(card="pm_card_visa", **more):
    """Creates a customer with a default card, or without one for None."""
    if card:
        more |= {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    return api.customers.create(more)


def price(amount=None, **more):
    """Creates a price of a new product, by default monthly."""
    product = more.pop("product", None) or api.products.create({"name": f"Plan {amount}"}).id
    form = {"currency": "usd", "recurring": {"interval": "month"}, "product": product, **more}
    return api.prices.create(form if amount is None else {**form, "unit_amount": amount})


def clock_at(*moment):
    return api.test_helpers.test_clocks.create({"frozen_time": at(*moment)})


def advance(clock, *moment):
    """Advances a test clock and waits until it is ready."""
    clocks = api.test_helpers.test_clocks
    moved = clocks.advance(clock.id, {"frozen_time": at(*moment)})
    assert moved.status == "advancing"
    while moved.status == "advancing":
        moved = clocks.retrieve(clock.id)
    assert (moved.status, moved.frozen_time) == ("ready", at(*moment))


def subscriber(amount, card="pm_card_visa", **more):
    """Creates a customer on a clock who subscribed to a price of this amount on 1 April 2027."""
    clock = clock_at(2027, 4, 1)
    owner = customer(card, test_clock=clock.id)
    plan = price(amount)
    form = {"customer": owner.id, "items": [{"price": plan.id}], "expand": ["latest_invoice"], **more}
    made = api.subscriptions.create(form)
    item = made["items"].data[0].id
    return SimpleNamespace(clock=clock, customer=owner, price=plan, subscription=made, item=item)
