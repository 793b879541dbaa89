// Where the sandbox rightly differs from the declared types, each with its reason.

const rate = 'It can be expanded in Stripe\'s OpenAPI document, and so in async-stripe; the SDK only declares the id.';

export const EXCEPTIONS = [
  { path: 'invoice.total_taxes[].tax_rate_details.tax_rate', why: rate },
  { path: 'line_item.taxes[].tax_rate_details.tax_rate', why: rate },
];
