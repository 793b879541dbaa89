// Accepted differences from the declared types, with reasons. An unused entry is an error.

const RATE = "It can be expanded in Stripe's OpenAPI document, and so in async-stripe; the SDK only declares the id.";

const SENT = 'Stripe sends it, as recordings show; the types do not declare it.';

export const EXCEPTIONS = [
  { path: 'list.total_count', why: SENT },
  { path: 'checkout.session.line_items.total_count', why: SENT },
  { path: 'invoice.lines.total_count', why: SENT },
  { path: 'invoice.payments.total_count', why: SENT },
  { path: 'subscription.items.total_count', why: SENT },
  { path: 'subscription.plan', why: SENT },
  { path: 'subscription.quantity', why: SENT },
  { path: 'line_item.subscription', why: 'The types declare it; recordings of Stripe show lines without it.' },
  {
    path: 'POST /v1/payment_methods does not know',
    why: 'Sixty hashes of other types of payment methods; cards are all there is, and `type` says so.',
  },
  { path: 'invoice.total_taxes[].tax_rate_details.tax_rate', why: RATE },
  { path: 'line_item.taxes[].tax_rate_details.tax_rate', why: RATE },
  { path: 'payment_intent.latest_charge', why: 'Charges are not imitated as objects; the README says so.' },
  { path: 'product.tax_code', why: "Tax codes are a list of Stripe's own, which is not imitated; the README says so." },
];
