// Walks through the README's "A subscription's life" with the client that openapi-typescript and openapi-fetch
// make from openapi.yaml.
//
// The compiler checks the types: a field, a code or a parameter that the document does not have fails the test.

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

let checks = 0;
function check(name: string, actual: unknown, expected: unknown): void {
  checks += 1;
  if (actual !== expected) throw new Error(`${name} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

/** Returns the body of a successful response. */
function success<T>(response: { data?: T; error?: unknown; response: Response }): T {
  if (response.data === undefined) throw new Error(`${response.response.status}: ${JSON.stringify(response.error)}`);
  return response.data;
}

/** Submits the card form of one of the sandbox's pages, as a browser does. */
async function submitCard(url: string, number: string): Promise<void> {
  const card = { number, expiry: "12/39", cvc: "123", name: "Ada", email: "ada@example.com", country: "US", postal_code: "10001" };
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(card), redirect: "manual" });
  if (response.status >= 400) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

const summary = async () => success(await client.GET("/v1/billing/summary"));
const dunning = async () => success(await client.GET("/v1/billing/dunning"));

const before = await summary();
check("the first plan", before.plan, "hobby");
check("the first status", before.status, "none");

// A session has a URL or a client secret. `uiMode` tells the compiler which of them is a string.
const embedded = success(
  await client.POST("/v1/billing/checkout-session", { body: { plan: "pro", uiMode: "embedded" } }),
);
check("the URL of an embedded session", embedded.url, null);
if (embedded.uiMode !== "embedded") throw new Error("embedded was requested");
check("the client secret", embedded.clientSecret.includes("_secret_"), true);

// 1. Subscribe.
const session = success(await client.POST("/v1/billing/checkout-session", { body: { plan: "pro" } }));
check("the client secret of a hosted session", session.clientSecret, null);
if (session.uiMode !== "hosted") throw new Error("hosted is the default");
await submitCard(session.url, "4242424242424242");
check("the plan", (await summary()).plan, "pro");

// The code tells the compiler which details an error has.
const again = await client.POST("/v1/billing/checkout-session", { body: { plan: "pro" } });
if (again.error?.error !== "already_subscribed") throw new Error(JSON.stringify(again));
check("the details of already_subscribed", again.error.details, null);
const unknown = await client.POST("/v1/billing/plan-change/preview", { body: { plan: "gold" } });
if (unknown.error?.error !== "unknown_plan") throw new Error(JSON.stringify(unknown));
check("the field of unknown_plan", unknown.error.details.field, "plan");
// @ts-expect-error Only payment_failed has a kind.
check("the kind of unknown_plan", unknown.error.details.kind, undefined);

// 2. Preview.
const preview = success(await client.POST("/v1/billing/plan-change/preview", { body: { plan: "agency" } }));
check("the direction", preview.direction, "upgrade");
check("the plan after the preview", (await summary()).plan, "pro");

// 3. Change, twice with one key.
const change = () =>
  client.POST("/v1/billing/plan-change", {
    params: { header: { "Idempotency-Key": "walk-typescript" } },
    body: { plan: "agency", quote: preview.quote },
  });
const first = await change();
const applied = success(first);
check("the outcome", applied.outcome, "applied");
check("the amount of the invoice", applied.invoice?.amount, preview.prorationAmount);
check("the first replay header", first.response.headers.get("idempotent-replayed"), null);
const second = await change();
check("the second body", JSON.stringify(success(second)), JSON.stringify(applied));
check("the second replay header", second.response.headers.get("idempotent-replayed"), "true");

// 4. A declined card.
const portal = success(await client.POST("/v1/billing/portal-session", { body: { flow: "payment_method_update" } }));
await submitCard(`${portal.url.replace(/\/card$/, "")}/card`, "4000000000000341");
const declined = await client.POST("/v1/billing/plan-change", { body: { plan: "agency", interval: "year" } });
check("the status of the declined change", declined.response.status, 402);
if (declined.error?.error !== "payment_failed") throw new Error(JSON.stringify(declined));
check("the kind", declined.error.details.kind, "soft");
check("the plan after the decline", (await summary()).plan, "agency");

// 5. Dunning.
const month = JSON.stringify({ advance_seconds: 2_685_600 });
await fetch(`${setting("STRIPE")}/_sandbox/clock`, { method: "POST", body: month });
const overdue = await dunning();
check("the state", overdue.state, "past_due");
check("the action", overdue.recovery?.action, "pay_invoice");

// 6. Recovery.
if (overdue.recovery === null) throw new Error("an overdue account can recover");
await submitCard(overdue.recovery.url, "4242424242424242");
// The API shows the payment within ten seconds.
for (let second = 0; second < 30 && (await dunning()).state !== "active"; second++) {
  await new Promise((done) => setTimeout(done, 1000));
}
check("the last state", (await dunning()).state, "active");

const invoices = success(
  await client.GET("/v1/billing/invoices", { params: { query: { limit: 2, status: "paid" } } }),
);
check("the invoices on a page", invoices.invoices.length, 2);
check("whether more follow", invoices.hasMore, true);
console.log(`${checks} checks passed`);
