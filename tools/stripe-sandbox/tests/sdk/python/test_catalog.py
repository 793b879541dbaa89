"""Products, prices, meters, coupons and tax rates."""

from decimal import Decimal

import pytest
import stripe

from sandbox import api, customer, ids, price, refused


def test_products_are_created_updated_listed_and_deleted():
    form = {"name": "Pro", "marketing_features": [{"name": "Backups"}], "tax_code": "txcd_10000000"}
    made = api.products.create(form)
    changed = api.products.update(made.id, {"active": False, "metadata": {"tier": "pro"}})
    assert (changed.active, changed.metadata["tier"]) == (False, "pro")
    assert api.products.retrieve(made.id).name == "Pro"
    assert ids(api.products.list({"ids": [made.id], "active": False})) == [made.id]
    assert api.products.delete(made.id).deleted is True
    with refused(stripe.InvalidRequestError, http_status=404, message=f"No such product: '{made.id}'"):
        api.products.retrieve(made.id)


def test_lookup_key_can_be_transferred():
    first = price(1000, lookup_key="python_pro")
    with refused(stripe.InvalidRequestError, code="resource_already_exists"):
        price(2000, lookup_key="python_pro")
    second = price(2000, lookup_key="python_pro", transfer_lookup_key=True)
    found = api.prices.list({"lookup_keys": ["python_pro"], "expand": ["data.product"]})
    assert [(one.id, one.product.name) for one in found.data] == [(second.id, "Plan 2000")]
    assert api.prices.retrieve(first.id).lookup_key is None
    with refused(stripe.InvalidRequestError, http_status=400):
        api.prices.list({"lookup_keys": [f"key_{number}" for number in range(11)]})


def test_prices_have_the_requested_decimals_tiers_and_currencies():
    tiers = [{"up_to": 5, "unit_amount_decimal": "0.125"}, {"up_to": "inf", "unit_amount": 2, "flat_amount": 100}]
    made = price(
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=tiers,
        currency_options={"jpy": {"tiers": [{"up_to": "inf", "unit_amount": 3}]}},
        expand=["tiers", "currency_options.jpy.tiers"],
    )
    assert [tier.up_to for tier in made.tiers] == [5, None]
    assert made.tiers[0].unit_amount_decimal == Decimal("0.125")
    assert made.currency_options["jpy"].tiers[0].unit_amount == 3
    with refused(stripe.InvalidRequestError, http_status=400, param="tiers"):
        price(billing_scheme="tiered", tiers_mode="volume", tiers=tiers[:1])
    with refused(stripe.InvalidRequestError, code="parameters_exclusive"):
        price(100, unit_amount_decimal="1.5")


@pytest.mark.parametrize("formula, total", [("sum", 7), ("count", 2), ("last", 4)])
def test_meter_aggregates_its_events(formula, total):
    name = f"python_{formula}"
    form = {"display_name": name, "event_name": name, "default_aggregation": {"formula": formula}}
    meter = api.billing.meters.create(form)
    owner = customer(None)
    for value in ("3", "4"):
        payload = {"stripe_customer_id": owner.id, "value": value}
        event = api.billing.meter_events.create({"event_name": name, "payload": payload})
    assert event.payload["value"] == "4"
    minute = event.timestamp // 60 * 60
    span = {"customer": owner.id, "start_time": minute - 60, "end_time": minute + 60}
    summaries = api.billing.meters.event_summaries.list(meter.id, span)
    assert sum(one.aggregated_value for one in summaries.data) == total
    assert api.billing.meters.deactivate(meter.id).status == "inactive"
    assert api.billing.meters.reactivate(meter.id).status == "active"


def test_identifier_counts_once_and_timestamp_must_be_recent():
    api.billing.meters.create(
        {"display_name": "Jobs", "event_name": "python_jobs", "default_aggregation": {"formula": "sum"}}
    )
    payload = {"stripe_customer_id": customer(None).id, "value": "1"}
    form = {"event_name": "python_jobs", "payload": payload, "identifier": "python job 1"}
    api.billing.meter_events.create(form)
    with refused(stripe.InvalidRequestError, code="duplicate_meter_event"):
        api.billing.meter_events.create(form)
    with refused(stripe.InvalidRequestError, code="timestamp_too_far_in_past"):
        api.billing.meter_events.create(form | {"identifier": "python job 2", "timestamp": 1_000_000_000})


def test_coupons_promotion_codes_and_tax_rates_can_be_created_and_updated():
    coupon = api.coupons.create({"amount_off": 500, "currency": "usd", "duration": "once", "name": "Five"})
    code = api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FIVE"})
    assert ids(api.promotion_codes.list({"code": "FIVE", "active": True})) == [code.id]
    assert api.coupons.update(coupon.id, {"name": "V"}).name == "V"
    assert api.coupons.delete(coupon.id).deleted is True
    with refused(stripe.InvalidRequestError, http_status=404):
        api.coupons.retrieve(coupon.id)
    rate = api.tax_rates.create({"display_name": "MwSt", "percentage": 19, "inclusive": True, "country": "DE"})
    assert (rate.percentage, rate.effective_percentage) == (19, None)
    assert api.tax_rates.update(rate.id, {"active": False}).active is False
