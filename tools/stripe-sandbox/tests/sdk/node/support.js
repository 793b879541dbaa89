// What all tests share: clients, the sandbox's admin paths, and a note of every answer.

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import Stripe from 'stripe';

const url = new URL(process.env.STRIPE_SANDBOX_URL);
const answers = join(process.env.STRIPE_SANDBOX_ANSWERS, `${process.pid}.ndjson`);

/** A client of the SDK; it asks once, unless told otherwise. */
export function client(key = process.env.STRIPE_SANDBOX_KEY, options = {}) {
  const made = new Stripe(key, {
    host: url.hostname,
    port: url.port,
    protocol: 'http',
    maxNetworkRetries: 0,
    emitEventBodies: true,
    ...options,
  });
  made.on('response', note);
  return made;
}

/** Keeps the answer for shapes/check.js, as it came over the wire. */
function note({ method, path, status, body }) {
  if (body?.error) {
    // The SDK has added these to the error that Stripe sent.
    const { headers, statusCode, requestId, ...error } = body.error;
    body = { error };
  }
  appendFileSync(answers, `${JSON.stringify({ method, path, status, body })}\n`);
}

export const stripe = client();

/** A request to the sandbox itself. */
export async function admin(method, path, body) {
  const answer = await fetch(new URL(`/_sandbox${path}`, url), {
    method,
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return answer.json();
}
