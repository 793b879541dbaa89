// Products, prices, meters, coupons and tax rates.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customer, errors, ids, price, refused, stripe } from '../support.js';

test('a product is created, updated, listed and deleted', async () => {
  const made = await stripe.products.create({
    name: 'Pro',
    description: 'For teams',
    images: ['https://example.com/pro.png'],
    marketing_features: [{ name: 'Backups' }, { name: 'Logs' }],
    statement_descriptor: 'CANTILA PRO',
    tax_code: 'txcd_10000000',
    unit_label: 'seat',
    url: 'https://example.com/pro',
    metadata: { tier: 'pro' },
  });
  assert.deepEqual(made.marketing_features.map(({ name }) => name), ['Backups', 'Logs']);
  const plan = await price(900, { product: made.id });
  const changed = await stripe.products.update(made.id, {
    active: false,
    default_price: plan.id,
    description: '',
    expand: ['default_price'],
  });
  assert.deepEqual([changed.active, changed.description, changed.default_price.id], [false, null, plan.id]);
  assert.deepEqual(ids(await stripe.products.list({ active: false, ids: [made.id] })), [made.id]);
  await refused(stripe.products.del(made.id), errors.StripeInvalidRequestError, { statusCode: 400 });
  const bare = await stripe.products.create({ id: 'prod_of_our_own', name: 'Bare' });
  await refused(stripe.products.create({ id: bare.id, name: 'Bare' }), errors.StripeInvalidRequestError, {
    code: 'resource_already_exists',
  });
  assert.equal((await stripe.products.del(bare.id)).deleted, true);
  assert.equal((await stripe.products.retrieve(made.id)).active, false);
  await refused(stripe.products.retrieve(bare.id), errors.StripeInvalidRequestError, { statusCode: 404 });
});

test('a lookup key belongs to one price and can be transferred', async () => {
  const key = 'catalog_pro';
  const first = await price(1000, { lookup_key: key, nickname: 'old', metadata: { a: '1' } });
  await refused(price(2000, { lookup_key: key }), errors.StripeInvalidRequestError, {
    code: 'resource_already_exists',
  });
  const second = await price(2000, { lookup_key: key, transfer_lookup_key: true });
  assert.equal((await stripe.prices.retrieve(first.id)).lookup_key, null);
  const found = await stripe.prices.list({ lookup_keys: [key, 'nobody_has_this'], expand: ['data.product'] });
  assert.deepEqual(ids(found), [second.id]);
  assert.equal(found.data[0].product.name, 'Plan 2000');
  await stripe.prices.update(first.id, { lookup_key: key, transfer_lookup_key: true, nickname: 'new' });
  assert.deepEqual(ids(await stripe.prices.list({ lookup_keys: [key] })), [first.id]);
  await stripe.prices.update(first.id, { active: false });
  assert.deepEqual(ids(await stripe.prices.list({ lookup_keys: [key], active: true })), []);
});

test('prices have the requested decimals, tiers and currencies', async () => {
  const tiered = await price(undefined, {
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [
      { up_to: 10, unit_amount: 0, flat_amount: 500 },
      { up_to: 'inf', unit_amount_decimal: '0.05' },
    ],
    currency_options: { eur: { tiers: [{ up_to: 'inf', unit_amount: 4 }], tax_behavior: 'inclusive' } },
    expand: ['tiers', 'currency_options', 'currency_options.eur.tiers'],
  });
  assert.deepEqual(tiered.tiers.map((tier) => tier.up_to), [10, null]);
  assert.equal(tiered.tiers[1].unit_amount, null);
  assert.equal(tiered.tiers[1].unit_amount_decimal.toString(), '0.05');
  assert.deepEqual(Object.keys(tiered.currency_options).sort(), ['eur', 'usd']);
  assert.equal(tiered.currency_options.eur.tiers[0].unit_amount, 4);
  assert.equal('tiers' in (await stripe.prices.retrieve(tiered.id)), false);
  const volume = await price(undefined, {
    billing_scheme: 'tiered',
    tiers_mode: 'volume',
    tiers: [{ up_to: 'inf', flat_amount_decimal: '7.5' }],
    expand: ['tiers'],
  });
  assert.deepEqual([volume.tiers_mode, volume.tiers[0].flat_amount_decimal.toString()], ['volume', '7.5']);
  const once = await price(300, { recurring: undefined, tax_behavior: 'exclusive' });
  assert.deepEqual([once.type, once.recurring, once.tax_behavior], ['one_time', null, 'exclusive']);
  const packed = await price(300, {
    recurring: { interval: 'week', interval_count: 2 },
    transform_quantity: { divide_by: 10, round: 'up' },
  });
  assert.deepEqual({ ...packed.transform_quantity }, { divide_by: 10, round: 'up' });
  assert.deepEqual(ids(await stripe.prices.list({ product: packed.product, type: 'recurring' })), [packed.id]);
  for (const [form, param] of [
    [{ unit_amount_decimal: '0.5' }, undefined],
    [{ currency: 'dollars' }, 'currency'],
    [{ recurring: { interval: 'century' } }, 'recurring[interval]'],
    [{ product: 'prod_none' }, 'product'],
  ]) {
    await refused(price(100, form), errors.StripeInvalidRequestError, { statusCode: 400, param });
  }
});

