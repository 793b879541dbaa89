// Changes of a subscription: cost, preview, and failed payments.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { advance, admin, at, errors, price, refused, stripe, subscriber } from '../support.js';

/** The middle of April 2027: half of a period remains. */
const MIDDLE = '2027-04-16';

/** Creates a customer with a subscription of 20.00 a month, in the middle of the month. */
async function halfWay(more) {
  const begun = await subscriber(2000, more);
  await advance(begun.clock, MIDDLE);
  return begun;
}

/** Replaces the customer's card by one that declines charges. */
async function breakCard({ customer, subscription }, card = 'pm_card_chargeCustomerFail') {
  const bad = await stripe.paymentMethods.attach(card, { customer: customer.id });
  return stripe.subscriptions.update(subscription.id, { default_payment_method: bad.id });
}

const amounts = (invoice) => invoice.lines.data.map((line) => line.amount);

let more;
before(async () => {
  more = await price(5000);
});

const upgrade = (begun, form = {}) =>
  stripe.subscriptions.update(begun.subscription.id, {
    items: [{ id: begun.item, price: more.id }],
    expand: ['latest_invoice.confirmation_secret'],
    ...form,
  });

describe('proration', () => {
  test('create_prorations bills the difference with the renewal', async () => {
    const begun = await halfWay();
    const changed = await upgrade(begun, { proration_behavior: 'create_prorations' });
    assert.equal(changed.latest_invoice.id, begun.subscription.latest_invoice.id);
    const pending = await stripe.invoiceItems.list({ customer: begun.customer.id, pending: true });
    assert.deepEqual(pending.data.map((item) => [item.amount, item.proration]), [[-1000, true], [2500, true]]);
    assert.equal(pending.data[0].parent.subscription_details.subscription, begun.subscription.id);
    assert.equal((await stripe.invoiceItems.retrieve(pending.data[1].id)).amount, 2500);
    await advance(begun.clock, '2027-05-01T02:00');
    const [renewal] = (await stripe.invoices.list({ subscription: begun.subscription.id })).data;
    assert.equal(renewal.total, 6500);
  });

  test('always_invoice charges the previewed amount immediately', async () => {
    const begun = await halfWay();
    const details = { items: [{ id: begun.item, price: more.id }], proration_behavior: 'always_invoice' };
    const preview = await stripe.invoices.createPreview({
      subscription: begun.subscription.id,
      subscription_details: { ...details, proration_date: at(MIDDLE) },
    });
    assert.deepEqual([preview.amount_due, preview.status, preview.number], [1500, 'draft', null]);
    assert.equal(preview.parent.subscription_details.subscription_proration_date, at(MIDDLE));
    assert.match(preview.id, /^upcoming_in_/);
    const changed = await upgrade(begun, { proration_behavior: 'always_invoice', proration_date: at(MIDDLE) });
    const { latest_invoice: invoice } = changed;
    assert.deepEqual([invoice.amount_due, invoice.status], [1500, 'paid']);
    assert.deepEqual(amounts(invoice), amounts(preview));
    assert.deepEqual(
      invoice.lines.data.map((line) => line.description),
      preview.lines.data.map((line) => line.description),
    );
    const details0 = invoice.lines.data[0].parent.subscription_item_details;
    assert.deepEqual([details0.proration, details0.subscription_item], [true, begun.item]);
    assert.equal(details0.proration_details.credited_items.invoice, begun.subscription.latest_invoice.id);
    await refused(stripe.invoices.retrieve(preview.id), errors.StripeInvalidRequestError, { statusCode: 404 });
  });

  test('none changes the price without prorations', async () => {
    const begun = await halfWay();
    const changed = await upgrade(begun, { proration_behavior: 'none' });
    assert.equal(changed.items.data[0].price.id, more.id);
    assert.deepEqual((await stripe.invoiceItems.list({ customer: begun.customer.id })).data, []);
    const next = await stripe.invoices.createPreview({ subscription: begun.subscription.id });
    assert.deepEqual([next.amount_due, amounts(next)], [5000, [5000]]);
  });

  test('a downgrade becomes a credit', async () => {
    const begun = await halfWay();
    const less = await price(500);
    const changed = await upgrade(begun, {
      items: [{ id: begun.item, price: less.id }],
      proration_behavior: 'always_invoice',
    });
    const { latest_invoice: invoice } = changed;
    assert.deepEqual([invoice.total, invoice.amount_due, invoice.ending_balance], [-750, 0, -750]);
    assert.equal((await stripe.customers.retrieve(begun.customer.id)).balance, -750);
    const [entry] = (await stripe.customers.listBalanceTransactions(begun.customer.id)).data;
    assert.deepEqual([entry.type, entry.invoice, entry.amount], ['applied_to_invoice', invoice.id, -750]);
  });

  test('a new period requires billing_cycle_anchor as an object', async () => {
    const begun = await halfWay();
    const yearly = await price(20000, { recurring: { interval: 'year' } });
    const form = { items: [{ id: begun.item, price: yearly.id }], proration_behavior: 'always_invoice' };
    const details = { ...form, billing_cycle_anchor: { type: 'now' } };
    const preview = await stripe.invoices.createPreview({
      subscription: begun.subscription.id,
      subscription_details: details,
    });
    const changed = await upgrade(begun, details);
    assert.deepEqual([preview.amount_due, changed.latest_invoice.amount_paid], [19000, 19000]);
    assert.equal(changed.billing_cycle_anchor, at(MIDDLE));
    assert.equal(changed.items.data[0].current_period_end, at('2028-04-16'));
    for (const anchor of ['now', { type: 'later' }]) {
      await refused(upgrade(begun, { ...form, billing_cycle_anchor: anchor }), errors.StripeInvalidRequestError, {
        statusCode: 400,
      });
    }
    await refused(
      upgrade(begun, { ...details, proration_date: at(MIDDLE) }),
      errors.StripeInvalidRequestError,
      { statusCode: 400 },
    );
  });

  test('preview and charge include tax and balance', async () => {
    const rate = await stripe.taxRates.create({ display_name: 'Tax', percentage: 10, inclusive: false });
    const begun = await halfWay({ default_tax_rates: [rate.id] });
    await stripe.customers.createBalanceTransaction(begun.customer.id, { amount: -400, currency: 'usd' });
    const preview = await stripe.invoices.createPreview({
      subscription: begun.subscription.id,
      subscription_details: { items: [{ id: begun.item, price: more.id }], proration_behavior: 'always_invoice' },
    });
    const { latest_invoice: invoice } = await upgrade(begun, { proration_behavior: 'always_invoice' });
    for (const shown of [preview, invoice]) {
      assert.deepEqual([shown.subtotal, shown.total, shown.amount_due], [1500, 1650, 1250]);
      assert.deepEqual(shown.total_taxes.map((tax) => tax.amount), [150]);
      assert.equal(shown.starting_balance, -400);
    }
    const shown = await stripe.invoices.retrieve(invoice.id, { expand: ['total_taxes.tax_rate_details.tax_rate'] });
    assert.equal(shown.total_taxes[0].tax_rate_details.tax_rate.percentage, 10);
    const expand = ['data.taxes.tax_rate_details.tax_rate'];
    const lines = await stripe.invoices.listLineItems(invoice.id, { expand });
    assert.equal(lines.data[0].taxes[0].tax_rate_details.tax_rate.id, rate.id);
  });
});

