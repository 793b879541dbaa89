// Events.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, advance, errors, ids, refused, stripe, subscriber } from '../support.js';

/** Returns the events of a customer, newest first. Other tests run at the same time. */
async function eventsOf(customer, params = {}) {
  const all = await stripe.events.list({ limit: 100, ...params }).autoPagingToArray({ limit: 10_000 });
  const isOwn = ({ data: { object, previous_attributes: previous } }) =>
    [object.id, object.customer, previous?.customer].includes(customer.id);
  return all.filter(isOwn);
}

test('events of a request name it and the previous values', async () => {
  const { subscription, customer } = await subscriber(3000);
  const changed = await stripe.subscriptions.update(
    subscription.id,
    { metadata: { team: 'a' } },
    { idempotencyKey: `events ${subscription.id}` },
  );
  const [newest] = await eventsOf(customer, { type: 'customer.subscription.*' });
  assert.equal(newest.type, 'customer.subscription.updated');
  assert.deepEqual({ ...newest.data.previous_attributes }, { metadata: { team: null } });
  assert.deepEqual({ ...newest.request }, {
    id: changed.lastResponse.requestId,
    idempotency_key: `events ${subscription.id}`,
  });
  assert.equal((await stripe.events.retrieve(newest.id)).data.object.id, subscription.id);
  assert.deepEqual(ids(await stripe.events.list({ ending_before: newest.id, type: 'unknown' })), []);
});

test('renewals have events without a request', async () => {
  const { clock, customer } = await subscriber(3000);
  await advance(clock, '2027-05-01T02:00');
  const types = ['invoice.created', 'invoice.paid'];
  const [paid, created] = await eventsOf(customer, { types });
  assert.deepEqual([paid.type, created.type], ['invoice.paid', 'invoice.created']);
  assert.deepEqual({ ...paid.request }, { id: null, idempotency_key: null });
  assert.equal(created.data.object.created, at('2027-05-01'));
});

test('every kind of event has a declared type', async () => {
  const { customer, subscription } = await subscriber(3000, { trial_period_days: 2 });
  await stripe.subscriptions.cancel(subscription.id);
  await stripe.customers.del(customer.id);
  const all = await stripe.events.list({ limit: 100 }).autoPagingToArray({ limit: 10_000 });
  assert.ok(all.length > 20);
});

test('contradictory filters are refused', async () => {
  const many = stripe.events.list({ types: Array(21).fill('invoice.paid') });
  await refused(many, errors.StripeInvalidRequestError, { statusCode: 400, param: 'types' });
  const both = stripe.events.list({ type: 'invoice.paid', types: ['invoice.paid'] });
  await refused(both, errors.StripeInvalidRequestError, { statusCode: 400, code: 'parameters_exclusive' });
  await refused(stripe.events.retrieve('evt_none'), errors.StripeInvalidRequestError, { statusCode: 404 });
});