test('a meter sums its events', async () => {
  const meter = await stripe.billing.meters.create({
    display_name: 'Build minutes',
    event_name: 'build_minutes',
    default_aggregation: { formula: 'sum' },
    customer_mapping: { type: 'by_id', event_payload_key: 'who' },
    value_settings: { event_payload_key: 'minutes' },
  });
  assert.equal(meter.customer_mapping.event_payload_key, 'who');
  const { id } = await customer(null);
  const event = await stripe.billing.meterEvents.create({
    event_name: 'build_minutes',
    payload: { who: id, minutes: '2.5' },
    identifier: `minutes of ${id}`,
  });
  await stripe.billing.meterEvents.create({ event_name: 'build_minutes', payload: { who: id, minutes: '4' } });
  const minute = Math.floor(event.timestamp / 60) * 60;
  const summaries = await stripe.billing.meters.listEventSummaries(meter.id, {
    customer: id,
    start_time: minute,
    end_time: minute + 120,
  });
  assert.equal(summaries.data.reduce((sum, one) => sum + one.aggregated_value, 0), 6.5);
  await stripe.billing.meters.update(meter.id, { display_name: 'Minutes' });
  assert.equal((await stripe.billing.meters.deactivate(meter.id)).status, 'inactive');
  assert.ok(ids(await stripe.billing.meters.list({ status: 'inactive' })).includes(meter.id));
  assert.equal((await stripe.billing.meters.reactivate(meter.id)).status, 'active');
  assert.equal((await stripe.billing.meters.retrieve(meter.id)).display_name, 'Minutes');
  await refused(
    stripe.billing.meterEvents.create({ event_name: 'build_minutes', payload: { who: id, minutes: 'many' } }),
    errors.StripeInvalidRequestError,
    { statusCode: 400 },
  );
  await refused(
    price(1, { recurring: { interval: 'month', usage_type: 'metered' } }),
    errors.StripeInvalidRequestError,
    { param: 'recurring[meter]' },
  );
});

test('a coupon takes off a percentage or an amount', async () => {
  const product = await stripe.products.create({ name: 'Discounted' });
  const percent = await stripe.coupons.create({
    percent_off: 12.5,
    duration: 'repeating',
    duration_in_months: 3,
    applies_to: { products: [product.id] },
    name: 'Spring',
    expand: ['applies_to'],
  });
  assert.deepEqual([percent.percent_off, percent.applies_to.products], [12.5, [product.id]]);
  const amount = await stripe.coupons.create({
    id: 'TEN_OFF',
    amount_off: 1000,
    currency: 'usd',
    currency_options: { eur: { amount_off: 900 } },
    duration: 'forever',
    max_redemptions: 5,
    redeem_by: 4_000_000_000,
    expand: ['currency_options', 'applies_to'],
  });
  assert.equal(amount.currency_options.eur.amount_off, 900);
  await stripe.coupons.update(amount.id, { name: 'Ten off', metadata: { season: 'all' } });
  assert.equal((await stripe.coupons.retrieve(amount.id)).name, 'Ten off');
  assert.ok(ids(await stripe.coupons.list({ limit: 100 })).includes(percent.id));
  assert.equal((await stripe.coupons.del(amount.id)).deleted, true);
  await refused(stripe.coupons.retrieve(amount.id), errors.StripeInvalidRequestError, { statusCode: 404 });
  await refused(stripe.coupons.create({ duration: 'once' }), errors.StripeInvalidRequestError, {
    code: 'parameter_missing',
  });
});

test('a promotion code applies its coupon', async () => {
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'once' });
  const made = await stripe.promotionCodes.create({
    promotion: { type: 'coupon', coupon: coupon.id },
    code: 'WELCOME10',
    max_redemptions: 3,
    metadata: { on: 'posters' },
    expand: ['promotion.coupon'],
  });
  assert.deepEqual([made.code, made.promotion.coupon.percent_off], ['WELCOME10', 10]);
  assert.deepEqual(ids(await stripe.promotionCodes.list({ code: 'WELCOME10' })), [made.id]);
  const off = await stripe.promotionCodes.update(made.id, { active: false });
  assert.equal(off.active, false);
  assert.equal((await stripe.promotionCodes.retrieve(made.id)).times_redeemed, 0);
  await refused(
    stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: 'none' } }),
    errors.StripeInvalidRequestError,
    { code: 'resource_missing' },
  );
});

test('a tax rate is created, updated and listed', async () => {
  const made = await stripe.taxRates.create({
    display_name: 'VAT',
    percentage: 7.7,
    inclusive: true,
    country: 'CH',
    jurisdiction: 'CH',
    tax_type: 'vat',
    description: 'Swiss VAT',
  });
  assert.deepEqual([made.percentage, made.inclusive], [7.7, true]);
  await stripe.taxRates.update(made.id, { active: false, metadata: { until: '2023' } });
  assert.equal((await stripe.taxRates.retrieve(made.id)).active, false);
  assert.ok(ids(await stripe.taxRates.list({ active: false, inclusive: true })).includes(made.id));
});
