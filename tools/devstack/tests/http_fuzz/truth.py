"""Reads a customer's billing with Stripe's SDK: one line of JSON per request on stdin, one per response on stdout."""

import json
import os
import sys

import stripe

client = stripe.StripeClient(
    os.environ["STRIPE_KEY"], base_addresses={"api": os.environ["STRIPE_URL"]}, max_network_retries=2
)
api = client.v1


def every(page):
    return [entry.to_dict(for_json=True) for entry in page.auto_paging_iter()]


def invoice(entry):
    """Returns an invoice with all its lines."""
    lines = entry["lines"]["data"]
    if entry["lines"]["has_more"]:
        lines = every(api.invoices.line_items.list(entry["id"], {"limit": 100}))
    return {**entry, "lines": lines}


def read(customer, since):
    """Returns everything that the fuzzer's laws compare. Events come oldest first."""
    own = {"customer": customer, "limit": 100}
    types = ["customer.subscription.created", "customer.subscription.updated"]
    events = every(api.events.list({"types": types, "created": {"gte": since}, "limit": 100}))
    return {
        "customer": api.customers.retrieve(customer).to_dict(for_json=True),
        "subscriptions": every(api.subscriptions.list({**own, "status": "all"})),
        "invoices": [invoice(entry) for entry in every(api.invoices.list(own))],
        "items": every(api.invoice_items.list(own)),
        "intents": every(api.payment_intents.list(own)),
        "sessions": every(api.checkout.sessions.list(own)),
        "events": [entry for entry in reversed(events) if entry["data"]["object"]["customer"] == customer],
    }


for line in sys.stdin:
    print(json.dumps(read(**json.loads(line))), flush=True)
