// Every object in every answer has the shape that the SDK's types declare. Run after the tests, over what they noted.
//
// With `--complete` it also fails if an endpoint of the sandbox was not asked, or gave no object of its kind; and it
// asks again, with everything expanded that the types say can be, and with every parameter that they declare.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOfValue, load } from './declared.js';
import { EXCEPTIONS } from './exceptions.js';
import { checkExpansion } from './expansion.js';
import { Fit } from './fit.js';
import { checkParameters, parametersOf } from './parameters.js';

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
async function ask(method, path, form) {
  const target = new URL(path, url);
  if (method === 'GET') form.forEach((value, name) => target.searchParams.append(name, value));
  const answer = await fetch(target, {
    method,
    headers: { authorization: `Bearer ${key}` },
    body: method === 'GET' ? undefined : form,
  });
  const body = await answer.json();
  checkAnswer(body);
  return { status: answer.status, body };
}

/** Asks for the last few objects, or lists with some, once more with everything expanded. */
async function expand(asked, { object, list }) {
  const [type] = declared.kinds.get(object);
  const samples = asked.filter(({ body }) => (list ? body.data.length > 0 : !body.deleted)).slice(-SAMPLES);
  for (const { path, form } of samples) {
    const again = (fields) => ask('GET', path, new URLSearchParams([...form, ...fields.map((one) => ['expand[]', one])]));
    const still = await again([]);
    if (still.status !== 200 || still.body.deleted) continue;
    await checkExpansion({ checker: declared.checker, type, object, list, ask: again, complain });
  }
}

const withoutExpand = (form) => [...form].filter(([name]) => !name.startsWith('expand'));

async function checkEndpoint({ method, path, object, list }, parameters) {
  // An id, but not the name of another endpoint: `/v1/invoices/create_preview`.
  const pattern = new RegExp(`^${path.replaceAll('{}', '(?!create_preview$)[^/]+')}$`);
  const asked = fine
    .map((one) => ({ ...one, url: new URL(one.path, url) }))
    .filter((one) => one.method === method && pattern.test(one.url.pathname))
    .map(({ url: { pathname, searchParams }, form, body }) => ({
      path: pathname,
      form: withoutExpand(method === 'GET' ? searchParams : new URLSearchParams(form)),
      body,
    }));
  if (!checked.has(object)) complain(`${object}: none was seen`);
  if (asked.length === 0) return complain(`${method} ${path} was not asked`);
  if (method === 'GET') await expand(asked, { object, list });
  const type = parameters.get(`${method} ${path}`);
  if (!type) return complain(`${method} ${path} is not a method of the SDK`);
  const last = asked.at(-1);
  await checkParameters({
    checker: declared.checker,
    type,
    form: last.form,
    send: async (form) => (await ask(method, last.path, form)).body.error,
    complain: (name) => complain(`${method} ${path} does not know ${name}`),
  });
}

async function checkComplete() {
  const parameters = parametersOf(declared);
  const { endpoints } = await (await fetch(new URL('/_sandbox/endpoints', url))).json();
  for (const endpoint of endpoints) await checkEndpoint(endpoint, parameters);
  EXCEPTIONS.filter((one) => !excused.has(one)).forEach(({ path }) => complain(`${path}: the exception is not needed`));
}

answers.forEach(({ body }) => checkAnswer(body));
if (process.argv.includes('--complete')) await checkComplete();

console.log(`${answers.length} answers, ${checked.size} kinds of objects that have the declared shape:`);
for (const kind of [...checked.keys()].sort()) console.log(`  ${checked.get(kind)} ${kind}`);
for (const [problem, count] of [...problems].sort()) console.log(`WRONG ${problem} (${count} times)`);
process.exitCode = problems.size > 0 ? 1 : 0;
