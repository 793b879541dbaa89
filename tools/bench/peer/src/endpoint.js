// Common parts of every endpoint: authentication, errors, headers.

import Stripe from 'stripe';

import { authenticate } from './auth.js';
import { ApiError } from './errors.js';

function reply(statusCode, requestId, body) {
  return {
    statusCode,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-request-id': requestId,
    },
    body: JSON.stringify(body),
  };
}

/** Returns a Lambda handler that authenticates the caller, checks the scope and sends the result of `handler`. */
export const endpoint = (scope, handler) => async (event) => {
  const { requestId } = event.requestContext;
  try {
    const account = await authenticate(event.headers, scope);
    return reply(200, requestId, await handler(event, account));
  } catch (error) {
    if (error instanceof ApiError) {
      const { status, code, message, details } = error;
      return reply(status, requestId, { error: code, message, requestId, details });
    }
    console.error(JSON.stringify({ requestId, error: error.message, type: error.type }));
    const [status, code] = error instanceof Stripe.errors.StripeError
      ? [503, 'stripe_unavailable'] : [500, 'internal'];
    return reply(status, requestId, { error: code, message: 'Try again later.', requestId });
  }
};
