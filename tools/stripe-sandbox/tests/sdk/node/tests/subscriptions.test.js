// Subscriptions from the first invoice to the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, advance, at, clockAt, customer, errors, ids, price, refused, stripe, subscriber } from '../support.js';

test('a new subscription is active with a paid invoice', async () => {
  const { subscription, customer: owner, price: plan } = await subscriber(3500, {
    metadata: { account: 'acme' },
    description: 'Pro for Acme',
    expand: ['latest_invoice.payments', 'default_payment_method', 'customer'],
  });
  assert.deepEqual([subscription.status, subscription.latest_invoice.status], ['active', 'paid']);
  assert.equal(subscription.latest_invoice.billing_reason, 'subscription_create');
  assert.equal(subscription.latest_invoice.payments.data[0].amount_paid, 3500);
  const [item] = subscription.items.data;
  assert.deepEqual([item.price.id, item.quantity], [plan.id, 1]);
  assert.deepEqual([item.current_period_start, item.current_period_end], [at('2027-04-01'), at('2027-05-01')]);
  assert.deepEqual(ids(await stripe.subscriptions.list({ customer: owner.id, price: plan.id })), [subscription.id]);
  assert.deepEqual(ids(await stripe.subscriptionItems.list({ subscription: subscription.id })), [item.id]);
  assert.equal((await stripe.subscriptionItems.retrieve(item.id)).subscription, subscription.id);
});

test('an unpaid first invoice follows payment_behavior', async () => {
  const { id: declined } = await customer('pm_card_chargeCustomerFail');
  const plan = await price(1500);
  const begin = (payment_behavior, more = {}) =>
    stripe.subscriptions.create({
      customer: declined,
      items: [{ price: plan.id }],
      payment_behavior,
      expand: ['latest_invoice.confirmation_secret', 'latest_invoice.payments'],
      ...more,
    });
  const allowed = await begin('allow_incomplete');
  assert.deepEqual([allowed.status, allowed.latest_invoice.status], ['incomplete', 'open']);
  const waiting = await begin('default_incomplete');
  assert.deepEqual([waiting.status, waiting.latest_invoice.attempted], ['incomplete', false]);
  assert.equal(waiting.latest_invoice.confirmation_secret.type, 'payment_intent');
  const refusal = await refused(begin('error_if_incomplete'), errors.StripeCardError, {
    statusCode: 402,
    code: 'card_declined',
    decline_code: 'generic_decline',
  });
  assert.match(refusal.message, /declined/);
  await refused(begin('pending_if_incomplete'), errors.StripeInvalidRequestError, {
    statusCode: 400,
    param: 'payment_behavior',
  });
  const { data } = await stripe.subscriptions.list({ customer: declined, status: 'incomplete' });
  assert.deepEqual(data.map((one) => one.id), [waiting.id, allowed.id]);
  const intent = waiting.latest_invoice.payments.data[0].payment.payment_intent;
  const paid = await stripe.invoices.pay(waiting.latest_invoice.id, { payment_method: 'pm_card_visa' });
  assert.equal(paid.status, 'paid');
  assert.equal((await stripe.paymentIntents.retrieve(intent)).status, 'succeeded');
  assert.equal((await stripe.subscriptions.retrieve(waiting.id)).status, 'active');
});

test('an unpaid first invoice expires after 23 hours', async () => {
  const { clock, subscription } = await subscriber(1500, { card: 'pm_card_chargeCustomerFail' });
  assert.equal(subscription.status, 'incomplete');
  await advance(clock, '2027-04-01T23:00:01');
  const ended = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
  assert.deepEqual([ended.status, ended.latest_invoice.status], ['incomplete_expired', 'void']);
});

test('a trial is free and ends as configured', async () => {
  const settings = { trial_settings: { end_behavior: { missing_payment_method: 'pause' } } };
  const { clock, subscription } = await subscriber(2000, { card: null, trial_period_days: 14, ...settings });
  assert.deepEqual([subscription.status, subscription.latest_invoice.amount_due], ['trialing', 0]);
  assert.equal(subscription.trial_end - subscription.trial_start, 14 * DAY);
  await advance(clock, '2027-04-15T00:00:01');
  const paused = await stripe.subscriptions.retrieve(subscription.id);
  assert.equal(paused.status, 'paused');
  assert.equal(paused.status_details.paused.subscription.type, 'trial_end_without_payment_method');
});

test('a renewal is a draft for an hour, then paid', async () => {
  const { clock, subscription } = await subscriber(2000);
  await advance(clock, '2027-05-01T00:30');
  const expand = ['latest_invoice'];
  const renewed = await stripe.subscriptions.retrieve(subscription.id, { expand });
  assert.deepEqual([renewed.latest_invoice.status, renewed.latest_invoice.attempted], ['draft', false]);
  assert.equal(renewed.latest_invoice.billing_reason, 'subscription_cycle');
  assert.equal(renewed.latest_invoice.hosted_invoice_url, null);
  await advance(clock, '2027-05-01T01:30');
  const paid = (await stripe.subscriptions.retrieve(subscription.id, { expand })).latest_invoice;
  assert.deepEqual([paid.id, paid.status, paid.amount_paid], [renewed.latest_invoice.id, 'paid', 2000]);
});

