// Checkout and the customer portal.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admin, advance, at, clockAt, customer, errors, fillIn, ids, price, refused, stripe } from '../support.js';

const URLS = { success_url: 'https://app.example/done?id={CHECKOUT_SESSION_ID}', cancel_url: 'https://app.example/' };

async function session(plan, more = {}) {
  return stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: plan.id, quantity: 1 }],
    ...(more.ui_mode ? {} : URLS),
    ...more,
  });
}

describe('checkout', () => {
  test('paying on the page creates the subscription', async () => {
    const [{ id }, plan] = [await customer(null, { email: 'ada@example.com' }), await price(3500)];
    const open = await session(plan, {
      customer: id,
      client_reference_id: 'acme',
      metadata: { on: 'session' },
      subscription_data: { metadata: { on: 'subscription' }, description: 'Pro' },
      expand: ['line_items'],
    });
    assert.deepEqual([open.status, open.payment_status, open.amount_total], ['open', 'unpaid', 3500]);
    assert.equal(open.line_items.data[0].price.id, plan.id);
    assert.deepEqual([open.subscription, open.invoice], [null, null]);
    const renamed = await stripe.checkout.sessions.update(open.id, { metadata: { more: 'yes' } });
    assert.deepEqual({ ...renamed.metadata }, { on: 'session', more: 'yes' });
    assert.equal(await fillIn(open.url, '4242424242424242'), `https://app.example/done?id=${open.id}`);
    const expand = ['subscription', 'invoice', 'customer'];
    const complete = await stripe.checkout.sessions.retrieve(open.id, { expand });
    assert.deepEqual([complete.status, complete.payment_status, complete.url], ['complete', 'paid', null]);
    const { subscription } = complete;
    assert.deepEqual([subscription.status, subscription.metadata.on], ['active', 'subscription']);
    assert.equal(complete.invoice.amount_paid, 3500);
    assert.deepEqual(ids(await stripe.checkout.sessions.list({ subscription: subscription.id })), [open.id]);
    assert.deepEqual(ids(await stripe.checkout.sessions.list({ customer: id, status: 'complete' })), [open.id]);
    const items = await stripe.checkout.sessions.listLineItems(open.id, { expand: ['data.price.product'] });
    assert.deepEqual([items.data[0].amount_total, items.data[0].price.product.name], [3500, 'Plan 3500']);
  });

  test('a session without customer creates one in every ui_mode', async () => {
    const plan = await price(1000);
    for (const ui of [
      { customer_email: 'new@example.com' },
      { ui_mode: 'embedded_page', return_url: 'https://app.example/back', redirect_on_completion: 'if_required' },
    ]) {
      const open = await session(plan, ui);
      assert.deepEqual([open.url === null, open.client_secret === null], [ui.ui_mode !== undefined, !ui.ui_mode]);
      assert.equal(open.customer, null);
    }
  });

  test('amounts include trials, taxes and discounts', async () => {
    const [{ id }, plan] = [await customer(null), await price(1000)];
    const rate = await stripe.taxRates.create({ display_name: 'Tax', percentage: 10, inclusive: false });
    const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
    const taxed = await session(plan, {
      customer: id,
      line_items: [{ price: plan.id, quantity: 2, tax_rates: [rate.id] }],
      discounts: [{ coupon: coupon.id }],
      expand: ['line_items.data.taxes', 'line_items.data.discounts'],
    });
    const [line] = taxed.line_items.data;
    assert.deepEqual([line.taxes[0].rate.id, line.discounts[0].amount], [rate.id, 1000]);
    assert.deepEqual([taxed.amount_subtotal, taxed.amount_total], [2000, 1100]);
    assert.deepEqual({ ...taxed.total_details }, { amount_discount: 1000, amount_shipping: 0, amount_tax: 100 });
    const free = await session(plan, {
      customer: id,
      payment_method_collection: 'if_required',
      subscription_data: { trial_period_days: 7 },
    });
    assert.deepEqual([free.amount_total, free.payment_status], [0, 'unpaid']);
    await fillIn(free.url, '');
    const done = await stripe.checkout.sessions.retrieve(free.id);
    assert.deepEqual([done.status, done.payment_status], ['complete', 'no_payment_required']);
  });

  test('addresses, tax IDs and promotion codes are collected', async () => {
    const plan = await price(1000);
    const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
    const promotion = { type: 'coupon', coupon: coupon.id };
    const code = await stripe.promotionCodes.create({ promotion, code: `NODE${process.pid}` });
    const open = await session(plan, {
      allow_promotion_codes: true,
      billing_address_collection: 'required',
      tax_id_collection: { enabled: true, required: 'if_supported' },
    });
    const redeemed = new URLSearchParams({ promotion_code: code.code });
    await fetch(`${open.url}/promotion`, { method: 'POST', body: redeemed, redirect: 'manual' });
    const details = { email: 'new@example.com', country: 'DE', tax_id: 'DE123456789' };
    await fillIn(open.url, '4242424242424242', details);
    const complete = await stripe.checkout.sessions.retrieve(open.id, { expand: ['invoice'] });
    assert.deepEqual([complete.amount_total, complete.discounts[0].promotion_code], [500, code.id]);
    assert.deepEqual({ ...complete.customer_details.tax_ids[0] }, { type: 'eu_vat', value: 'DE123456789' });
    assert.equal(complete.invoice.customer_tax_ids[0].value, 'DE123456789');
  });

  test('a session expires by request and by time', async () => {
    const clock = await clockAt('2027-01-01');
    const [{ id }, plan] = [await customer(null, { test_clock: clock.id }), await price(1000)];
    const [first, second] = [await session(plan, { customer: id }), await session(plan, { customer: id })];
    const expired = await stripe.checkout.sessions.expire(first.id);
    assert.deepEqual([expired.status, expired.url], ['expired', null]);
    await refused(stripe.checkout.sessions.expire(first.id), errors.StripeInvalidRequestError, { statusCode: 400 });
    assert.equal(second.expires_at, at('2027-01-02'));
    await advance(clock, '2027-01-02');
    assert.equal((await stripe.checkout.sessions.retrieve(second.id)).status, 'expired');
  });

  test('conflicting parameters are refused', async () => {
    const [{ id }, plan] = [await customer(null), await price(1000)];
    const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
    for (const [form, fields] of [
      [{ payment_method_types: ['card'] }, { code: 'payment_method_types_no_longer_supported' }],
      [{ customer: id, customer_email: 'a@example.com' }, { code: 'parameters_exclusive' }],
      [{ allow_promotion_codes: true, discounts: [{ coupon: coupon.id }] }, { code: 'parameters_exclusive' }],
      [{ ui_mode: 'embedded_page', success_url: 'https://app.example' }, { param: 'success_url' }],
      [{ ui_mode: 'hosted' }, { param: 'ui_mode' }],
      [{ customer: id, automatic_tax: { enabled: true } }, { code: 'customer_tax_location_invalid' }],
      [{ customer: id, tax_id_collection: { enabled: true } }, { param: 'tax_id_collection' }],
      [{ line_items: [{ price: plan.id }] }, { param: 'line_items[0]' }],
      [{ line_items: [{ price: 'price_none', quantity: 1 }] }, { code: 'resource_missing' }],
      [{ expires_at: 1_000_000_000 }, { param: 'expires_at' }],
    ]) {
      await refused(session(plan, form), errors.StripeInvalidRequestError, { statusCode: 400, ...fields });
    }
  });
});

