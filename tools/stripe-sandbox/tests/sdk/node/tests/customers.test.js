import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripe } from '../support.js';

test('a customer is made, changed and found', async () => {
  const made = await stripe.customers.create({ email: 'ada@example.com', metadata: { a: '1', b: '2' } });
  assert.equal(made.object, 'customer');
  const changed = await stripe.customers.update(made.id, { name: 'Ada', metadata: { a: '' } });
  assert.deepEqual([changed.name, { ...changed.metadata }], ['Ada', { b: '2' }]);
  const { data } = await stripe.customers.list({ email: 'ada@example.com' });
  assert.deepEqual(data.map((customer) => customer.id), [made.id]);
});
