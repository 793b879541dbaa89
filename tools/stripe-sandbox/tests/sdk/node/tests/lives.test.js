// Pauses by request, and subscription schedules.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advance, at, clockAt, customer, errors, ids, price, refused, stripe, subscriber } from '../support.js';

test('a subscription is paused and resumed', async () => {
  const { subscription } = await subscriber(3000);
  const paused = await stripe.subscriptions.pause(subscription.id, { type: 'subscription' });
  assert.equal(paused.status, 'paused');
  assert.equal(paused.status_details.paused.subscription.type, 'pause_requested');
  const resumed = await stripe.subscriptions.resume(subscription.id, {
    billing_cycle_anchor: { type: 'unchanged' },
    payment_behavior: 'resume_on_payment_success',
  });
  assert.deepEqual([resumed.status, resumed.status_details ?? null], ['active', null]);
});

test('a schedule changes the plan at the end of the period', async () => {
  const { clock, customer, subscription, price: plan } = await subscriber(3000);
  const smaller = await price(1000);
  const { id } = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  const schedule = await stripe.subscriptionSchedules.update(id, {
    phases: [
      { items: [{ price: plan.id }], start_date: at('2027-04-01'), end_date: at('2027-05-01') },
      { items: [{ price: smaller.id }], duration: { interval: 'month' }, proration_behavior: 'none' },
    ],
  });
  assert.deepEqual([schedule.status, schedule.phases[1].end_date], ['active', at('2027-06-01')]);
  await refused(
    stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true }),
    errors.StripeInvalidRequestError,
    { statusCode: 400 },
  );
  await advance(clock, '2027-05-01T02:00');
  const managed = await stripe.subscriptions.retrieve(subscription.id, { expand: ['schedule'] });
  assert.deepEqual([managed.items.data[0].price.id, managed.schedule.id], [smaller.id, id]);
  assert.deepEqual(ids(await stripe.subscriptionSchedules.list({ customer: customer.id })), [id]);
  assert.equal((await stripe.subscriptionSchedules.retrieve(id)).current_phase.start_date, at('2027-05-01'));
  assert.equal((await stripe.subscriptionSchedules.release(id)).released_subscription, subscription.id);
  const again = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  assert.equal((await stripe.subscriptionSchedules.cancel(again.id)).status, 'canceled');
});
