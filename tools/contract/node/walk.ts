// The README's walk-through with a client that openapi-typescript made of openapi.yaml.
//
// The types are the point: an answer is only known to be a success or one of the operation's errors, and a
// body with another field does not compile.

import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { env: Record<string, string | undefined> };

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const client = createClient<paths>({
  baseUrl: setting("API"),
  headers: { Authorization: `Bearer ${setting("KEY")}` },
});

let steps = 0;
function is(what: string, got: unknown, expected: unknown): void {
  steps += 1;
  if (got !== expected) throw new Error(`${what} is ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`);
}

/** The answer's body where it succeeded. */
function right<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

/** Fills a page of Stripe's in, as a browser does. */
async function fill(url: string, number: string): Promise<void> {
  const card = { number, expiry: "12/39", cvc: "123", name: "Ada", email: "ada@example.com", country: "US", postal_code: "10001" };
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(card), redirect: "manual" });
  if (answer.status >= 400) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

const summary = async () => right(await client.GET("/v1/billing/summary"));
const dunning = async () => right(await client.GET("/v1/billing/dunning"));

// Before: nothing yet.
is("the plan before", (await summary()).plan, "hobby");
is("the status before", (await summary()).status, "none");

// 1. Subscribe.
const session = right(await client.POST("/v1/billing/checkout-session", { body: { plan: "pro" } }));
if (session.uiMode !== "hosted") throw new Error("hosted is the default");
// Only of a hosted session the types know that it has a URL.
await fill(session.url, "4242424242424242");
is("the plan", (await summary()).plan, "pro");

// 2. Preview.
const preview = right(await client.POST("/v1/billing/plan-change/preview", { body: { plan: "agency" } }));
is("the direction", preview.direction, "upgrade");
is("the plan after a preview", (await summary()).plan, "pro");

// 3. Change, twice with one key.
const change = () =>
  client.POST("/v1/billing/plan-change", {
    params: { header: { "Idempotency-Key": "walk-1" } },
    body: { plan: "agency", quote: preview.quote },
  });
const first = await change();
const applied = right(first);
is("the outcome", applied.outcome, "applied");
is("the amount of the invoice", applied.invoice?.amount, preview.prorationAmount);
is("the replay of the first", first.response.headers.get("idempotent-replayed"), null);
const second = await change();
is("the second answer", JSON.stringify(right(second)), JSON.stringify(applied));
is("the replay of the second", second.response.headers.get("idempotent-replayed"), "true");

// 4. A declined card.
const portal = right(await client.POST("/v1/billing/portal-session", { body: { flow: "payment_method_update" } }));
await fill(`${portal.url.replace(/\/card$/, "")}/card`, "4000000000000341");
const declined = await client.POST("/v1/billing/plan-change", { body: { plan: "agency", interval: "year" } });
is("the status of a declined change", declined.response.status, 402);
if (declined.error?.error !== "payment_failed") throw new Error(JSON.stringify(declined.error));
// The code tells the types which details there are.
is("the kind", declined.error.details.kind, "soft");
is("the plan after a decline", (await summary()).plan, "agency");

// 5. Dunning.
const month = JSON.stringify({ advance_seconds: 2_685_600 });
await fetch(`${setting("STRIPE")}/_sandbox/clock`, { method: "POST", body: month });
const overdue = await dunning();
is("the state", overdue.state, "past_due");
is("the way out", overdue.recovery?.action, "pay_invoice");

// 6. Recovery.
if (overdue.recovery === null) throw new Error("there is a way out");
await fill(overdue.recovery.url, "4242424242424242");
is("the state in the end", (await dunning()).state, "active");

const invoices = right(await client.GET("/v1/billing/invoices", { params: { query: { limit: 2, status: "paid" } } }));
is("invoices on a page", invoices.invoices.length, 2);
is("more of them", invoices.hasMore, true);
console.log(`${steps} values are as the README says`);
