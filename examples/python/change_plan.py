"""Changes an account's plan at the amount that it was shown.

    API=http://127.0.0.1:9100 KEY=sk_test_… python change_plan.py agency

The package cantila_billing_api_client is generated from openapi.yaml:

    openapi-python-client generate --meta none --path openapi.yaml --output-path cantila_billing_api_client
"""

import os
import sys
import uuid

from cantila_billing_api_client import AuthenticatedClient
from cantila_billing_api_client.api.plan_changes import change_plan, preview_plan_change
from cantila_billing_api_client.models import (
    PaymentActionRequiredError,
    PlanChange,
    PlanChangePreview,
    PlanChangePreviewRequest,
    PlanChangeRequest,
    QuoteChangedError,
)

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["KEY"])
plan = sys.argv[1]

preview = preview_plan_change.sync(client=client, body=PlanChangePreviewRequest(plan=plan))
if not isinstance(preview, PlanChangePreview):
    # Every error has a code, and a message that says what to do.
    sys.exit(f"No preview: {preview.message if preview else 'no response'}")
for line in preview.lines:
    print(f"{line.amount:>10}  {line.description}")
print(f"{preview.breakdown.amount_due:>10}  {preview.currency} due now")

# A retry with the same idempotency key changes the plan once, and gets the first response.
key = str(uuid.uuid4())
change = PlanChangeRequest(plan=plan, quote=preview.quote)
changed = change_plan.sync(client=client, body=change, idempotency_key=key)
if isinstance(changed, PlanChange):
    print(f"{changed.outcome.value}: {changed.previous_plan} to {changed.plan}, {changed.proration_amount} {changed.currency}")
elif isinstance(changed, QuoteChangedError):
    sys.exit(f"It costs {changed.details.preview.breakdown.amount_due} by now. Nothing has changed: run it again.")
elif isinstance(changed, PaymentActionRequiredError):
    sys.exit(f"The bank wants the customer to authenticate: {changed.details.url}")
else:
    sys.exit(f"Not changed: {changed.message if changed else 'no response'}")
