"""What all tests share: a client of Stripe's SDK for the sandbox whose address is in the environment."""

import os

import pytest
import stripe

URL = os.environ["STRIPE_SANDBOX_URL"]


def client(key=None, **options):
    addresses = {"api": URL}
    options = {"max_network_retries": 0, "base_addresses": addresses, **options}
    return stripe.StripeClient(key or os.environ["STRIPE_SANDBOX_KEY"], **options)


@pytest.fixture(scope="session")
def api():
    """The endpoints of v1."""
    return client().v1
