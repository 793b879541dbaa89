// Manual invoices and invoice operations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customer, errors, ids, price, refused, stripe } from '../support.js';

/** Creates a draft with one item. */
async function draft(amount, more = {}, card = 'pm_card_visa') {
  const owner = await customer(card);
  const invoice = await stripe.invoices.create({ customer: owner.id, auto_advance: false, ...more });
  const item = await stripe.invoiceItems.create({
    customer: owner.id,
    invoice: invoice.id,
    amount,
    currency: 'usd',
    description: 'Migration',
    metadata: { hours: '3' },
  });
  return { owner, invoice, item };
}

test('an invoice is created, finalized and paid', async () => {
  const { owner, invoice, item } = await draft(4200, { description: 'By hand', footer: 'Thanks' });
  const extra = await price(800, { recurring: undefined });
  const more = await stripe.invoiceItems.create({
    customer: owner.id,
    invoice: invoice.id,
    pricing: { price: extra.id },
    quantity: 2,
    period: { start: 1_800_000_000, end: 1_800_086_400 },
  });
  assert.deepEqual([more.amount, more.pricing.unit_amount_decimal.toString()], [1600, '800']);
  assert.deepEqual(ids(await stripe.invoiceItems.list({ invoice: invoice.id })), [more.id, item.id]);
  await stripe.invoices.update(invoice.id, { metadata: { order: '7' } });
  const open = await stripe.invoices.finalizeInvoice(invoice.id, { auto_advance: false, expand: ['payments'] });
  assert.deepEqual([open.status, open.total, open.amount_remaining], ['open', 5800, 5800]);
  assert.ok(open.hosted_invoice_url.startsWith('http') && open.number);
  const lines = await stripe.invoices.listLineItems(invoice.id, { limit: 1 });
  assert.equal(lines.has_more, true);
  const paid = await stripe.invoices.pay(invoice.id, { expand: ['payments.data.payment.payment_intent'] });
  assert.deepEqual([paid.status, paid.amount_paid, paid.amount_remaining], ['paid', 5800, 0]);
  const { payment_intent: intent } = paid.payments.data[0].payment;
  assert.deepEqual([intent.status, intent.amount_received], ['succeeded', 5800]);
  assert.deepEqual(ids(await stripe.paymentIntents.list({ customer: owner.id })), [intent.id]);
  await refused(stripe.invoiceItems.del(item.id), errors.StripeInvalidRequestError, {
    message: "Can't delete an invoice item that is attached to an invoice that is no longer editable",
  });
  await refused(stripe.invoices.finalizeInvoice(invoice.id), errors.StripeInvalidRequestError, {
    message: "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
  });
});

test('an open invoice can be voided or marked uncollectible', async () => {
  const first = await draft(900);
  await refused(stripe.invoices.voidInvoice(first.invoice.id), errors.StripeInvalidRequestError, { statusCode: 400 });
  await stripe.invoices.finalizeInvoice(first.invoice.id);
  const voided = await stripe.invoices.voidInvoice(first.invoice.id);
  assert.equal(voided.status, 'void');
  assert.ok(voided.status_transitions.voided_at);
  const second = await draft(900);
  await stripe.invoices.finalizeInvoice(second.invoice.id);
  const lost = await stripe.invoices.markUncollectible(second.invoice.id);
  assert.deepEqual([lost.status, lost.status_details.uncollectible.reason], ['uncollectible', 'user_forgiven']);
  const paid = await stripe.invoices.pay(second.invoice.id);
  assert.deepEqual([paid.status, 'status_details' in paid], ['paid', false]);
});

test('a draft and its items can be deleted', async () => {
  const { owner, invoice, item } = await draft(900);
  assert.equal((await stripe.invoiceItems.del(item.id)).deleted, true);
  assert.equal((await stripe.invoices.retrieve(invoice.id)).total, 0);
  assert.equal((await stripe.invoices.del(invoice.id)).deleted, true);
  assert.deepEqual(ids(await stripe.invoices.list({ customer: owner.id })), []);
});

test('a declined card returns its code and the invoice stays open', async () => {
  // The SDK turns a missing decline code into an empty string.
  const cards = [
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', ''],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', ''],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', ''],
  ];
  const { invoice } = await draft(900);
  for (const [payment_method, code, decline_code] of cards) {
    const refusal = await refused(stripe.invoices.pay(invoice.id, { payment_method }), errors.StripeCardError, {
      statusCode: 402,
      code,
      decline_code,
    });
    assert.equal(refusal.payment_method.object, 'payment_method');
  }
  const open = await stripe.invoices.retrieve(invoice.id);
  assert.deepEqual([open.status, open.attempt_count], ['open', 1]);
  await stripe.invoices.finalizeInvoice((await draft(900, {}, null)).invoice.id);
});

test('pending items are on the next invoice', async () => {
  const owner = await customer();
  for (let index = 0; index < 12; index += 1) {
    await stripe.invoiceItems.create({ customer: owner.id, amount: 100, currency: 'usd' });
  }
  const invoice = await stripe.invoices.create({
    customer: owner.id,
    pending_invoice_items_behavior: 'include',
    expand: ['customer', 'lines.data'],
  });
  assert.deepEqual([invoice.total, invoice.lines.data.length, invoice.lines.has_more], [1200, 10, true]);
  const all = [];
  for await (const line of stripe.invoices.listLineItems(invoice.id, { limit: 5 })) all.push(line.id);
  assert.equal(new Set(all).size, 12);
  assert.deepEqual((await stripe.invoiceItems.list({ customer: owner.id, pending: true })).data, []);
});

test('an invoice can have a coupon and a tax rate', async () => {
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: true });
  const coupon = await stripe.coupons.create({ amount_off: 200, currency: 'usd', duration: 'once' });
  const { invoice } = await draft(1400, { default_tax_rates: [rate.id], discounts: [{ coupon: coupon.id }] });
  const open = await stripe.invoices.finalizeInvoice(invoice.id, { expand: ['discounts'] });
  assert.deepEqual([open.subtotal, open.total], [1400, 1200]);
  assert.deepEqual(open.total_taxes.map((tax) => [tax.amount, tax.tax_behavior]), [[200, 'inclusive']]);
  assert.equal(open.total_excluding_tax, 1000);
  assert.equal(open.discounts[0].invoice, invoice.id);
});

test('a new subscription can be previewed', async () => {
  const owner = await customer();
  const plan = await price(2500);
  const preview = await stripe.invoices.createPreview({
    customer: owner.id,
    subscription_details: { items: [{ price: plan.id, quantity: 2 }] },
    invoice_items: [{ amount: 300, currency: 'usd', description: 'Setup' }],
  });
  assert.deepEqual([preview.amount_due, preview.billing_reason], [5300, 'upcoming']);
  const extra = await price(700, { recurring: undefined });
  const items = await stripe.invoices.createPreview({
    customer: owner.id,
    invoice_items: [{ price: extra.id, quantity: 3 }, { unit_amount: 50, quantity: 2, currency: 'usd' }],
  });
  assert.deepEqual(items.lines.data.map((line) => line.amount), [2100, 100]);
  await refused(stripe.invoices.createPreview({ customer: owner.id }), errors.StripeInvalidRequestError, {
    statusCode: 400,
  });
});
