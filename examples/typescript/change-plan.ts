// Changes an account's plan at the amount that it was shown.
//
//     API=http://127.0.0.1:9100 KEY=sk_test_… node change-plan.js agency
//
// The types are generated from openapi.yaml: openapi-typescript openapi.yaml -o schema.d.ts

import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: string[]; env: Record<string, string | undefined>; exit(code: number): never };

const client = createClient<paths>({
  baseUrl: process.env.API ?? "http://127.0.0.1:9100",
  headers: { Authorization: `Bearer ${process.env.KEY ?? ""}` },
});
const plan = process.argv[2] ?? "agency";

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

const { data: preview, error: refused } = await client.POST("/v1/billing/plan-change/preview", { body: { plan } });
// Every error has a code, and a message that says what to do.
if (preview === undefined) fail(`No preview: ${refused.message}`);
for (const line of preview.lines) console.log(`${line.amount.padStart(10)}  ${line.description}`);
console.log(`${preview.breakdown.amountDue.padStart(10)}  ${preview.currency} due now`);

const { data: changed, error } = await client.POST("/v1/billing/plan-change", {
  body: { plan, quote: preview.quote },
  // A retry with the same key changes the plan once, and gets the first response.
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
});
if (changed !== undefined) {
  console.log(`${changed.outcome}: ${changed.previousPlan} to ${changed.plan}, ${changed.prorationAmount} ${changed.currency}`);
} else if (error.error === "quote_changed") {
  fail(`It costs ${error.details.preview.breakdown.amountDue} by now. Nothing has changed: run it again.`);
} else if (error.error === "payment_action_required") {
  fail(`The bank wants the customer to authenticate: ${error.details.url}`);
} else {
  fail(`Not changed: ${error.message}`);
}