describe('the portal', () => {
  const make = (customer, more = {}) =>
    stripe.billingPortal.sessions.create({ customer, return_url: 'https://app.example/billing', ...more });

  test('a session requires a configuration', async () => {
    const { id } = await customer(null);
    const refusal = await refused(make(id), errors.StripeInvalidRequestError, { statusCode: 400, code: undefined });
    assert.match(refusal.message, /^No configuration provided and your test mode default configuration/);
    const features = {
      invoice_history: { enabled: true },
      payment_method_update: { enabled: true },
      subscription_cancel: {
        enabled: true,
        mode: 'at_period_end',
        cancellation_reason: { enabled: true, options: ['too_expensive', 'unused'] },
      },
      customer_update: { enabled: true, allowed_updates: ['address', 'tax_id'] },
    };
    const saved = await stripe.billingPortal.configurations.create({
      features,
      business_profile: { headline: 'Cantila', privacy_policy_url: 'https://app.example/privacy' },
      default_return_url: 'https://app.example/',
      metadata: { of: 'test' },
    });
    // Only saving the settings in the dashboard creates a default.
    assert.equal(saved.is_default, false);
    assert.deepEqual(saved.features.subscription_cancel.cancellation_reason.options, ['too_expensive', 'unused']);
    const changed = await stripe.billingPortal.configurations.update(saved.id, { name: 'Ours' });
    assert.equal(changed.name, 'Ours');
    assert.equal((await stripe.billingPortal.configurations.retrieve(saved.id)).name, 'Ours');
    const opened = await make(id, { locale: 'de', configuration: saved.id });
    assert.deepEqual([opened.configuration, opened.flow], [saved.id, null]);
    const page = await fetch(opened.url);
    assert.equal(page.status, 200);
    const settings = await admin('POST', '/portal_configuration');
    assert.equal((await make(id)).configuration, settings.id);
    assert.deepEqual(ids(await stripe.billingPortal.configurations.list({ is_default: true })), [settings.id]);
  });

  test('a flow opens one page', async () => {
    const owner = await customer();
    const plan = await price(1000);
    const subscription = await stripe.subscriptions.create({ customer: owner.id, items: [{ price: plan.id }] });
    const update = await make(owner.id, {
      flow_data: {
        type: 'payment_method_update',
        after_completion: { type: 'redirect', redirect: { return_url: 'https://app.example/paid' } },
      },
      expand: ['configuration'],
    });
    assert.equal(update.flow.after_completion.redirect.return_url, 'https://app.example/paid');
    assert.equal(update.configuration.object, 'billing_portal.configuration');
    const cancel = await make(owner.id, {
      flow_data: {
        type: 'subscription_cancel',
        subscription_cancel: { subscription: subscription.id },
        after_completion: { type: 'hosted_confirmation', hosted_confirmation: { custom_message: 'Bye' } },
      },
    });
    assert.equal(cancel.flow.subscription_cancel.subscription, subscription.id);
    const details = await make(owner.id, { flow_data: { type: 'customer_update' } });
    assert.equal(details.flow.type, 'customer_update');
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    const again = make(owner.id, {
      flow_data: { type: 'subscription_cancel', subscription_cancel: { subscription: subscription.id } },
    });
    const { message } = await refused(again, errors.StripeInvalidRequestError, { statusCode: 400 });
    assert.equal(message, 'The subscription is already set to be canceled at period end.');
    await refused(
      make(owner.id, { flow_data: { type: 'subscription_cancel' } }),
      errors.StripeInvalidRequestError,
      { code: 'parameter_missing' },
    );
    await refused(make('cus_none'), errors.StripeInvalidRequestError, { code: 'resource_missing', param: 'customer' });
  });
});
