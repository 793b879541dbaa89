// Money, dates, cursors and quotes as responses contain them.

import { createHash, createHmac } from 'node:crypto';

import { quoteKeys } from './secrets.js';

const ZERO = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const THREE = new Set('bhd jod kwd omr tnd'.split(' '));

/** Formats minor units as a decimal string with the currency's decimals. */
export function money(minor, currency) {
  const decimals = ZERO.has(currency) ? 0 : THREE.has(currency) ? 3 : 2;
  const sign = minor < 0 ? '-' : '';
  const digits = String(Math.abs(minor)).padStart(decimals + 1, '0');
  return decimals ? `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : sign + digits;
}

/** Removes trailing zeros of a decimal. */
export function exact(decimal) {
  const text = String(decimal);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

export const at = (seconds) => (seconds == null ? null : `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`);
export const day = (seconds) => (seconds == null ? null : new Date(seconds * 1000).toISOString().slice(0, 10));

export const totalTax = (invoice) => (invoice.total_taxes ?? []).reduce((sum, tax) => sum + tax.amount, 0);

/** Returns the breakdown of an invoice in minor units. */
export function breakdown(invoice) {
  const { subtotal, total, starting_balance: balance, amount_due: due } = invoice;
  const onTop = (invoice.total_taxes ?? []).filter((tax) => tax.tax_behavior === 'exclusive');
  const exclusive = onTop.reduce((sum, tax) => sum + tax.amount, 0);
  const noCredit = total < 0 || (balance > 0 && due === 0);
  return {
    subtotal,
    discount: subtotal + exclusive - total,
    tax: totalTax(invoice),
    total,
    creditApplied: noCredit ? 0 : Math.min(total, -balance),
    amountDue: due,
    // Not `-(…)`, which could be negative zero.
    balanceAfter: 0 - (balance + total - due),
  };
}

export const fingerprint = (text) => createHash('sha256').update(text).digest('hex');

/** The cursor of the page after an invoice. */
export const cursorOf = (account, invoice) => Buffer.from(`${account} ${invoice}`).toString('base64url');

/** The invoice of a cursor; null if it belongs to another account or is malformed. */
export function invoiceOf(account, cursor) {
  const [owner, invoice] = Buffer.from(cursor, 'base64url').toString().split(' ');
  return owner === account && /^in_\w+$/.test(invoice ?? '') ? invoice : null;
}

/** Seals a quote with the current MAC key. */
export function seal(purpose, account, payload) {
  const hmac = createHmac('sha256', quoteKeys[quoteKeys.current]);
  for (const part of [purpose, account, payload]) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hmac.update(length).update(bytes);
  }
  return `${quoteKeys.current}.${Buffer.concat([hmac.digest(), Buffer.from(payload)]).toString('base64url')}`;
}
