// Protocol of all endpoints: errors, retries, idempotency, pagination, headers.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, describe, test } from 'node:test';
import { KEY, admin, client, clockAt, customer, errors, ids, price, refused, stripe } from '../support.js';

describe('errors', () => {
  test('unknown, missing and unauthorized keys are refused', async () => {
    const unknown = client('sk_test_unknown_unknown').customers.list();
    const refusal = await refused(unknown, errors.StripeAuthenticationError, { statusCode: 401 });
    assert.match(refusal.message, /^Invalid API Key provided: sk_test_\*+nown$/);
    await admin('POST', '/keys', { key: 'rk_test_node', permissions: ['rak_customer_read'] });
    const restricted = client('rk_test_node');
    await restricted.customers.list();
    const forbidden = restricted.customers.create({ name: 'Ada' });
    const { message } = await refused(forbidden, errors.StripePermissionError, { statusCode: 403 });
    assert.match(message, /Having the 'rak_customer_write' permission would allow this request to continue\.$/);
  });

  test('unknown IDs return 404 in the path and 400 elsewhere', async () => {
    const found = stripe.subscriptions.retrieve('sub_none');
    const refusal = await refused(found, errors.StripeInvalidRequestError, {
      statusCode: 404,
      code: 'resource_missing',
      param: 'id',
      type: 'StripeInvalidRequestError',
      rawType: 'invalid_request_error',
      message: "No such subscription: 'sub_none'",
    });
    assert.match(refusal.requestId, /^req_/);
    assert.match(refusal.doc_url, /resource-missing$/);
    assert.match(refusal.request_log_url, new RegExp(refusal.requestId));
    const inside = stripe.invoices.create({ customer: 'cus_none' });
    await refused(inside, errors.StripeInvalidRequestError, { statusCode: 400, param: 'customer' });
  });

  test('missing, unknown, empty and mistyped parameters are refused', async () => {
    const { id } = await customer(null);
    for (const [ask, code, param] of [
      [() => stripe.products.create({}), 'parameter_missing', 'name'],
      [() => stripe.products.create({ name: 'Pro', colour: 'red' }), 'parameter_unknown', 'colour'],
      [() => stripe.products.create({ name: '' }), 'parameter_invalid_empty', 'name'],
      [() => stripe.customers.update(id, { balance: 'much' }), 'parameter_invalid_integer', 'balance'],
      [() => stripe.customers.list({ limit: 101 }), 'parameter_invalid_integer', 'limit'],
      [() => stripe.customers.list({ starting_after: 'cus_a', ending_before: 'cus_b' }), undefined, undefined],
      [() => stripe.invoices.list({ status: 'due' }), undefined, 'status'],
    ]) {
      await refused(ask(), errors.StripeInvalidRequestError, { statusCode: 400, code, param });
    }
  });

  test('server errors, rate limits and closed connections raise their exceptions', async () => {
    const { id } = await customer(null);
    const path = `/v1/customers/${id}`;
    for (const [fault, type, fields] of [
      [{ kind: 'status', status: 500 }, errors.StripeAPIError, { statusCode: 500, rawType: 'api_error' }],
      [{ kind: 'status', status: 429 }, errors.StripeRateLimitError, { statusCode: 429, code: 'rate_limit' }],
      [{ kind: 'status', status: 409, code: 'lock_timeout' }, errors.StripeAPIError, { statusCode: 409, code: 'lock_timeout' }],
      [{ kind: 'garbage' }, errors.StripeAPIError, { message: 'Invalid JSON received from the Stripe API' }],
      // The SDK retries after a closed connection.
      [{ kind: 'hang_up', count: 2 }, errors.StripeConnectionError, {}],
      [{ kind: 'cut' }, errors.StripeConnectionError, {}],
    ]) {
      await admin('POST', '/faults', { path, ...fault });
      await refused(stripe.customers.retrieve(id), type, fields);
    }
    await admin('POST', '/faults', { path, kind: 'latency', delay_ms: 500 });
    const slow = stripe.customers.retrieve(id, {}, { timeout: 50 });
    const { message } = await refused(slow, errors.StripeConnectionError, {});
    assert.match(message, /timeout/);
  });
});

describe('retries', () => {
  // The SDK does not read the responses before a retry. Their connections would keep the process alive.
  const httpAgent = new Agent();
  const patient = client(KEY, { maxNetworkRetries: 2, httpAgent });
  after(() => httpAgent.destroy());

  test('the SDK retries retryable errors', async () => {
    const { id } = await customer(null);
    const path = `/v1/customers/${id}`;
    for (const fault of [
      { kind: 'status', status: 503, count: 2 },
      { kind: 'status', status: 409 },
      { kind: 'hang_up' },
      { kind: 'status', status: 429, should_retry: true },
    ]) {
      await admin('POST', '/faults', { path, ...fault });
      assert.equal((await patient.customers.retrieve(id)).id, id);
    }
    for (const fault of [
      { kind: 'status', status: 500, should_retry: false },
      { kind: 'status', status: 429 },
    ]) {
      await admin('POST', '/faults', { path, ...fault });
      await refused(patient.customers.retrieve(id), errors.StripeError, { statusCode: fault.status });
    }
  });

  test('an operation with a lost response runs once', async () => {
    const { id } = await customer(null);
    const path = `/v1/customers/${id}/balance_transactions`;
    await admin('POST', '/faults', { path, method: 'POST', kind: 'status', status: 500, after_work: true });
    const booked = await patient.customers.createBalanceTransaction(id, { amount: -700, currency: 'usd' });
    assert.equal(booked.ending_balance, -700);
    assert.equal(booked.lastResponse.headers['idempotent-replayed'], 'true');
    assert.equal((await stripe.customers.listBalanceTransactions(id)).data.length, 1);
  });
});

