// Authentication: bearer key -> the key's record -> account, both cached for a minute.

import { createHash } from 'node:crypto';

import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';

import { ApiError } from './errors.js';
import { isTest } from './secrets.js';

const dynamodb = new DynamoDBClient({});
const SCOPES = ['read', 'deploy', 'admin'];
const MINUTE = 60_000;
const CACHE_SIZE = 1_000;
const cache = new Map();

async function item(pk, sk) {
  const cached = cache.get(pk);
  if (cached && cached.until > Date.now()) return cached.item;
  const response = await dynamodb.send(new GetItemCommand({
    TableName: process.env.BILLING_TABLE,
    Key: { pk: { S: pk }, sk: { S: sk } },
    ConsistentRead: true,
  }));
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value);
  cache.set(pk, { item: response.Item, until: Date.now() + MINUTE });
  return response.Item;
}

/** Returns the caller's account: `{ id, customer }`. */
export async function authenticate(headers, required) {
  const refused = new ApiError(401, 'unauthenticated', 'Send a valid API key: "Authorization: Bearer sk_…".');
  const key = /^bearer +(sk_(?:live|test)_[0-9A-Za-z]{38})$/i.exec(headers.authorization ?? '')?.[1];
  if (!key || key.startsWith('sk_test_') !== isTest) throw refused;
  const hash = createHash('sha256').update(key).digest('hex');
  const record = await item(`KEY#${hash}`, 'KEY');
  const now = Date.now() / 1000;
  if (!record || record.revokedAt || (record.expiresAt && Number(record.expiresAt.N) <= now)) throw refused;
  if (SCOPES.indexOf(record.scope.S) < SCOPES.indexOf(required)) {
    throw new ApiError(403, 'insufficient_scope', `This needs a key with the scope "${required}".`);
  }
  const account = await item(`ACCOUNT#${record.account.S}`, 'ACCOUNT');
  if (!account) throw refused;
  return { id: account.id.S, customer: account.customer?.S };
}