describe('unpaid changes', () => {
  const always = { proration_behavior: 'always_invoice' };

  test('allow_incomplete applies the change and leaves the invoice open', async () => {
    const begun = await halfWay();
    await breakCard(begun);
    const changed = await upgrade(begun, { ...always, payment_behavior: 'allow_incomplete' });
    assert.deepEqual([changed.status, changed.latest_invoice.status], ['past_due', 'open']);
    assert.equal(changed.items.data[0].price.id, more.id);
  });

  test('default_incomplete leaves the invoice open without an attempt', async () => {
    const begun = await halfWay();
    const changed = await upgrade(begun, { ...always, payment_behavior: 'default_incomplete' });
    assert.deepEqual([changed.status, changed.latest_invoice.attempt_count], ['past_due', 0]);
    assert.ok(changed.latest_invoice.confirmation_secret.client_secret.startsWith('pi_'));
    await stripe.invoices.pay(changed.latest_invoice.id);
    assert.equal((await stripe.subscriptions.retrieve(changed.id)).status, 'active');
  });

  test('error_if_incomplete changes nothing', async () => {
    const begun = await halfWay();
    await breakCard(begun);
    await refused(upgrade(begun, { ...always, payment_behavior: 'error_if_incomplete' }), errors.StripeCardError, {
      statusCode: 402,
      code: 'card_declined',
    });
    const same = await stripe.subscriptions.retrieve(begun.subscription.id);
    assert.equal(same.items.data[0].price.id, begun.price.id);
    assert.equal(same.latest_invoice, begun.subscription.latest_invoice.id);
  });

  test('pending_if_incomplete stores a pending update until its invoice is paid', async () => {
    const begun = await halfWay();
    await breakCard(begun);
    const pending = { ...always, payment_behavior: 'pending_if_incomplete' };
    const waiting = await upgrade(begun, { ...pending, metadata: { plan: 'agency' }, cancel_at_period_end: true });
    assert.deepEqual([waiting.status, waiting.items.data[0].price.id], ['active', begun.price.id]);
    const { pending_update: update } = waiting;
    assert.deepEqual([update.subscription_items[0].price.id, update.cancel_at_period_end], [more.id, true]);
    assert.equal(update.expires_at, at('2027-04-16T23:00'));
    await stripe.invoices.pay(waiting.latest_invoice.id, { payment_method: 'pm_card_visa' });
    const applied = await stripe.subscriptions.retrieve(begun.subscription.id);
    assert.deepEqual([applied.pending_update, applied.items.data[0].price.id], [null, more.id]);
    assert.deepEqual([applied.metadata.plan, applied.cancel_at_period_end], ['agency', true]);
    await refused(
      upgrade(begun, { ...pending, description: 'not with this' }),
      errors.StripeInvalidRequestError,
      { statusCode: 400 },
    );
  });

  test('a pending update expires after 23 hours and its invoice is voided', async () => {
    const begun = await halfWay();
    await breakCard(begun);
    const waiting = await upgrade(begun, { ...always, payment_behavior: 'pending_if_incomplete' });
    await advance(begun.clock, '2027-04-16T23:00:01');
    const left = await stripe.subscriptions.retrieve(begun.subscription.id);
    assert.deepEqual([left.pending_update, left.items.data[0].price.id], [null, begun.price.id]);
    assert.equal((await stripe.invoices.retrieve(waiting.latest_invoice.id)).status, 'void');
    const [payment] = (await stripe.invoicePayments.list({ invoice: waiting.latest_invoice.id })).data;
    assert.equal(payment.status, 'canceled');
  });

  test('authentication applies the pending update', async () => {
    const begun = await halfWay();
    await breakCard(begun, 'pm_card_authenticationRequired');
    const waiting = await upgrade(begun, { ...always, payment_behavior: 'pending_if_incomplete' });
    const { data } = await stripe.invoicePayments.list({
      invoice: waiting.latest_invoice.id,
      expand: ['data.payment.payment_intent'],
    });
    const intent = data[0].payment.payment_intent;
    assert.deepEqual([intent.status, intent.next_action.type], ['requires_action', 'use_stripe_sdk']);
    assert.equal(intent.client_secret, waiting.latest_invoice.confirmation_secret.client_secret);
    await admin('POST', `/payment_intents/${intent.id}/authenticate`, { succeed: true });
    const applied = await stripe.subscriptions.retrieve(begun.subscription.id);
    assert.equal(applied.items.data[0].price.id, more.id);
    await refused(
      upgrade(begun, { ...always, items: [{ id: begun.item, quantity: 3 }], payment_behavior: 'error_if_incomplete' }),
      errors.StripeCardError,
      { statusCode: 402, code: 'subscription_payment_intent_requires_action' },
    );
  });
});

