// Customers, payment methods and balance.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockAt, customer, errors, ids, refused, stripe } from '../support.js';

test('a customer is created, updated, listed and deleted', async () => {
  const made = await stripe.customers.create({
    email: 'ada@example.com',
    address: { line1: '1 Main Street', city: 'Springfield', postal_code: '62701', state: 'IL', country: 'US' },
    phone: '+1 555 0100',
    preferred_locales: ['en', 'de'],
    tax_exempt: 'exempt',
    balance: -500,
    metadata: { a: '1', b: '2' },
    expand: ['tax'],
  });
  assert.deepEqual([made.address.city, made.balance, made.tax_exempt], ['Springfield', -500, 'exempt']);
  const changed = await stripe.customers.update(made.id, { name: 'Ada', phone: '', metadata: { a: '' } });
  assert.deepEqual([changed.name, changed.phone, { ...changed.metadata }], ['Ada', null, { b: '2' }]);
  const emptied = await stripe.customers.update(made.id, { metadata: '' });
  assert.deepEqual({ ...emptied.metadata }, {});
  assert.deepEqual(ids(await stripe.customers.list({ email: 'ada@example.com' })), [made.id]);
  const gone = await stripe.customers.del(made.id);
  assert.deepEqual({ ...gone }, { id: made.id, object: 'customer', deleted: true });
  const left = await stripe.customers.retrieve(made.id);
  assert.equal(left.deleted, true);
  await refused(stripe.customers.update(made.id, { name: 'Bob' }), errors.StripeInvalidRequestError, {
    statusCode: 404,
    code: 'resource_missing',
    param: 'id',
  });
});

test('cards are attached, listed, made the default and detached', async () => {
  const { id } = await customer(null);
  const visa = await stripe.paymentMethods.attach('pm_card_visa', { customer: id });
  assert.notEqual(visa.id, 'pm_card_visa');
  const made = await stripe.paymentMethods.create({
    type: 'card',
    card: { number: '5555555555554444', exp_month: 12, exp_year: 2040, cvc: '123' },
    metadata: { from: 'test' },
  });
  await refused(
    stripe.customers.update(id, { invoice_settings: { default_payment_method: made.id } }),
    errors.StripeInvalidRequestError,
    { statusCode: 400, code: 'resource_missing', param: 'invoice_settings[default_payment_method]' },
  );
  await stripe.paymentMethods.attach(made.id, { customer: id });
  const owner = await stripe.customers.update(id, {
    invoice_settings: { default_payment_method: made.id },
    expand: ['invoice_settings.default_payment_method'],
  });
  assert.equal(owner.invoice_settings.default_payment_method.card.brand, 'mastercard');
  assert.deepEqual(ids(await stripe.paymentMethods.list({ customer: id, type: 'card' })), [made.id, visa.id]);
  assert.deepEqual(ids(await stripe.customers.listPaymentMethods(id)), [made.id, visa.id]);
  const one = await stripe.customers.retrievePaymentMethod(id, visa.id, { expand: ['customer'] });
  assert.equal(one.customer.id, id);
  await stripe.paymentMethods.update(visa.id, { metadata: { seat: 'window' } });
  assert.equal((await stripe.paymentMethods.retrieve(visa.id)).metadata.seat, 'window');
  assert.equal((await stripe.paymentMethods.detach(made.id)).customer, null);
  assert.equal((await stripe.customers.retrieve(id)).invoice_settings.default_payment_method, null);
  await refused(stripe.paymentMethods.detach(made.id), errors.StripeInvalidRequestError, { statusCode: 400 });
});

test('a declined card is not saved', async () => {
  const { id } = await customer(null);
  await refused(
    stripe.paymentMethods.attach('pm_card_chargeDeclinedInsufficientFunds', { customer: id }),
    errors.StripeCardError,
    { statusCode: 402, type: 'StripeCardError', code: 'card_declined', decline_code: 'insufficient_funds' },
  );
  assert.deepEqual(ids(await stripe.paymentMethods.list({ customer: id })), []);
});

test('the balance is the sum of its transactions', async () => {
  const { id } = await customer(null);
  const booked = await stripe.customers.createBalanceTransaction(id, {
    amount: -1200,
    currency: 'usd',
    description: 'Sorry',
    metadata: { ticket: '7' },
  });
  assert.deepEqual([booked.type, booked.ending_balance], ['adjustment', -1200]);
  await stripe.customers.createBalanceTransaction(id, { amount: 200, currency: 'usd' });
  assert.equal((await stripe.customers.retrieve(id)).balance, -1000);
  const listed = await stripe.customers.listBalanceTransactions(id, { expand: ['data.customer'] });
  assert.deepEqual(listed.data.map((entry) => entry.ending_balance), [-1000, -1200]);
  assert.equal(listed.data[0].customer.id, id);
  const found = await stripe.customers.retrieveBalanceTransaction(id, booked.id);
  assert.equal(found.description, 'Sorry');
  await refused(
    stripe.customers.createBalanceTransaction(id, { amount: 1, currency: 'eur' }),
    errors.StripeInvalidRequestError,
    { statusCode: 400 },
  );
});

test('customers on a test clock are listed with it and deleted with it', async () => {
  const clock = await clockAt('2027-01-01');
  const { id } = await customer(null, { test_clock: clock.id, email: 'clock@example.com' });
  assert.deepEqual(ids(await stripe.customers.list({ email: 'clock@example.com' })), []);
  assert.deepEqual(ids(await stripe.customers.list({ test_clock: clock.id })), [id]);
  assert.ok(ids(await stripe.testHelpers.testClocks.list({ limit: 100 })).includes(clock.id));
  const gone = await stripe.testHelpers.testClocks.del(clock.id);
  assert.equal(gone.deleted, true);
  assert.equal((await stripe.customers.retrieve(id)).deleted, true);
  await refused(stripe.testHelpers.testClocks.retrieve(clock.id), errors.StripeInvalidRequestError, {
    statusCode: 404,
  });
});
