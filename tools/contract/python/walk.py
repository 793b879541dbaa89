"""Walks through the README's "A subscription's life" with the client that openapi-python-client generates.

mypy checks this file against the generated types: a field, a code or a parameter that openapi.yaml does not have
fails the test.
"""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from cantila_billing_api_client import AuthenticatedClient
from cantila_billing_api_client.api.checkout_and_portal import create_checkout_session, create_portal_session
from cantila_billing_api_client.api.plan_changes import change_plan, preview_plan_change
from cantila_billing_api_client.api.reading import get_dunning, get_summary, list_invoices
from cantila_billing_api_client.models import (
    AlreadySubscribedError,
    Dunning,
    DunningState,
    EmbeddedCheckoutRequest,
    EmbeddedCheckoutSession,
    HostedCheckoutRequest,
    HostedCheckoutSession,
    Interval,
    InvoicePage,
    InvoiceStatus,
    PaymentFailedError,
    PaymentFailedKind,
    PlanChange,
    PlanChangePreview,
    PlanChangePreviewDirection,
    PlanChangePreviewRequest,
    PlanChangeRequest,
    PortalFlow,
    PortalSession,
    PortalSessionRequest,
    RecoveryAction,
    SubscriptionStatus,
    Summary,
    UnknownPlanError,
)

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["KEY"])
checks = 0


def check(name: str, actual: object, expected: object) -> None:
    global checks
    checks += 1
    assert actual == expected, f"{name} is {actual!r}, not {expected!r}"


class KeepRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads to the console, which does not run here."""

    def redirect_request(self, *_: object) -> None:
        return None


def submit_card(url: str, number: str) -> None:
    """Submits the card form of one of the sandbox's pages, as a browser does."""
    card = {"number": number, "expiry": "12/39", "cvc": "123", "name": "Ada"}
    address = {"email": "ada@example.com", "country": "US", "postal_code": "10001"}
    body = urllib.parse.urlencode(card | address).encode()
    try:
        urllib.request.build_opener(KeepRedirect).open(url, body)
    except urllib.error.HTTPError as error:
        assert error.status in (302, 303), f"{url}: {error.status} {error.read().decode()}"


def summary() -> Summary:
    parsed = get_summary.sync(client=client)
    assert isinstance(parsed, Summary), parsed
    return parsed


def dunning() -> Dunning:
    parsed = get_dunning.sync(client=client)
    assert isinstance(parsed, Dunning), parsed
    return parsed


before = summary()
check("the first plan", before.plan, "hobby")
check("the first status", before.status, SubscriptionStatus.NONE)

# A session has a URL or a client secret. Its class says which of them is a string.
wanted = EmbeddedCheckoutRequest(plan="pro", ui_mode="embedded")
embedded = create_checkout_session.sync(client=client, body=wanted)
assert isinstance(embedded, EmbeddedCheckoutSession), embedded
check("the URL of an embedded session", embedded.url, None)
secret: str = embedded.client_secret
check("the client secret", "_secret_" in secret, True)

# 1. Subscribe.
session = create_checkout_session.sync(client=client, body=HostedCheckoutRequest(plan="pro"))
assert isinstance(session, HostedCheckoutSession), session
check("the client secret of a hosted session", session.client_secret, None)
url: str = session.url
submit_card(url, "4242424242424242")
check("the plan", summary().plan, "pro")

# Each code has a class of its own, which types its details.
again = create_checkout_session.sync(client=client, body=HostedCheckoutRequest(plan="pro"))
assert isinstance(again, AlreadySubscribedError), again
check("the details of already_subscribed", again.details, None)
unknown = preview_plan_change.sync(client=client, body=PlanChangePreviewRequest(plan="gold"))
assert isinstance(unknown, UnknownPlanError), unknown
check("the field of unknown_plan", unknown.details.field, "plan")
if TYPE_CHECKING:
    # Only payment_failed has a kind: mypy reports a comment that ignores no error.
    unknown.details.kind  # type: ignore[attr-defined]

# 2. Preview.
preview = preview_plan_change.sync(client=client, body=PlanChangePreviewRequest(plan="agency"))
assert isinstance(preview, PlanChangePreview), preview
check("the direction", preview.direction, PlanChangePreviewDirection.UPGRADE)
check("the plan after the preview", summary().plan, "pro")

# 3. Change, twice with one key.
change = PlanChangeRequest(plan="agency", quote=preview.quote)
first = change_plan.sync_detailed(client=client, body=change, idempotency_key="walk-python")
applied = first.parsed
assert isinstance(applied, PlanChange), applied
check("the outcome", applied.outcome, "applied")
assert applied.invoice is not None
check("the amount of the invoice", applied.invoice.amount, preview.proration_amount)
check("the first replay header", first.headers.get("idempotent-replayed"), None)
second = change_plan.sync_detailed(client=client, body=change, idempotency_key="walk-python")
check("the second body", second.parsed, applied)
check("the second replay header", second.headers.get("idempotent-replayed"), "true")

# 4. A declined card.
flow = PortalSessionRequest(flow=PortalFlow.PAYMENT_METHOD_UPDATE)
portal = create_portal_session.sync(client=client, body=flow)
assert isinstance(portal, PortalSession), portal
submit_card(portal.url.removesuffix("/card") + "/card", "4000000000000341")
yearly = PlanChangeRequest(plan="agency", interval=Interval.YEAR)
declined = change_plan.sync_detailed(client=client, body=yearly)
check("the status of the declined change", declined.status_code, 402)
assert isinstance(declined.parsed, PaymentFailedError), declined.parsed
check("the kind", declined.parsed.details.kind, PaymentFailedKind.SOFT)
check("the plan after the decline", summary().plan, "agency")

# 5. Dunning.
month = json.dumps({"advance_seconds": 2_685_600}).encode()
urllib.request.urlopen(os.environ["STRIPE"] + "/_sandbox/clock", month)
overdue = dunning()
check("the state", overdue.state, DunningState.PAST_DUE)
assert overdue.recovery is not None
check("the action", overdue.recovery.action, RecoveryAction.PAY_INVOICE)

# 6. Recovery.
submit_card(overdue.recovery.url, "4242424242424242")
# The API shows the payment within ten seconds.
for _ in range(30):
    if dunning().state == DunningState.ACTIVE:
        break
    time.sleep(1)
check("the last state", dunning().state, DunningState.ACTIVE)

invoices = list_invoices.sync(client=client, limit=2, status=InvoiceStatus.PAID)
assert isinstance(invoices, InvoicePage), invoices
check("the invoices on a page", len(invoices.invoices), 2)
check("whether more follow", invoices.has_more, True)
print(f"{checks} checks passed")
