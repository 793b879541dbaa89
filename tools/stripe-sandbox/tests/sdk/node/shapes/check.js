// Checks every object in the recorded responses against the SDK's types. Runs after the tests.
//
// With `--complete` it also fails if no test called an endpoint, or got no object of its type. It then calls the
// endpoints with all expandable fields and with every declared parameter.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOfValue, load } from './declared.js';
import { EXCEPTIONS } from './exceptions.js';
import { checkExpansion } from './expansion.js';
import { Fit } from './fit.js';
import { checkParameters, parametersOf } from './parameters.js';

const { STRIPE_SANDBOX_RESPONSES: folder, STRIPE_SANDBOX_URL: url, STRIPE_SANDBOX_KEY: key } = process.env;

/** Number of objects that are requested again for each endpoint. */
const SAMPLES = 3;

const responses = readdirSync(folder)
  .flatMap((file) => readFileSync(join(folder, file), 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line));
const fine = responses.filter(({ status }) => status === 200);

/** Yields all resources in a value, including itself. */
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

/** Checks an event with the type that its `type` declares. Previous values are a part of the object, at any depth. */
function checkEvent(event, types) {
  const { previous_attributes: previous, ...data } = event.data;
  const own = types.filter((type) => declared.literal(type, 'type') === event.type);
  if (own.length === 0) complain(`event.type ${event.type} is not declared`);
  else check('event', { ...event, data }, own);
  for (const name of Object.keys(previous ?? {})) {
    if (!(name in data.object)) complain(`event.data.previous_attributes.${name} is no field of the object`);
  }
}

function checkResponse(body) {
  if (body?.error) check('error', body.error, [declared.named.get('StripeRawError')]);
  for (const value of resources(body)) {
    const kind = kindOfValue(value);
    const types = declared.kinds.get(kind);
    if (kind === 'event') checkEvent(value, types);
    else if (types) check(kind, value, types);
    else complain(`${kind} is not an object that the SDK declares`);
  }
}

/** Sends a request and checks its response like the recorded ones. */
async function send(method, path, form) {
  const target = new URL(path, url);
  if (method === 'GET') form.forEach((value, name) => target.searchParams.append(name, value));
  const response = await fetch(target, {
    method,
    headers: { authorization: `Bearer ${key}` },
    body: method === 'GET' ? undefined : form,
  });
  const body = await response.json();
  checkResponse(body);
  return { status: response.status, body };
}

/** Requests the last few objects or lists again with all fields expanded. */
async function expand(requests, { object, list }) {
  const [type] = declared.kinds.get(object);
  const samples = requests.filter(({ body }) => (list ? body.data.length > 0 : !body.deleted)).slice(-SAMPLES);
  for (const { path, form } of samples) {
    const again = (fields) => send('GET', path, new URLSearchParams([...form, ...fields.map((one) => ['expand[]', one])]));
    const still = await again([]);
    if (still.status !== 200 || still.body.deleted) continue;
    await checkExpansion({ checker: declared.checker, type, object, list, send: again, complain });
  }
}

const withoutExpand = (form) => [...form].filter(([name]) => !name.startsWith('expand'));

async function checkEndpoint({ method, path, object, list }, parameters) {
  // An ID, except the name of another endpoint: `/v1/invoices/create_preview`.
  const pattern = new RegExp(`^${path.replaceAll('{}', '(?!create_preview$)[^/]+')}$`);
  const requests = fine
    .map((one) => ({ ...one, url: new URL(one.path, url) }))
    .filter((one) => one.method === method && pattern.test(one.url.pathname))
    .map(({ url: { pathname, searchParams }, form, body }) => ({
      path: pathname,
      form: withoutExpand(method === 'GET' ? searchParams : new URLSearchParams(form)),
      body,
    }));
  if (!checked.has(object)) complain(`${object}: no object was returned`);
  if (requests.length === 0) return complain(`${method} ${path} was not called`);
  if (method === 'GET') await expand(requests, { object, list });
  const type = parameters.get(`${method} ${path}`);
  if (!type) return complain(`${method} ${path} is not a method of the SDK`);
  const last = requests.at(-1);
  await checkParameters({
    checker: declared.checker,
    type,
    form: last.form,
    send: async (form) => (await send(method, last.path, form)).body.error,
    complain: (name) => complain(`${method} ${path} does not know ${name}`),
  });
}

async function checkComplete() {
  const parameters = parametersOf(declared);
  const { endpoints } = await (await fetch(new URL('/_sandbox/endpoints', url))).json();
  for (const endpoint of endpoints) await checkEndpoint(endpoint, parameters);
  EXCEPTIONS.filter((one) => !excused.has(one)).forEach(({ path }) => complain(`${path}: the exception is not needed`));
}

responses.forEach(({ body }) => checkResponse(body));
if (process.argv.includes('--complete')) await checkComplete();

console.log(`${responses.length} responses, ${checked.size} kinds of objects that match the declared types:`);
for (const kind of [...checked.keys()].sort()) console.log(`  ${checked.get(kind)} ${kind}`);
for (const [problem, count] of [...problems].sort()) console.log(`WRONG ${problem} (${count} times)`);
process.exitCode = problems.size > 0 ? 1 : 0;
