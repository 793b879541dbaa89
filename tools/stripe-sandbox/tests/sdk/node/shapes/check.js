// Every object in every answer has the shape that the SDK's types declare.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOfValue, load } from './declared.js';
import { EXCEPTIONS } from './exceptions.js';
import { Fit } from './fit.js';

const folder = process.env.STRIPE_SANDBOX_ANSWERS;
const answers = readdirSync(folder)
  .flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line));

/** All objects inside a value that say what they are, itself included. */
function* resources(value) {
  if (value === null || typeof value !== 'object') return;
  if (typeof value.object === 'string') yield value;
  for (const inner of Object.values(value)) yield* resources(inner);
}

const declared = load();
const fit = new Fit(declared.checker);
const checked = new Map();
const problems = new Map();

function check(kind, value, types) {
  checked.set(kind, (checked.get(kind) ?? 0) + 1);
  const found = types
    .map((type) => fit.fields(value, type, kind))
    .reduce((best, next) => (next.length < best.length ? next : best));
  for (const problem of found) {
    if (EXCEPTIONS.some(({ path }) => problem.startsWith(`${path} `))) continue;
    problems.set(problem, (problems.get(problem) ?? 0) + 1);
  }
}

for (const { body } of answers) {
  if (body?.error) check('error', body.error, [declared.named.get('StripeRawError')]);
  for (const value of resources(body)) {
    const kind = kindOfValue(value);
    const types = declared.kinds.get(kind);
    if (types) check(kind, value, types);
    else problems.set(`${kind} is not an object that the SDK declares`, 1);
  }
}

console.log(`${answers.length} answers; objects checked:`);
for (const kind of [...checked.keys()].sort()) console.log(`  ${kind} ${checked.get(kind)}`);
for (const [problem, count] of [...problems].sort()) console.log(`WRONG ${problem} (${count} times)`);
process.exitCode = problems.size > 0 ? 1 : 0;
