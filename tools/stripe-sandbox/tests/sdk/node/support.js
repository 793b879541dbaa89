// Shared by all tests: clients, admin requests, recorded responses, and fixtures.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import Stripe from 'stripe';

const url = new URL(process.env.STRIPE_SANDBOX_URL);
const responses = join(process.env.STRIPE_SANDBOX_RESPONSES, `${process.pid}.ndjson`);

export const { errors } = Stripe;
export const KEY = process.env.STRIPE_SANDBOX_KEY;
export const DAY = 86_400;

/** Returns a client of the SDK, by default without retries. */
export function client(key = KEY, { httpAgent, ...options } = {}) {
  return new Stripe(key, {
    host: url.hostname,
    port: url.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    httpClient: recording(Stripe.createNodeHttpClient(httpAgent)),
    ...options,
  });
}

/** Records every request and response for shapes/check.js. */
function recording(inner) {
  const makeRequest = async (...request) => {
    const response = await inner.makeRequest(...request);
    const read = response.toJSON.bind(response);
    response.toJSON = async () => {
      const body = await read();
      const [, , path, method, , form] = request;
      const note = { method, path, form, status: response.getStatusCode(), body };
      appendFileSync(responses, `${JSON.stringify(note)}\n`);
      return body;
    };
    return response;
  };
  return { getClientName: () => inner.getClientName(), makeRequest };
}

export const stripe = client();

/** Sends an admin request to the sandbox. */
export async function admin(method, path, body) {
  const response = await fetch(new URL(`/_sandbox${path}`, url), {
    method,
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return response.json();
}

/** Submits the form of a page. Returns the redirect's target. */
export async function fillIn(page, number, more = {}) {
  const body = new URLSearchParams({ number, expiry: '12/39', cvc: '123', name: 'Ada', ...more });
  const response = await fetch(page, { method: 'POST', body, redirect: 'manual' });
  return response.headers.get('location');
}

/** Asserts that the promise is rejected with this error. */
export async function refused(promise, type, fields) {
  const error = await promise.then(
    () => assert.fail('it was not refused'),
    (caught) => caught,
  );
  assert.ok(error instanceof type, `${error?.constructor?.name}: ${error?.message}`);
  const found = Object.fromEntries(Object.keys(fields).map((key) => [key, error[key]]));
  assert.deepEqual(found, fields);
  return error;
}

/** Returns a date or a UTC time in seconds since the Unix epoch. */
export const at = (moment) => Date.parse(`${moment}${moment.includes('T') ? '' : 'T00:00'}Z`) / 1000;

export function clockAt(moment) {
  return stripe.testHelpers.testClocks.create({ frozen_time: at(moment), name: moment });
}

/** Advances a test clock and waits until it is ready. */
export async function advance(clock, moment) {
  const { testClocks } = stripe.testHelpers;
  let moved = await testClocks.advance(clock.id, { frozen_time: at(moment) });
  assert.equal(moved.status, 'advancing');
  assert.equal(moved.status_details.advancing.target_frozen_time, at(moment));
  while (moved.status === 'advancing') moved = await testClocks.retrieve(clock.id);
  assert.deepEqual([moved.status, moved.frozen_time], ['ready', at(moment)]);
}

/** Creates a customer with a default card, or without one for null. */
export function customer(card = 'pm_card_visa', more = {}) {
  const paying = card && { payment_method: card, invoice_settings: { default_payment_method: card } };
  return stripe.customers.create({ ...paying, ...more });
}

/** Creates a price of a new product, by default monthly. */
export async function price(unit_amount, more = {}) {
  const product = more.product ?? (await stripe.products.create({ name: `Plan ${unit_amount}` })).id;
  return stripe.prices.create({
    currency: 'usd',
    recurring: { interval: 'month' },
    unit_amount,
    ...more,
    product,
  });
}

/** Creates a customer on a clock with a subscription to a price of this amount. */
export async function subscriber(amount, { card, since = '2027-04-01', person, ...more } = {}) {
  const clock = await clockAt(since);
  const owner = await customer(card, { test_clock: clock.id, ...person });
  const plan = await price(amount);
  const subscription = await stripe.subscriptions.create({
    customer: owner.id,
    items: [{ price: plan.id }],
    expand: ['latest_invoice'],
    ...more,
  });
  return { clock, customer: owner, price: plan, subscription, item: subscription.items.data[0].id };
}

export const ids = (list) => list.data.map((object) => object.id);