test('a declined renewal is past due, retried and payable with another card', async () => {
  const { clock, customer: owner, subscription } = await subscriber(2000);
  const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: owner.id });
  await stripe.subscriptions.update(subscription.id, { default_payment_method: bad.id });
  await advance(clock, '2027-05-01T02:00');
  const overdue = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
  const { latest_invoice: invoice } = overdue;
  assert.deepEqual([overdue.status, invoice.status, invoice.attempt_count], ['past_due', 'open', 1]);
  assert.ok(invoice.next_payment_attempt > at('2027-05-01'));
  const expand = ['data.payment.payment_intent', 'data.invoice'];
  const [payment] = (await stripe.invoicePayments.list({ invoice: invoice.id, expand })).data;
  const { payment_intent: intent } = payment.payment;
  assert.deepEqual([payment.status, intent.status], ['open', 'requires_payment_method']);
  assert.equal(intent.last_payment_error.decline_code, 'generic_decline');
  assert.equal(intent.last_payment_error.payment_method.id, bad.id);
  assert.equal((await stripe.invoicePayments.retrieve(payment.id)).invoice, invoice.id);
  const refusal = await refused(stripe.invoices.pay(invoice.id), errors.StripeCardError, { statusCode: 402 });
  assert.equal(refusal.payment_intent.id, intent.id);
  const paid = await stripe.invoices.pay(invoice.id, { payment_method: 'pm_card_visa' });
  assert.deepEqual([paid.status, paid.attempt_count], ['paid', 1]);
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  await refused(stripe.invoices.pay(invoice.id), errors.StripeInvalidRequestError, {
    statusCode: 400,
    message: 'Invoice is already paid',
  });
});

test('a subscription is unpaid after all retries failed', async () => {
  const { clock, customer: owner, subscription } = await subscriber(2000);
  const bad = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: owner.id });
  await stripe.subscriptions.update(subscription.id, { default_payment_method: bad.id });
  await advance(clock, '2027-05-17');
  const left = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
  assert.deepEqual([left.status, left.latest_invoice.attempt_count], ['unpaid', 4]);
  assert.equal(left.latest_invoice.next_payment_attempt, null);
});

test('usage is billed in arrears', async () => {
  const meter = await stripe.billing.meters.create({
    display_name: 'Gigabytes',
    event_name: 'gigabytes',
    default_aggregation: { formula: 'sum' },
  });
  const plan = await price(undefined, {
    recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    tiers: [{ up_to: 100, unit_amount: 0 }, { up_to: 'inf', unit_amount_decimal: '2.5' }],
  });
  const { clock, customer: owner, subscription } = await subscriber(1000);
  await stripe.subscriptions.update(subscription.id, {
    items: [{ price: plan.id }],
    proration_behavior: 'none',
  });
  await stripe.billing.meterEvents.create({
    event_name: 'gigabytes',
    payload: { stripe_customer_id: owner.id, value: '141' },
  });
  await advance(clock, '2027-05-01T02:00');
  const [renewal] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  // 41 above the included units at 2.5 cents are 102.5, rounded to 103.
  assert.equal(renewal.total, 1103);
  const metered = renewal.lines.data.filter((line) => line.pricing.price_details.price === plan.id);
  assert.equal(metered.reduce((sum, line) => sum + line.amount, 0), 103);
  const { items } = await stripe.subscriptions.retrieve(subscription.id);
  const item = items.data.find((one) => one.price.id === plan.id);
  assert.equal('quantity' in item, false);
  await refused(
    stripe.subscriptions.update(subscription.id, { items: [{ id: item.id, quantity: 2 }] }),
    errors.StripeInvalidRequestError,
    { statusCode: 400 },
  );
});

test('a subscription ends immediately, at period end or at a date', async () => {
  const { subscription: now } = await subscriber(1000);
  const canceled = await stripe.subscriptions.cancel(now.id, {
    cancellation_details: { comment: 'Too big', feedback: 'too_complex' },
    invoice_now: true,
    prorate: true,
    expand: ['latest_invoice'],
  });
  assert.deepEqual([canceled.status, canceled.cancellation_details.feedback], ['canceled', 'too_complex']);
  assert.equal(canceled.cancellation_details.reason, 'cancellation_requested');
  assert.equal(canceled.latest_invoice.total, -1000);
  await refused(stripe.subscriptions.cancel(now.id), errors.StripeInvalidRequestError, { statusCode: 404 });

  const { clock, subscription: later } = await subscriber(1000);
  const ending = await stripe.subscriptions.update(later.id, { cancel_at_period_end: true });
  assert.deepEqual([ending.status, ending.cancel_at], ['active', at('2027-05-01')]);
  await stripe.subscriptions.update(later.id, { cancel_at_period_end: false });
  await stripe.subscriptions.update(later.id, { cancel_at: at('2027-04-20') });
  await advance(clock, '2027-04-21');
  const ended = await stripe.subscriptions.retrieve(later.id);
  assert.deepEqual([ended.status, ended.ended_at], ['canceled', at('2027-04-20')]);
  assert.deepEqual(ids(await stripe.subscriptions.list({ test_clock: clock.id })), []);
  assert.deepEqual(ids(await stripe.subscriptions.list({ test_clock: clock.id, status: 'ended' })), [later.id]);
});