test('items are added, changed and removed', async () => {
  const begun = await halfWay();
  const addon = await price(300);
  const added = await stripe.subscriptions.update(begun.subscription.id, {
    items: [{ price: addon.id, quantity: 4, metadata: { role: 'addon' } }],
    proration_behavior: 'none',
  });
  assert.deepEqual(added.items.data.map((item) => item.quantity), [1, 4]);
  const item = added.items.data[1];
  const left = await stripe.subscriptions.update(begun.subscription.id, {
    items: [{ id: item.id, deleted: true }, { id: begun.item, quantity: 2 }],
    proration_behavior: 'none',
  });
  assert.deepEqual(left.items.data.map((one) => [one.id, one.quantity]), [[begun.item, 2]]);
});

test('a discount reduces the next invoice and can be removed', async () => {
  const begun = await halfWay();
  const coupon = await stripe.coupons.create({ percent_off: 25, duration: 'forever' });
  const changed = await stripe.subscriptions.update(begun.subscription.id, {
    discounts: [{ coupon: coupon.id }],
    expand: ['discounts.source.coupon'],
  });
  assert.equal(changed.discounts[0].source.coupon.percent_off, 25);
  const next = await stripe.invoices.createPreview({
    subscription: begun.subscription.id,
    expand: ['discounts', 'total_discount_amounts.discount', 'lines.data.discount_amounts.discount'],
  });
  assert.deepEqual([next.subtotal, next.total], [2000, 1500]);
  assert.equal(next.total_discount_amounts[0].discount.source.coupon, coupon.id);
  const cleared = await stripe.subscriptions.update(begun.subscription.id, { discounts: '' });
  assert.deepEqual(cleared.discounts, []);
});
