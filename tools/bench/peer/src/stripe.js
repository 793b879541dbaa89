// Stripe's client, and the reads that several endpoints use.

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

/** Reads every page of a list. */
async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

/** Returns all subscriptions of a customer, including ended ones, newest first, with all their items. */
export async function subscriptions(customer) {
  const expand = ['data.latest_invoice', 'data.schedule'];
  if (isTest) expand.push('data.test_clock');
  const found = await all(stripe.subscriptions.list({ customer, status: 'all', limit: 100, expand }));
  await Promise.all(found.filter((one) => one.items.has_more).map(async (one) => {
    one.items.data = await all(stripe.subscriptionItems.list({ subscription: one.id, limit: 100 }));
  }));
  return found;
}

/** Returns all products, including archived ones. */
export const products = () => all(stripe.products.list({ limit: 100 }));

/** Returns all active recurring prices with their products. */
export const prices = (currency) => all(stripe.prices.list({
  active: true,
  type: 'recurring',
  limit: 100,
  expand: ['data.product', 'data.tiers', 'data.currency_options',
    ...(currency ? [`data.currency_options.${currency}.tiers`] : [])],
}));

/** Returns a preview with all its lines; Stripe embeds only the first ten. */
export async function preview(parameters) {
  const invoice = await stripe.invoices.createPreview(parameters);
  if (invoice.lines.has_more) {
    invoice.lines.data = await all(stripe.invoices.listLineItems(invoice.id, { limit: 100 }));
  }
  return invoice;
}