/** Makes the keys unique to this run. */
const RUN = `node ${process.pid} ${Date.now()}`;

describe('idempotency', () => {
  const once = (idempotencyKey, name) => stripe.products.create({ name }, { idempotencyKey });

  test('a key replays the response to the same request only', async () => {
    const first = await once(`${RUN} once`, 'Pro');
    const again = await once(`${RUN} once`, 'Pro');
    assert.deepEqual({ ...again }, { ...first });
    const [one, two] = [first.lastResponse, again.lastResponse];
    assert.deepEqual([one.idempotencyKey, two.idempotencyKey], [`${RUN} once`, `${RUN} once`]);
    assert.deepEqual([one.headers['idempotent-replayed'], two.headers['idempotent-replayed']], [undefined, 'true']);
    assert.notEqual(one.requestId, two.requestId);
    assert.equal(two.headers['original-request'], one.requestId);
    await refused(once(`${RUN} once`, 'Other'), errors.StripeIdempotencyError, {
      statusCode: 400,
      rawType: 'idempotency_error',
      code: undefined,
    });
  });

  test('a key in use returns 409', async () => {
    const { id } = await customer(null);
    const path = `/v1/customers/${id}`;
    const rename = () => stripe.customers.update(id, { name: 'Ada' }, { idempotencyKey: `${RUN} slow` });
    await admin('POST', '/faults', { path, kind: 'latency', delay_ms: 300, after_work: true });
    const slow = rename();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await refused(rename(), errors.StripeAPIError, { statusCode: 409, code: 'idempotency_key_in_use' });
    assert.equal((await slow).name, 'Ada');
  });

  test('a decline is stored for the key', async () => {
    const { id } = await customer('pm_card_chargeCustomerFail');
    const plan = await price(1000);
    const subscribe = () =>
      stripe.subscriptions.create(
        { customer: id, items: [{ price: plan.id }], payment_behavior: 'error_if_incomplete' },
        { idempotencyKey: `${RUN} decline` },
      );
    await refused(subscribe(), errors.StripeCardError, { code: 'card_declined' });
    await stripe.customers.update(id, { invoice_settings: { default_payment_method: 'pm_card_visa' } });
    const replayed = await refused(subscribe(), errors.StripeCardError, { code: 'card_declined' });
    assert.equal(replayed.headers['idempotent-replayed'], 'true');
  });
});

describe('lists', () => {
  test('all pages are fetched in both directions', async () => {
    const clock = await clockAt('2027-01-01');
    const made = [];
    for (let index = 0; index < 23; index += 1) {
      made.unshift((await customer(null, { test_clock: clock.id, name: `${index}` })).id);
    }
    const all = async (params) => {
      const list = stripe.customers.list({ test_clock: clock.id, limit: 5, ...params });
      return (await list.autoPagingToArray({ limit: 100 })).map((one) => one.id);
    };
    assert.deepEqual(await all(), made);
    assert.deepEqual(await all({ starting_after: made[10] }), made.slice(11));
    // Backwards, the SDK returns the nearest entries first.
    assert.deepEqual(await all({ ending_before: made[12] }), made.slice(0, 12).reverse());
    const page = await stripe.customers.list({ test_clock: clock.id, limit: 7, ending_before: made[20] });
    assert.deepEqual([ids(page), page.has_more, page.url], [made.slice(13, 20), true, '/v1/customers']);
    const created = (await stripe.customers.retrieve(made[0])).created;
    const filter = { test_clock: clock.id, limit: 100 };
    assert.equal((await stripe.customers.list({ ...filter, created: { gte: created } })).data.length, 23);
    assert.equal((await stripe.customers.list({ ...filter, created: { gt: created } })).data.length, 0);
    assert.equal((await stripe.customers.list({ ...filter, created })).data.length, 23);
  });
});

describe('headers', () => {
  test('every response has a request ID and a version', async () => {
    const { lastResponse } = await stripe.products.list({ limit: 1 });
    assert.match(lastResponse.requestId, /^req_/);
    assert.deepEqual([lastResponse.statusCode, lastResponse.apiVersion], [200, '2026-09-30.endive']);
    const old = stripe.products.list({}, { apiVersion: '2026-06-24.dahlia' });
    await refused(old, errors.StripeInvalidRequestError, { statusCode: 400 });
  });

  test('raw requests work', async () => {
    const made = await stripe.rawRequest('POST', '/v1/products', { name: 'Raw', metadata: { a: 'b & c = d' } });
    assert.equal(made.metadata.a, 'b & c = d');
    const nothing = stripe.rawRequest('GET', '/v1/nothing');
    const { message } = await refused(nothing, errors.StripeInvalidRequestError, { statusCode: 404 });
    assert.match(message, /^Unrecognized request URL \(GET: \/v1\/nothing\)/);
  });
});
