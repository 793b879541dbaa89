"""What all tests share: clients, the sandbox's admin paths, a note of every answer, a few objects to begin with."""

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
ANSWERS = os.path.join(os.environ["STRIPE_SANDBOX_ANSWERS"], f"{os.getpid()}.ndjson")


class NotingClient(stripe.RequestsClient):
    """The SDK's own client, which keeps every answer for node/shapes/check.js."""

    def request(self, method, url, headers, post_data=None):
        content, status, answered = super().request(method, url, headers, post_data)
        with contextlib.suppress(ValueError), open(ANSWERS, "a", encoding="utf-8") as file:
            note = {"method": method.upper(), "path": urlsplit(url).path, "status": status, "body": json.loads(content)}
            file.write(json.dumps(note) + "\n")
        return content, status, answered


def client(key=KEY, **options):
    """A client of the SDK that does not retry, unless told otherwise."""
    options = {"max_network_retries": 0, "http_client": NotingClient(timeout=30), **options}
    return stripe.StripeClient(key, base_addresses={"api": URL}, **options)


api = client().v1


def admin(to, **body):
    """A request to the sandbox itself."""
    answer = requests.post(f"{URL}/_sandbox{to}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


def at(*moment):
    """Seconds since 1970 of a moment in UTC."""
    return int(datetime(*moment, tzinfo=timezone.utc).timestamp())


@contextlib.contextmanager
def refused(kind, **fields):
    """What is done inside is refused with this exception; these fields are those of its error object or its own."""
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    sent = error.error or {}
    found = {name: sent[name] if name in sent else getattr(error, name, None) for name in fields}
    assert (type(error), found) == (kind, fields)


def ids(page):
    return [one.id for one in page.data]


def customer(card="pm_card_visa", **more):
    """With a card as default, or without any if it is None."""
    if card:
        more |= {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    return api.customers.create(more)


def price(amount=None, **more):
    """A monthly price of its own product, unless it is told otherwise."""
    product = more.pop("product", None) or api.products.create({"name": f"Plan {amount}"}).id
    form = {"currency": "usd", "recurring": {"interval": "month"}, "product": product, **more}
    return api.prices.create(form if amount is None else {**form, "unit_amount": amount})


def clock_at(*moment):
    return api.test_helpers.test_clocks.create({"frozen_time": at(*moment)})


def advance(clock, *moment):
    """Moves a test clock and waits until it is there."""
    clocks = api.test_helpers.test_clocks
    moved = clocks.advance(clock.id, {"frozen_time": at(*moment)})
    assert moved.status == "advancing"
    while moved.status == "advancing":
        moved = clocks.retrieve(clock.id)
    assert (moved.status, moved.frozen_time) == ("ready", at(*moment))


def subscriber(amount, card="pm_card_visa", **more):
    """A customer who has subscribed to a price of this amount on 1 April 2027, on a clock."""
    clock = clock_at(2027, 4, 1)
    owner = customer(card, test_clock=clock.id)
    plan = price(amount)
    form = {"customer": owner.id, "items": [{"price": plan.id}], "expand": ["latest_invoice"], **more}
    made = api.subscriptions.create(form)
    item = made["items"].data[0].id
    return SimpleNamespace(clock=clock, customer=owner, price=plan, subscription=made, item=item)
