// POST /v1/billing/plan-change/preview

import { endpoint } from './endpoint.js';
import { ApiError } from './errors.js';
import { currentOf, idOf, lacksTiers, meterOf, offerOf, tierOf, tiersOf } from './plans.js';
import { preview, prices, products, stripe, subscriptions } from './stripe.js';
import { at, breakdown, day, fingerprint, money, seal } from './values.js';

const A_YEAR = { day: 365, week: 52, month: 12, year: 1 };

function parameters(event) {
  const text = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
  let fields;
  try {
    fields = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'validation', 'The body has to be JSON.');
  }
  if (typeof fields?.plan !== 'string') throw new ApiError(422, 'validation', '"plan" is required.', { field: 'plan' });
  return fields;
}

function notChangeable({ subscription, plan }) {
  const { status, latest_invoice: latest } = subscription;
  if (status === 'incomplete' || status === 'paused') return status;
  if (status === 'past_due' || status === 'unpaid') return 'overdue';
  if (latest?.status === 'open' && latest.amount_remaining > 0 && !subscription.pending_update) return 'overdue';
  if (subscription.pause_collection) return 'collection_paused';
  if (subscription.schedule) return 'scheduled';
  if (subscription.cancel_at ?? subscription.cancel_at_period_end) return 'ending';
  if (subscription.collection_method === 'send_invoice') return 'invoiced';
  return plan ? null : 'not_in_catalogue';
}

/** Returns the changes of items: the base price is replaced in place, metered prices are replaced by meter. */
function changedItems({ subscription, plan }, tiers, offer) {
  const existing = subscription.items.data;
  const changes = [{ id: plan.item.id, price: offer.price, quantity: plan.item.quantity ?? 1 }];
  const missing = offer.metered.filter(({ price }) => !existing.some((item) => item.price.id === price));
  for (const item of existing) {
    const isOfPlan = item.id !== plan.item.id && tierOf(item.price, tiers);
    if (!isOfPlan || offer.metered.some(({ price }) => price === item.price.id)) continue;
    const successor = missing.findIndex(({ meter }) => meter === meterOf(item.price));
    changes.push(successor < 0 ? { id: item.id, deleted: true } : { id: item.id, price: missing.splice(successor, 1)[0].price });
  }
  return [...changes, ...missing.map(({ price }) => ({ price }))];
}

function resetsCycle({ subscription, plan }, offer) {
  const { recurring, unit_amount: amount } = plan.item.price;
  const otherInterval = recurring?.interval !== offer.interval || recurring.interval_count !== 1;
  return (otherInterval || (amount === 0 && offer.amount > 0)) && subscription.status !== 'trialing';
}

function direction({ plan }, offer) {
  const { recurring, unit_amount: amount } = plan.item.price;
  const difference = offer.amount * A_YEAR[offer.interval] - (amount ?? 0) * A_YEAR[recurring?.interval ?? 'month'];
  return difference > 0 ? 'upgrade' : difference < 0 ? 'downgrade' : 'lateral';
}

async function change(current, tiers, offer) {
  const items = changedItems(current, tiers, offer);
  const resets = resetsCycle(current, offer);
  const { id } = current.subscription;
  const [now, next] = await Promise.all([
    preview({
      subscription: id,
      subscription_details: { items, proration_behavior: 'always_invoice', ...(resets && { billing_cycle_anchor: { type: 'now' } }) },
    }),
    preview({
      subscription: id,
      ...(resets && { preview_mode: 'recurring' }),
      subscription_details: { items, ...(!resets && { proration_behavior: 'none' }) },
    }),
  ]);
  if (now.lines.data.length === 0) now.amount_due = 0;
  return { now, next, resets };
}

function quote(account, { subscription }, offer, now, resets) {
  const items = subscription.items.data.map((item) => `${item.id}:${item.price.id}:${item.quantity ?? 0}`);
  const date = now.parent?.subscription_details?.subscription_proration_date ?? null;
  return seal('quote', account, JSON.stringify({
    subscription: subscription.id,
    state: fingerprint(items.sort().join(',')),
    plan: offer.plan,
    interval: offer.interval,
    proration_date: resets ? null : date,
    amount: charged(now),
    currency: now.currency,
    issued_at: Math.floor(Date.now() / 1000),
  }));
}

const charged = (invoice) => (invoice.total < 0 ? invoice.total : invoice.amount_due);
const isProration = ({ parent }) =>
  Boolean(parent?.subscription_item_details?.proration || parent?.invoice_item_details?.proration);

function nextDate({ subscription, plan }, now, resets) {
  const end = plan.item.current_period_end;
  if (subscription.status === 'trialing') return subscription.trial_end ?? end;
  const whole = now.lines.data.filter((line) => !isProration(line)).map((line) => line.period.end);
  return resets && whole.length ? Math.max(...whole) : end;
}

function shown(account, current, offer, { now, next, resets }) {
  const { currency } = now;
  const known = new Map(current.subscription.items.data.map(({ price }) => [price.id, price]));
  const meter = (line) => {
    const price = known.get(idOf(line.pricing?.price_details?.price));
    return (price && meterOf(price)) ?? null;
  };
  const amounts = Object.entries(breakdown(now)).map(([name, minor]) => [name, money(minor, currency)]);
  return {
    plan: offer.plan,
    prorationAmount: money(charged(now), currency),
    currency: currency.toUpperCase(),
    breakdown: Object.fromEntries(amounts),
    lines: now.lines.data.map((line) => ({
      description: line.description,
      amount: money(line.amount, currency),
      proration: isProration(line),
      periodStart: day(line.period.start),
      periodEnd: day(line.period.end),
      meter: meter(line),
    })),
    direction: direction(current, offer),
    effectiveAt: at(now.parent?.subscription_details?.subscription_proration_date ?? now.created),
    nextInvoice: { date: day(nextDate(current, now, resets)), amount: money(next.total, next.currency) },
    recurring: { amount: money(offer.amount, offer.currency), interval: offer.interval },
    quote: quote(account, current, offer, now, resets),
  };
}

export const handler = endpoint('admin', async (event, { id, customer }) => {
  const { plan, interval } = parameters(event);
  let [catalog, tiers, holder, all] = await Promise.all([
    prices(),
    products().then(tiersOf),
    customer && stripe.customers.retrieve(customer),
    customer ? subscriptions(customer) : [],
  ]);
  const current = currentOf(all, tiers);
  if (!current) throw new ApiError(409, 'no_subscription', 'There is no subscription to change.');
  const currency = current.subscription.currency ?? holder?.currency ?? 'usd';
  if (lacksTiers(catalog, currency)) catalog = await prices(currency);
  const own = current.plan?.item.price.recurring?.interval;
  const offer = offerOf(catalog, { plan, interval: interval ?? own ?? 'month', currency });
  if (!offer) throw new ApiError(422, 'unknown_plan', 'There is no such plan.');
  const reason = notChangeable(current);
  if (reason) throw new ApiError(409, 'subscription_not_changeable', 'This subscription cannot be changed now.', { reason });
  if (current.plan.item.price.id === offer.price) throw new ApiError(409, 'already_on_plan', 'The account is on this plan.');
  return shown(id, current, offer, await change(current, tiers, offer));
});
