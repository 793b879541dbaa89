// Stripe's key and the pepper, read once while the process starts.

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

const manager = new SecretsManagerClient({});

async function read(id) {
  const { SecretString } = await manager.send(new GetSecretValueCommand({ SecretId: id }));
  return JSON.parse(SecretString);
}

const [stripe, pepper] = await Promise.all([
  read(process.env.STRIPE_SECRET_ID),
  read(process.env.PEPPER_SECRET_ID),
]);

export const stripeKey = stripe.secretKey;
export const isTest = /^[sr]k_test_/.test(stripeKey);
export const pepperText = pepper.pepper;
