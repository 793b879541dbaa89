// What all tests share: clients, the sandbox's admin paths, a note of every answer, and a few objects to begin with.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import Stripe from 'stripe';

const url = new URL(process.env.STRIPE_SANDBOX_URL);
const answers = join(process.env.STRIPE_SANDBOX_ANSWERS, `${process.pid}.ndjson`);

export const { errors } = Stripe;
export const KEY = process.env.STRIPE_SANDBOX_KEY;
export const DAY = 86_400;

/** A client of the SDK that does not retry, unless told otherwise. */
export function client(key = KEY, { httpAgent, ...options } = {}) {
  return new Stripe(key, {
    host: url.hostname,
    port: url.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    httpClient: noting(Stripe.createNodeHttpClient(httpAgent)),
    ...options,
  });
}

/** Keeps every answer as it came over the wire, and what was asked, for shapes/check.js. */
function noting(inner) {
  const makeRequest = async (...request) => {
    const response = await inner.makeRequest(...request);
    const read = response.toJSON.bind(response);
    response.toJSON = async () => {
      const body = await read();
      const [, , path, method, , form] = request;
      const note = { method, path, form, status: response.getStatusCode(), body };
      appendFileSync(answers, `${JSON.stringify(note)}\n`);
      return body;
    };
    return response;
  };
  return { getClientName: () => inner.getClientName(), makeRequest };
}

export const stripe = client();

/** A request to the sandbox itself. */
export async function admin(method, path, body) {
  const answer = await fetch(new URL(`/_sandbox${path}`, url), {
    method,
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return answer.json();
}

/** Fills in the form of one of the sandbox's pages; answers with where it leads. */
export async function fillIn(page, number) {
  const body = new URLSearchParams({ number, expiry: '12/39', cvc: '123', name: 'Ada' });
  const answer = await fetch(page, { method: 'POST', body, redirect: 'manual' });
  return answer.headers.get('location');
}

/** Waits for the refusal and checks what it says. */
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

/** Seconds since 1970 of a day, or of a moment in UTC. */
export const at = (moment) => Date.parse(`${moment}${moment.includes('T') ? '' : 'T00:00'}Z`) / 1000;

export function clockAt(moment) {
  return stripe.testHelpers.testClocks.create({ frozen_time: at(moment), name: moment });
}

/** Moves a test clock and waits until it is there. */
export async function advance(clock, moment) {
  const { testClocks } = stripe.testHelpers;
  let moved = await testClocks.advance(clock.id, { frozen_time: at(moment) });
  assert.equal(moved.status, 'advancing');
  assert.equal(moved.status_details.advancing.target_frozen_time, at(moment));
  while (moved.status === 'advancing') moved = await testClocks.retrieve(clock.id);
  assert.deepEqual([moved.status, moved.frozen_time], ['ready', at(moment)]);
}

/** A customer with a card as default, or without any if it is null. */
export function customer(card = 'pm_card_visa', more = {}) {
  const paying = card && { payment_method: card, invoice_settings: { default_payment_method: card } };
  return stripe.customers.create({ ...paying, ...more });
}

/** A monthly price of its own product, unless it is told otherwise. */
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

/** A customer on a clock who has subscribed to a price of this amount. */
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
