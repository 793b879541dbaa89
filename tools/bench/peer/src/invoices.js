// GET /v1/billing/invoices

import { endpoint } from './endpoint.js';
import { ApiError } from './errors.js';
import { stripe } from './stripe.js';
import { at, cursorOf, day, invoiceOf, money, totalTax } from './values.js';

const SLACK = 10;
const SHOWN = ['paid', 'open', 'void', 'uncollectible'];

function parameters(event) {
  const query = new URLSearchParams(event.rawQueryString);
  const limit = Number(query.get('limit') ?? 24);
  const status = query.get('status') ?? undefined;
  const bad = (field, message) => new ApiError(422, 'validation', message, { field });
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw bad('limit', '"limit" must be an integer from 1 to 100.');
  if (status && !SHOWN.includes(status)) throw bad('status', `"status" has to be one of ${SHOWN.join(', ')}.`);
  return { limit, status, cursor: query.get('cursor') };
}

/** Returns a page without drafts. Requests a few more invoices than the page needs, in case some are drafts. */
async function page(customer, { limit, status, after }) {
  const wanted = status ? limit : limit + 1;
  const shown = [];
  let size = Math.min(status ? limit : limit + SLACK, 100);
  for (;;) {
    const list = await stripe.invoices.list({
      customer, limit: size, ...(status && { status }), ...(after && { starting_after: after }),
    });
    shown.push(...list.data.filter((invoice) => invoice.status !== 'draft'));
    const more = list.has_more && list.data.length > 0;
    if (!more || shown.length >= wanted) {
      return { invoices: shown.slice(0, limit), hasMore: shown.length > limit || (Boolean(status) && more) };
    }
    after = list.data.at(-1).id;
    size = 100;
  }
}

function period(invoice) {
  const latest = (proration) => invoice.lines.data
    .filter((line) => line.parent?.subscription_item_details?.proration === proration)
    .reduce((last, line) => (last && last.period.end > line.period.end ? last : line), undefined);
  return (latest(false) ?? latest(true))?.period ?? { start: invoice.period_start, end: invoice.period_end };
}

function entry(invoice) {
  const { currency } = invoice;
  const { start, end } = period(invoice);
  return {
    number: invoice.number,
    status: invoice.status,
    amount: money(invoice.total, currency),
    hostedUrl: invoice.hosted_invoice_url ?? null,
    id: invoice.id,
    currency: currency.toUpperCase(),
    amountPaid: money(invoice.amount_paid, currency),
    amountDue: money(invoice.amount_remaining, currency),
    tax: money(totalTax(invoice), currency),
    createdAt: at(invoice.created),
    periodStart: day(start),
    periodEnd: day(end),
    dueDate: day(invoice.due_date),
    paidAt: at(invoice.status_transitions.paid_at),
    pdfUrl: invoice.invoice_pdf ?? null,
    reason: invoice.billing_reason,
  };
}

export const handler = endpoint('read', async (event, { id, customer }) => {
  const { limit, status, cursor } = parameters(event);
  const after = cursor && invoiceOf(id, cursor);
  if (cursor && !after) throw new ApiError(422, 'validation', '"cursor" has to be a nextCursor.', { field: 'cursor' });
  if (!customer) return { invoices: [], hasMore: false, nextCursor: null };
  const { invoices, hasMore } = await page(customer, { limit, status, after });
  const nextCursor = hasMore ? cursorOf(id, invoices.at(-1).id) : null;
  return { invoices: invoices.map(entry), hasMore, nextCursor };
});
