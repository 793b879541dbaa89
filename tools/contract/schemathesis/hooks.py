"""Checks that the schema cannot express: the status by scope, and which errors are about meaning."""

import os

import schemathesis

SCOPE = os.environ["CONTRACT_SCOPE"]

# Texts of the right form can still be foreign tokens or malformed URLs.
BY_MEANING = {"cursor", "quote", "successUrl", "cancelUrl", "returnUrl"}


def error_of(response):
    body = response.json()
    return (body.get("error"), (body.get("details") or {}).get("field"))


@schemathesis.check
def each_scope_gets_its_answer(ctx, response, case):
    """Requests without a key get 401, and read keys get 403 on POSTs."""
    if case.method.upper() != case.operation.method.upper():
        return
    if "authorization" not in {name.lower() for name in response.request.headers}:
        expected = 401
    elif SCOPE == "none":
        expected = 401
    elif SCOPE == "read" and case.method.upper() == "POST":
        expected = 403
    else:
        return
    if response.status_code not in (expected, 401):
        raise AssertionError(f"{response.status_code} where {expected} is right: {response.text}")


@schemathesis.check
def valid_input_is_refused_for_what_it_means_alone(ctx, response, case):
    meta = getattr(case, "meta", None)
    if meta is None or not meta.generation.mode.is_positive or response.status_code != 422:
        return
    code, field = error_of(response)
    if code == "validation" and field not in BY_MEANING:
        raise AssertionError(f"it was valid: {response.text}")


@schemathesis.check
def an_error_names_its_request(ctx, response, case):
    if case.method.upper() != case.operation.method.upper():
        return
    if response.status_code < 400 or "idempotent-replayed" in response.headers:
        return
    if [response.json().get("requestId")] != response.headers["x-request-id"]:
        raise AssertionError("requestId is not x-request-id")


def is_text(body):
    try:
        return not isinstance(body, bytes) or body.decode() is not None
    except UnicodeDecodeError:
        return False


@schemathesis.hook
def filter_case(context, case):
    """What cargo-lambda, which stands in for API Gateway, fails at by itself before a function sees it: a header
    beyond ASCII, and a body that is no text, which API Gateway hands on in base64. The end-to-end tests hand
    functions both."""
    headers = (case.headers or {}).values()
    body = case.body
    raw = getattr(body, "data", body)
    return all(str(value).isascii() for value in headers) and is_text(raw)
