// Every object in every answer has the shape that the SDK's types declare. Run after the tests, over what they noted.
//
// With `--complete` it also fails if an endpoint of the sandbox was not asked, or gave no object of its kind; and it
// asks again, with everything expanded that the types say can be.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOfValue, load } from './declared.js';
import { EXCEPTIONS } from './exceptions.js';
import { checkExpansion } from './expansion.js';
import { Fit } from './fit.js';

const { STRIPE_SANDBOX_ANSWERS: folder, STRIPE_SANDBOX_URL: url, STRIPE_SANDBOX_KEY: key } = process.env;

/** How many of the objects that were seen are asked for again, for each endpoint. */
const SAMPLES = 3;

const answers = readdirSync(folder)
  .flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line));
const fine = answers.filter(({ status }) => status === 200);

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

function checkAnswer(body) {
  if (body?.error) check('error', body.error, [declared.named.get('StripeRawError')]);
  for (const value of resources(body)) {
    const kind = kindOfValue(value);
    const types = declared.kinds.get(kind);
    if (types) check(kind, value, types);
    else complain(`${kind} is not an object that the SDK declares`);
  }
}

/** Asks the sandbox once more; its answer is checked like all others. */
async function ask(path, expand) {
  const target = new URL(path, url);
  expand.forEach((field) => target.searchParams.append('expand[]', field));
  const answer = await fetch(target, { headers: { authorization: `Bearer ${key}` } });
  const body = await answer.json();
  checkAnswer(body);
  return { status: answer.status, body };
}

async function checkEndpoint({ method, path, object, list }) {
  // An id, but not the name of another endpoint: `/v1/invoices/create_preview`.
  const pattern = new RegExp(`^${path.replaceAll('{}', '(?!create_preview$)[^/]+')}$`);
  const asked = fine.filter((one) => one.method === method && pattern.test(one.path.split('?')[0]));
  if (asked.length === 0) complain(`${method} ${path} was not asked`);
  if (!checked.has(object)) complain(`${object}: none was seen`);
  if (method !== 'GET') return;
  const [type] = declared.kinds.get(object);
  const samples = asked.filter(({ body }) => (list ? body.data.length > 0 : !body.deleted)).slice(-SAMPLES);
  for (const sample of samples) {
    const again = new URL(sample.path, url);
    [...again.searchParams.keys()].filter((name) => name.startsWith('expand')).forEach((name) => again.searchParams.delete(name));
    const still = await ask(again, []);
    if (still.status !== 200 || still.body.deleted) continue;
    await checkExpansion({ checker: declared.checker, type, object, list, path: again, ask, complain });
  }
}

async function checkComplete() {
  const { endpoints } = await (await fetch(new URL('/_sandbox/endpoints', url))).json();
  for (const endpoint of endpoints) await checkEndpoint(endpoint);
  EXCEPTIONS.filter((one) => !excused.has(one)).forEach(({ path }) => complain(`${path}: the exception is not needed`));
}

answers.forEach(({ body }) => checkAnswer(body));
if (process.argv.includes('--complete')) await checkComplete();

console.log(`${answers.length} answers, ${checked.size} kinds of objects that have the declared shape:`);
for (const kind of [...checked.keys()].sort()) console.log(`  ${checked.get(kind)} ${kind}`);
for (const [problem, count] of [...problems].sort()) console.log(`WRONG ${problem} (${count} times)`);
process.exitCode = problems.size > 0 ? 1 : 0;
