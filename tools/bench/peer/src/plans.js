// Reads the plans from Stripe's products and prices, and selects an account's current subscription.

const ENDED = new Set(['canceled', 'incomplete_expired']);

export const idOf = (expandable) => (typeof expandable === 'string' ? expandable : expandable?.id);
export const isMetered = (price) => price.recurring?.usage_type === 'metered';
export const meterOf = (price) =>
  (isMetered(price) ? price.metadata?.cantila_meter ?? price.recurring.meter ?? undefined : undefined);

const planIn = (object) => object?.metadata?.cantila_plan;

/** Returns the tiers by product. */
export const tiersOf = (products) =>
  new Map(products.flatMap(({ id, metadata }) => (metadata.cantila_plan ? [[id, metadata.cantila_plan]] : [])));

/** Returns the tier of a price: its own, else its product's. */
export const tierOf = (price, tiers) => planIn(price) ?? tiers.get(idOf(price.product));

function planOf(subscription, tiers) {
  const onPlan = subscription.items.data.filter((item) => tierOf(item.price, tiers));
  const item = onPlan.find((one) => !isMetered(one.price)) ?? onPlan[0];
  return item && { tier: tierOf(item.price, tiers), item };
}

/** Returns the newest live subscription on a plan, else the newest live one, else null. */
export function currentOf(subscriptions, tiers) {
  const live = subscriptions.filter((one) => !ENDED.has(one.status));
  for (const subscription of live) {
    const plan = planOf(subscription, tiers);
    if (plan) return { subscription, plan, live: live.length };
  }
  return live.length ? { subscription: live[0], plan: undefined, live: live.length } : null;
}

const amountsOf = (price, currency) => (price.currency === currency ? price : price.currency_options?.[currency]);

/** Returns whether a price has tiers in this currency that the request did not expand. */
export const lacksTiers = (prices, currency) => prices.filter(isMetered).some((price) => {
  const amounts = amountsOf(price, currency);
  return amounts && !amounts.tiers && amounts.unit_amount_decimal == null;
});

const expandedTier = (price) => planIn(price) ?? planIn(price.product);

function meteredWith(base, prices) {
  const sameInterval = (price) => price.recurring.interval === base.recurring.interval
    && price.recurring.interval_count === base.recurring.interval_count;
  const metered = new Map();
  const belonging = prices.filter((price) => isMetered(price) && price.product.active
    && expandedTier(price) === expandedTier(base) && sameInterval(price));
  belonging.sort((a, b) => Number(a.lookup_key == null) - Number(b.lookup_key == null));
  for (const price of belonging) {
    const meter = meterOf(price);
    if (meter && !metered.has(meter)) metered.set(meter, { price: price.id, meter });
  }
  return [...metered.values()].sort((a, b) => (a.meter < b.meter ? -1 : 1));
}

/** Returns the offer for a plan in this interval and currency, or undefined if it is not sold. */
export function offerOf(prices, { plan, interval, currency }) {
  const base = prices.find((price) => !isMetered(price)
    && expandedTier(price) === plan
    && price.recurring.interval_count === 1
    && price.recurring.interval === interval
    && price.lookup_key === `cantila_${plan}_${interval}`
    && amountsOf(price, currency)?.unit_amount != null);
  return base && {
    price: base.id,
    plan,
    interval,
    amount: amountsOf(base, currency).unit_amount,
    currency,
    metered: meteredWith(base, prices),
  };
}

/** Returns the tier of a price. */
export const tierOfPrice = (prices, id) => {
  const price = prices.find((one) => one.id === id);
  return (price && expandedTier(price)) ?? null;
};
