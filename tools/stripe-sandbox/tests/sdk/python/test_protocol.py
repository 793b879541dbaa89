"""Protocol of all endpoints: errors, retries, idempotency, pagination, headers."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from sandbox import NotingClient, admin, api, client, clock_at, customer, price, refused

patient = client(max_network_retries=2).v1


def test_unknown_and_unauthorized_keys_are_refused():
    with refused(stripe.AuthenticationError, http_status=401):
        client("sk_test_unknown_unknown").v1.customers.list()
    admin("/keys", key="rk_test_python", permissions=["rak_customer_read"])
    restricted = client("rk_test_python").v1
    restricted.customers.list()
    with refused(stripe.PermissionError, http_status=403) as caught:
        restricted.products.create({"name": "Pro"})
    assert "'rak_product_write' permission would allow" in caught.value.user_message


def test_unknown_ids_return_404_in_the_path_and_400_elsewhere():
    message = "No such subscription: 'sub_none'"
    fields = {"http_status": 404, "code": "resource_missing", "param": "id", "message": message}
    with refused(stripe.InvalidRequestError, **fields) as caught:
        api.subscriptions.retrieve("sub_none")
    assert caught.value.request_id.startswith("req_")
    assert caught.value.error.type == "invalid_request_error"
    assert caught.value.request_id in caught.value.error.request_log_url
    with refused(stripe.InvalidRequestError, http_status=400, param="customer"):
        api.subscriptions.list({"customer": "cus_none"})


@pytest.mark.parametrize(
    "form, code, param",
    [
        ({}, "parameter_missing", "name"),
        ({"name": "Pro", "colour": "red"}, "parameter_unknown", "colour"),
        ({"name": ""}, "parameter_invalid_empty", "name"),
        ({"name": "Pro", "expand": ["foo"]}, None, None),
    ],
)
def test_errors_name_the_invalid_parameter(form, code, param):
    with refused(stripe.InvalidRequestError, http_status=400, code=code, param=param):
        api.products.create(form)


@pytest.mark.parametrize(
    "fault, kind, fields",
    [
        ({"status": 500}, stripe.APIError, {"http_status": 500}),
        ({"status": 503}, stripe.APIError, {"http_status": 503}),
        ({"status": 429}, stripe.RateLimitError, {"http_status": 429, "code": "rate_limit"}),
        ({"status": 409, "code": "lock_timeout"}, stripe.APIError, {"http_status": 409, "code": "lock_timeout"}),
        ({"kind": "garbage"}, stripe.APIError, {"http_status": 200}),
        ({"kind": "cut"}, stripe.APIConnectionError, {}),
        ({"kind": "hang_up"}, stripe.APIConnectionError, {}),
    ],
)
def test_faults_raise_the_matching_exception(fault, kind, fields):
    owner = customer(None)
    admin("/faults", path=f"/v1/customers/{owner.id}", **{"kind": "status", **fault})
    with refused(kind, **fields):
        api.customers.retrieve(owner.id)
    assert api.customers.retrieve(owner.id).id == owner.id


def test_timeout_raises_a_connection_error():
    owner = customer(None)
    admin("/faults", path=f"/v1/customers/{owner.id}", kind="latency", delay_ms=500)
    with refused(stripe.APIConnectionError):
        client(http_client=NotingClient(timeout=0.1)).v1.customers.retrieve(owner.id)


@pytest.mark.parametrize(
    "fault",
    [{"status": 503, "count": 2}, {"status": 409}, {"status": 429, "should_retry": True}],
)
def test_sdk_retries_retryable_errors(fault):
    owner = customer(None)
    admin("/faults", path=f"/v1/customers/{owner.id}", kind="status", **fault)
    assert patient.customers.retrieve(owner.id).id == owner.id


@pytest.mark.parametrize(
    "fault, kind",
    [({"status": 500, "should_retry": False}, stripe.APIError), ({"status": 429}, stripe.RateLimitError)],
)
def test_sdk_does_not_retry_429_and_should_retry_false(fault, kind):
    owner = customer(None)
    admin("/faults", path=f"/v1/customers/{owner.id}", kind="status", **fault)
    with refused(kind, http_status=fault["status"]):
        patient.customers.retrieve(owner.id)


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "cut"}])
def test_operation_with_lost_response_runs_once(fault):
    owner = customer(None)
    path = f"/v1/customers/{owner.id}/balance_transactions"
    admin("/faults", path=path, method="POST", after_work=True, **fault)
    form = {"amount": -700, "currency": "usd"}
    if fault["kind"] == "cut":
        # The SDK does not retry after an incomplete response, so the caller has to.
        with refused(stripe.APIConnectionError):
            api.customers.balance_transactions.create(owner.id, form, {"idempotency_key": f"cut {owner.id}"})
        booked = api.customers.balance_transactions.create(owner.id, form, {"idempotency_key": f"cut {owner.id}"})
    else:
        booked = patient.customers.balance_transactions.create(owner.id, form)
    assert booked.last_response.headers["idempotent-replayed"] == "true"
    assert api.customers.retrieve(owner.id).balance == -700


def test_key_replays_the_response_to_the_same_request_only():
    key = f"python once {time.time()}"

    def once(name):
        return api.products.create({"name": name}, {"idempotency_key": key})

    first, again = once("Pro"), once("Pro")
    assert again.to_dict() == first.to_dict()
    one, two = first.last_response, again.last_response
    assert (one.idempotency_key, two.idempotency_key) == (key, key)
    assert one.request_id != two.request_id
    assert two.headers["original-request"] == one.request_id
    assert (one.headers.get("idempotent-replayed"), two.headers["idempotent-replayed"]) == (None, "true")
    with refused(stripe.IdempotencyError, http_status=400, code=None):
        once("Other")


def test_key_in_use_returns_409():
    owner = customer(None)
    options = {"idempotency_key": f"python slow {owner.id}"}
    admin("/faults", path=f"/v1/customers/{owner.id}", kind="latency", delay_ms=300, after_work=True)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(api.customers.update, owner.id, {"name": "Ada"}, options)
        time.sleep(0.1)
        with refused(stripe.APIError, http_status=409, code="idempotency_key_in_use"):
            api.customers.update(owner.id, {"name": "Ada"}, options)
        assert slow.result().name == "Ada"


def test_decline_is_stored_for_the_key():
    owner, plan = customer("pm_card_chargeCustomerFail"), price(1000)
    form = {"customer": owner.id, "items": [{"price": plan.id}], "payment_behavior": "error_if_incomplete"}
    options = {"idempotency_key": f"python decline {owner.id}"}
    for replayed in (None, "true"):
        with refused(stripe.CardError, http_status=402, code="card_declined") as caught:
            api.subscriptions.create(form, options)
        assert caught.value.headers.get("idempotent-replayed") == replayed
        api.customers.update(owner.id, {"invoice_settings": {"default_payment_method": "pm_card_visa"}})


def test_all_pages_are_fetched_in_both_directions():
    clock = clock_at(2027, 1, 1)
    made = [customer(None, test_clock=clock.id).id for _ in range(13)][::-1]
    page = api.customers.list({"test_clock": clock.id, "limit": 5})
    assert (page.has_more, page.url) == (True, "/v1/customers")
    assert [one.id for one in page.auto_paging_iter()] == made
    back = api.customers.list({"test_clock": clock.id, "limit": 5, "ending_before": made[-1]})
    assert [one.id for one in back.data] == made[7:12]
    assert [one.id for one in back.auto_paging_iter()] == made[:-1][::-1]
    following = api.customers.list({"test_clock": clock.id, "limit": 5}).next_page()
    assert [one.id for one in following.data] == made[5:10]
    both = {"starting_after": made[0], "ending_before": made[1]}
    with refused(stripe.InvalidRequestError, http_status=400, code=None):
        api.customers.list(both)


def test_expansion_is_limited_to_four_levels():
    owner, plan = customer(), price(1000)
    made = api.subscriptions.create({"customer": owner.id, "items": [{"price": plan.id}]})
    deepest = {"expand": ["items.data.price.product", "latest_invoice.payments.data.payment"]}
    assert api.subscriptions.retrieve(made.id, deepest).latest_invoice.payments.data[0].status == "paid"
    too_deep = {"expand": ["latest_invoice.payments.data.payment.payment_intent"]}
    with refused(stripe.InvalidRequestError, code="property_expansion_max_depth"):
        api.subscriptions.retrieve(made.id, too_deep)
    for path in ("customer", "data.items.data.price.product", "data.status"):
        with refused(stripe.InvalidRequestError, http_status=400):
            api.subscriptions.list({"expand": [path]})


def test_every_response_has_a_request_id_and_a_version():
    response = api.products.list({"limit": 1}).last_response
    assert response.request_id.startswith("req_")
    assert (response.code, response.headers["stripe-version"]) == (200, "2026-09-30.endive")
    with refused(stripe.InvalidRequestError, http_status=400):
        api.products.list({}, {"stripe_version": "2026-06-24.dahlia"})


def test_raw_requests_work():
    raw = client()
    response = raw.raw_request("post", "/v1/products", name="Raw", metadata={"a": "b & c = d"})
    assert raw.deserialize(response, api_mode="V1").metadata["a"] == "b & c = d"
    with refused(stripe.InvalidRequestError, http_status=404):
        raw.raw_request("get", "/v1/nothing")
