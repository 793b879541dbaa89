// Stripe's own client, and the reads that more than one endpoint makes.

import Stripe from 'stripe';

import { isTest, stripeKey } from './secrets.js';

const base = new URL(process.env.STRIPE_API_BASE ?? 'https://api.stripe.com');

export const stripe = new Stripe(stripeKey, {
  protocol: base.protocol.slice(0, -1),
  host: base.hostname,
  port: base.port || undefined,
  maxNetworkRetries: 2,
  timeout: 10_000,
});

/** Every page of a list. */
async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

/** Every subscription of a customer, ended ones too, newest first, with all their items. */
export async function subscriptions(customer) {
  const expand = ['data.latest_invoice', 'data.schedule'];
  if (isTest) expand.push('data.test_clock');
  const found = await all(stripe.subscriptions.list({ customer, status: 'all', limit: 100, expand }));
  await Promise.all(found.filter((one) => one.items.has_more).map(async (one) => {
    one.items.data = await all(stripe.subscriptionItems.list({ subscription: one.id, limit: 100 }));
  }));
  return found;
}

/** Every product, retired ones too. */
export const products = () => all(stripe.products.list({ limit: 100 }));

/** Every active recurring price, with its product. */
export const prices = (currency) => all(stripe.prices.list({
  active: true,
  type: 'recurring',
  limit: 100,
  expand: ['data.product', 'data.tiers', 'data.currency_options',
    ...(currency ? [`data.currency_options.${currency}.tiers`] : [])],
}));

/** A preview, with all its lines: those that it embeds are the first ten. */
export async function preview(parameters) {
  const invoice = await stripe.invoices.createPreview(parameters);
  if (invoice.lines.has_more) {
    invoice.lines.data = await all(stripe.invoices.listLineItems(invoice.id, { limit: 100 }));
  }
  return invoice;
}
