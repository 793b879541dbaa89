// Stripe's key and, for functions with quotes, their MAC keys: read once in the cold start.

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

const manager = new SecretsManagerClient({});

async function read(id) {
  const { SecretString } = await manager.send(new GetSecretValueCommand({ SecretId: id }));
  return JSON.parse(SecretString);
}

const [stripe, quotes] = await Promise.all([
  read(process.env.STRIPE_SECRET_ID),
  process.env.QUOTE_KEYS_SECRET_ID ? read(process.env.QUOTE_KEYS_SECRET_ID) : null,
]);

export const stripeKey = stripe.secretKey;
export const isTest = /^[sr]k_test_/.test(stripeKey);
export const quoteKeys = quotes;
