//! Parts of the API's responses that the console shows, named as in `openapi.yaml`. Amounts stay decimal strings.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub plan: Option<String>,
    pub status: String,
    pub current_period_start: Option<String>,
    pub current_period_end: Option<String>,
    pub trial_end: Option<String>,
    pub cancel_at: Option<String>,
    pub quantity: Option<String>,
    pub pending_change: Option<PendingChange>,
    pub estimate: Option<Estimate>,
    pub next_charge_at: Option<String>,
    pub balance: String,
    pub discounts: Vec<Discount>,
    pub currency: String,
    pub warnings: Vec<String>,
    pub as_of: String,
    pub stale: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    pub plan: Option<String>,
    pub interval: Option<String>,
    pub effective_at: Option<String>,
    pub reason: String,
    pub expires_at: Option<String>,
    pub url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discount {
    pub name: String,
    pub percent_off: Option<String>,
    pub amount_off: Option<String>,
    pub ends_at: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    pub status: String,
    pub currency: String,
    pub amount: String,
    pub amount_due: String,
    pub subtotal: String,
    pub tax: String,
    pub discount: String,
    pub billing_credits: String,
    pub credit_applied: String,
    pub lines: Vec<Line>,
    pub as_of: String,
}

/// Line of an estimate, a preview or an invoice.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub description: Option<String>,
    pub amount: String,
    /// First and last day; absent in an estimate.
    pub period_start: Option<String>,
    pub period_end: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Info {
    pub account: AccountInfo,
    pub capabilities: Capabilities,
    pub plans: Vec<Plan>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountInfo {
    pub payment_method: Option<PaymentMethod>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethod {
    #[serde(rename = "type")]
    pub kind: String,
    pub brand: Option<String>,
    pub last4: Option<String>,
    pub exp_month: Option<u8>,
    pub exp_year: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    pub checkout: bool,
    pub portal: bool,
    pub plan_change: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub plan: String,
    pub name: String,
    pub description: Option<String>,
    pub interval: String,
    pub every: Every,
    pub currency: String,
    pub amount: String,
    pub your_amount: Option<String>,
    pub your_every: Option<Every>,
    pub metered: Vec<Meter>,
    pub current: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Every {
    pub count: u32,
    pub unit: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meter {
    pub meter: String,
    pub unit: Option<String>,
    pub included: Option<String>,
    pub unit_amount: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoicePage {
    pub invoices: Vec<InvoiceRow>,
    pub next_cursor: Option<String>,
}

/// Invoice in a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceRow {
    pub id: String,
    pub number: Option<String>,
    pub status: String,
    pub payment: String,
    pub amount: String,
    pub currency: String,
    pub created_at: String,
}

/// Invoice with its lines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    #[serde(flatten)]
    pub row: InvoiceRow,
    pub period_start: String,
    pub period_end: String,
    pub due_date: Option<String>,
    pub paid_at: Option<String>,
    pub hosted_url: Option<String>,
    pub pdf_url: Option<String>,
    pub breakdown: Breakdown,
    pub lines: Vec<Line>,
    pub payments: Vec<Payment>,
    pub attribution: Option<Attribution>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    pub subtotal: String,
    pub discount: String,
    pub billing_credits: String,
    pub tax: String,
    pub total: String,
    pub credit_applied: String,
    pub amount_due: String,
    pub balance_after: String,
}

#[derive(Debug, Deserialize)]
pub struct Payment {
    pub amount: String,
    pub status: String,
    pub at: String,
    pub failure: Option<PaymentFailure>,
}

#[derive(Debug, Deserialize)]
pub struct PaymentFailure {
    pub message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    pub request_id: String,
    pub key_id: String,
}

#[derive(Debug, Deserialize)]
pub struct Usage {
    pub from: String,
    pub to: String,
    pub currency: String,
    pub meters: Vec<MeterUsage>,
    pub total: Option<String>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct MeterUsage {
    pub meter: String,
    pub name: Option<String>,
    pub unit: Option<String>,
    pub included: Option<String>,
    pub used: String,
    pub amount: Option<String>,
    pub days: Vec<UsageDay>,
}

#[derive(Debug, Deserialize)]
pub struct UsageDay {
    pub date: String,
    pub quantity: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dunning {
    pub state: String,
    pub reason: Option<String>,
    pub since: Option<String>,
    pub attempts: u32,
    pub max_attempts: u32,
    pub next_attempt_at: Option<String>,
    pub grace_ends_at: Option<String>,
    pub overdue: Vec<Sum>,
    pub invoice: Option<UnpaidInvoice>,
    pub processing: Option<Processing>,
    pub failure: Option<PaymentFailure>,
    pub deploy_blocked: bool,
    pub recovery: Option<Recovery>,
}

#[derive(Debug, Deserialize)]
pub struct Sum {
    pub currency: String,
    pub amount: String,
}

#[derive(Debug, Deserialize)]
pub struct UnpaidInvoice {
    pub number: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Processing {
    pub amount: String,
    pub currency: String,
    pub since: String,
}

/// Next step of the customer.
#[derive(Debug, Deserialize)]
pub struct Recovery {
    pub action: String,
    /// A page of Stripe's for `GET`, a route of the API for `POST`.
    pub url: String,
    pub method: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    pub plan: String,
    pub proration_amount: String,
    pub currency: String,
    pub breakdown: Breakdown,
    pub lines: Vec<Line>,
    pub direction: String,
    pub effective_at: String,
    pub next_invoice: NextInvoice,
    pub recurring: Recurring,
    pub usage: Option<DueUsage>,
    pub quote: String,
}

#[derive(Debug, Deserialize)]
pub struct NextInvoice {
    pub date: String,
    pub amount: String,
}

#[derive(Debug, Deserialize)]
pub struct Recurring {
    pub amount: String,
    pub interval: String,
}

#[derive(Debug, Deserialize)]
pub struct DueUsage {
    pub amount: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanChange {
    pub plan: Option<String>,
    pub previous_plan: String,
    /// `applied`, `processing` or `scheduled`.
    pub outcome: String,
    pub proration_amount: String,
    pub currency: String,
    pub effective_at: String,
    pub invoice: Option<ChangeInvoice>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct ChangeInvoice {
    pub id: String,
    pub number: Option<String>,
}

/// Change that was dropped, and the plan that stays.
#[derive(Debug, Deserialize)]
pub struct Dropped {
    pub plan: Option<String>,
    pub canceled: DroppedChange,
}

#[derive(Debug, Deserialize)]
pub struct DroppedChange {
    pub plan: Option<String>,
    /// `scheduled`, `payment_action_required` or `cancellation`.
    pub reason: String,
}

/// Session of Stripe Checkout or of the portal.
#[derive(Debug, Deserialize)]
pub struct Session {
    /// Page of Stripe's to which the customer is sent.
    pub url: Option<String>,
}