test('pause_collection ends at its date', async () => {
  const { clock, subscription } = await subscriber(1000);
  const paused = await stripe.subscriptions.update(subscription.id, {
    pause_collection: { behavior: 'mark_uncollectible', resumes_at: at('2027-05-15') },
  });
  assert.deepEqual([paused.status, paused.pause_collection.behavior], ['active', 'mark_uncollectible']);
  await advance(clock, '2027-05-01T02:00');
  const [renewal] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  assert.equal(renewal.status, 'uncollectible');
  assert.equal(renewal.status_details.uncollectible.reason, 'subscription_paused');
  await advance(clock, '2027-05-16');
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).pause_collection, null);
});

test('a subscription is paused and resumed', async () => {
  const { clock, subscription } = await subscriber(3000);
  await advance(clock, '2027-04-16');
  const paused = await stripe.subscriptions.pause(subscription.id, {
    type: 'subscription',
    bill_for: { unused_time_from: { type: 'now' } },
    invoicing_behavior: 'invoice',
    expand: ['latest_invoice'],
  });
  const { status_details: details } = paused;
  assert.deepEqual([paused.status, details.paused.subscription.type], ['paused', 'pause_requested']);
  assert.equal(details.paused.transitioned_at, at('2027-04-16'));
  assert.equal(paused.latest_invoice.total, -1500);
  await advance(clock, '2027-05-20');
  const resumed = await stripe.subscriptions.resume(subscription.id, {
    billing_cycle_anchor: { type: 'now' },
    payment_behavior: 'resume_on_payment_success',
    expand: ['latest_invoice'],
  });
  assert.deepEqual([resumed.status, 'status_details' in resumed], ['active', false]);
  assert.equal(resumed.latest_invoice.amount_paid, 1500);
  await refused(stripe.subscriptions.resume(subscription.id), errors.StripeInvalidRequestError, { statusCode: 400 });
});

test('a schedule changes a subscription later, is released or is canceled', async () => {
  const { clock, customer: owner, price: plan, subscription } = await subscriber(3000);
  const schedules = stripe.subscriptionSchedules;
  const made = await schedules.create({ from_subscription: subscription.id, expand: ['subscription'] });
  assert.deepEqual([made.status, made.subscription.schedule], ['active', made.id]);
  const less = await price(1000);
  const [{ start_date, end_date }] = made.phases;
  const changed = await schedules.update(made.id, {
    end_behavior: 'release',
    metadata: { why: 'downgrade' },
    phases: [
      { items: [{ price: plan.id, quantity: 1 }], start_date, end_date },
      { items: [{ price: less.id, quantity: 1 }], duration: { interval: 'month', interval_count: 1 } },
    ],
    expand: ['phases.items.price'],
  });
  assert.deepEqual(changed.phases.map((phase) => phase.items[0].price.id), [plan.id, less.id]);
  await advance(clock, '2027-05-01T02:00');
  const [renewal] = (await stripe.invoices.list({ subscription: subscription.id })).data;
  assert.equal(renewal.amount_paid, 1000);
  assert.deepEqual(ids(await schedules.list({ customer: owner.id })), [made.id]);
  const released = await schedules.release(made.id);
  assert.deepEqual([released.status, released.released_subscription], ['released', subscription.id]);
  const again = await schedules.create({ from_subscription: subscription.id });
  assert.equal((await schedules.cancel(again.id)).status, 'canceled');
  assert.equal((await schedules.retrieve(again.id)).status, 'canceled');
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'canceled');
});

test('an invoice that is sent is open until it is paid', async () => {
  const { subscription, clock } = await subscriber(1000, { collection_method: 'send_invoice', days_until_due: 30 });
  assert.deepEqual([subscription.status, subscription.latest_invoice.status], ['active', 'draft']);
  const sent = await stripe.invoices.sendInvoice(subscription.latest_invoice.id);
  assert.deepEqual([sent.status, sent.due_date], ['open', at('2027-05-01')]);
  const paid = await stripe.invoices.pay(sent.id, { paid_out_of_band: true });
  assert.deepEqual([paid.status, paid.amount_paid], ['paid', 1000]);
  assert.deepEqual(
    ids(await stripe.subscriptions.list({ test_clock: clock.id, collection_method: 'send_invoice' })),
    [subscription.id],
  );
});
