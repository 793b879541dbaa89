// Every object in every answer has the shape that the SDK's types declare. Run after the tests, over what they noted.
//
// With `--complete` it also fails if an endpoint of the sandbox was not asked, or gave no object of its kind.

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
const excused = new Set();

function complain(problem) {
  const exception = EXCEPTIONS.find(({ path }) => problem.startsWith(`${path} `));
  if (exception) excused.add(exception);
  else problems.set(problem, (problems.get(problem) ?? 0) + 1);
}

function check(kind, value, types) {
  checked.set(kind, (checked.get(kind) ?? 0) + 1);
  types
    .map((type) => fit.fields(value, type, kind))
    .reduce((best, next) => (next.length < best.length ? next : best))
    .forEach(complain);
}

/** Endpoints that nobody asked successfully, and kinds of objects of which there was not one. */
async function checkComplete() {
  const about = await fetch(new URL('/_sandbox/endpoints', process.env.STRIPE_SANDBOX_URL));
  const { endpoints } = await about.json();
  const fine = answers.filter(({ status }) => status === 200);
  for (const { method, path, object } of endpoints) {
    // An id, but not the name of another endpoint: `/v1/invoices/create_preview`.
    const pattern = new RegExp(`^${path.replaceAll('{}', '(?!create_preview$)[^/]+')}$`);
    const asked = fine.some((one) => one.method === method && pattern.test(one.path.split('?')[0]));
    if (!asked) complain(`${method} ${path} was not asked`);
    if (!checked.has(object)) complain(`${object}: none was seen`);
  }
  EXCEPTIONS.filter((one) => !excused.has(one)).forEach(({ path }) => complain(`${path}: the exception is not needed`));
}

for (const { body } of answers) {
  if (body?.error) check('error', body.error, [declared.named.get('StripeRawError')]);
  for (const value of resources(body)) {
    const kind = kindOfValue(value);
    const types = declared.kinds.get(kind);
    if (types) check(kind, value, types);
    else complain(`${kind} is not an object that the SDK declares`);
  }
}
if (process.argv.includes('--complete')) await checkComplete();

console.log(`${answers.length} answers, ${checked.size} kinds of objects that have the declared shape:`);
for (const kind of [...checked.keys()].sort()) console.log(`  ${checked.get(kind)} ${kind}`);
for (const [problem, count] of [...problems].sort()) console.log(`WRONG ${problem} (${count} times)`);
process.exitCode = problems.size > 0 ? 1 : 0;
