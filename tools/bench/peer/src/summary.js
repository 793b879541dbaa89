// GET /v1/billing/summary

import { endpoint } from './endpoint.js';
import { currentOf, idOf, isMetered, meterOf, tierOf, tierOfPrice, tiersOf } from './plans.js';
import { preview, prices, products, stripe, subscriptions } from './stripe.js';
import { at, breakdown, day, exact, money } from './values.js';

const DEFAULT = process.env.DEFAULT_CURRENCY ?? 'usd';

const without = (status, currency) => ({
  plan: 'hobby', status, currentPeriodStart: null, currentPeriodEnd: null, trialEnd: null, cancelAt: null,
  pendingChange: null, estimate: null, currency: currency.toUpperCase(), subscriptionId: null, warnings: [],
});

async function nextInvoice({ id, status }) {
  if (status === 'paused' || status === 'unpaid') return null;
  try {
    return await preview({ subscription: id });
  } catch (error) {
    if (error.code === 'invoice_upcoming_none') return null;
    throw error;
  }
}

async function pendingChange(subscription, tiers) {
  const update = subscription.pending_update;
  if (update) {
    const plan = (update.subscription_items ?? []).map((item) => tierOf(item.price, tiers)).find(Boolean);
    return {
      plan: plan ?? null, effectiveAt: null, reason: 'payment_action_required', expiresAt: at(update.expires_at),
      url: subscription.latest_invoice?.hosted_invoice_url ?? null,
    };
  }
  const now = subscription.test_clock?.frozen_time ?? Date.now() / 1000;
  const later = (subscription.schedule?.phases ?? []).filter((phase) => phase.start_date > now);
  const [next] = later.sort((a, b) => a.start_date - b.start_date);
  const items = subscription.items.data;
  const has = (price) => items.some((item) => item.price.id === price);
  if (!next || (next.items.length === items.length && next.items.every((item) => has(idOf(item.price))))) return null;
  const catalog = await prices();
  const plan = next.items.map((item) => tierOfPrice(catalog, idOf(item.price))).find(Boolean);
  return { plan: plan ?? null, effectiveAt: at(next.start_date), reason: 'scheduled', expiresAt: null, url: null };
}

function estimate(invoice, subscription, tiers) {
  const { currency } = invoice;
  const amounts = breakdown(invoice);
  const known = new Map(subscription.items.data.map(({ price }) => [price.id, price]));
  return {
    currency: currency.toUpperCase(),
    amount: money(amounts.total, currency),
    amountDue: money(amounts.amountDue, currency),
    subtotal: money(amounts.subtotal, currency),
    tax: money(amounts.tax, currency),
    discount: money(amounts.discount, currency),
    creditApplied: money(amounts.creditApplied, currency),
    lines: invoice.lines.data.map((line) => {
      const quantity = line.quantity_decimal ?? line.quantity;
      const details = line.pricing?.price_details;
      const price = known.get(idOf(details?.price));
      return {
        description: line.description,
        amount: money(line.amount, currency),
        quantity: quantity == null ? null : exact(quantity),
        metered: Boolean(price && isMetered(price)),
        plan: (price ? tierOf(price, tiers) : tiers.get(idOf(details?.product))) ?? null,
        meter: (price && meterOf(price)) ?? null,
      };
    }),
  };
}

function endsAt({ cancel_at: date, cancel_at_period_end: withPeriod, items }) {
  return date ?? (withPeriod ? Math.max(...items.data.map((item) => item.current_period_end)) : null);
}

export const handler = endpoint('read', async (event, { customer }) => {
  if (!customer) return without('none', DEFAULT);
  const [all, tiers] = await Promise.all([subscriptions(customer), products().then(tiersOf)]);
  const current = currentOf(all, tiers);
  if (!current) {
    const currency = all[0]?.currency ?? (await stripe.customers.retrieve(customer)).currency ?? DEFAULT;
    return without(all.length ? 'canceled' : 'none', currency);
  }
  const { subscription, plan, live } = current;
  const [invoice, pending] = await Promise.all([nextInvoice(subscription), pendingChange(subscription, tiers)]);
  const base = plan?.item ?? subscription.items.data[0];
  return {
    plan: plan?.tier ?? null,
    status: subscription.status,
    currentPeriodStart: day(base?.current_period_start),
    currentPeriodEnd: day(base?.current_period_end),
    trialEnd: day(subscription.trial_end),
    cancelAt: day(endsAt(subscription)),
    pendingChange: pending,
    estimate: invoice && estimate(invoice, subscription, tiers),
    currency: subscription.currency.toUpperCase(),
    subscriptionId: subscription.id,
    warnings: live > 1 ? ['multiple_subscriptions'] : [],
  };
});
