// Accepted differences from the declared types, with reasons. An unused entry is an error.

const RATE = "It can be expanded in Stripe's OpenAPI document, and so in async-stripe; the SDK only declares the id.";

export const EXCEPTIONS = [
  {
    path: 'POST /v1/payment_methods does not know',
    why: 'Sixty hashes of other types of payment methods; cards are all there is, and `type` says so.',
  },
  { path: 'invoice.total_taxes[].tax_rate_details.tax_rate', why: RATE },
  { path: 'line_item.taxes[].tax_rate_details.tax_rate', why: RATE },
  {
    path: 'invoiceitem.net_amount',
    why: 'The type has no null, but its own comment says that the field is null for discountable items.',
  },
  { path: 'payment_intent.latest_charge', why: 'Charges are not imitated as objects; the README says so.' },
  { path: 'product.tax_code', why: "Tax codes are a list of Stripe's own, which is not imitated; the README says so." },
];
