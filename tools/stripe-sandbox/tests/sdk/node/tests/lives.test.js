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

test('a schedule creates its subscription at its start', async () => {
  const clock = await clockAt('2027-04-01');
  const owner = await customer('pm_card_visa', { test_clock: clock.id });
  const plan = await price(3000);
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
  const planned = await stripe.subscriptionSchedules.create({
    customer: owner.id,
    start_date: at('2027-05-01'),
    end_behavior: 'cancel',
    phases: [
      {
        items: [{ price: plan.id, quantity: 2 }],
        discounts: [{ coupon: coupon.id }],
        duration: { interval: 'month', interval_count: 2 },
      },
    ],
  });
  assert.deepEqual([planned.status, planned.subscription], ['not_started', null]);
  const preview = await stripe.invoices.createPreview({ schedule: planned.id });
  assert.equal(preview.total, 3000);
  await advance(clock, '2027-05-01T02:00');
  const started = await stripe.subscriptionSchedules.retrieve(planned.id, { expand: ['subscription.latest_invoice'] });
  assert.equal(started.status, 'active');
  assert.deepEqual([started.subscription.latest_invoice.status, started.subscription.latest_invoice.total], ['paid', 3000]);
});

test('automatic tax needs a location', async () => {
  const { subscription, customer: owner } = await subscriber(3000);
  const on = () => stripe.subscriptions.update(subscription.id, { automatic_tax: { enabled: true } });
  const fields = { statusCode: 400, code: 'customer_tax_location_invalid' };
  await refused(on(), errors.StripeInvalidRequestError, fields);
  await stripe.customers.update(owner.id, { address: { country: 'DE' }, tax: { validate_location: 'immediately' } });
  const taxed = await on();
  assert.equal(taxed.automatic_tax.enabled, true);
});
