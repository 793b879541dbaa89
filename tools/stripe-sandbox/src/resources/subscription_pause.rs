//! `POST /v1/subscriptions/{id}/pause` and `/resume`.

use serde_json::Value;

use super::subscription_json;
use super::subscription_params as shared;
use crate::endpoint::call::Call;
use crate::endpoint::params::Params;
use crate::lifecycle::pause::{BillFor, UnusedFrom};
use crate::lifecycle::pause_requests;
use crate::lifecycle::resume::{ResumeOptions, ResumePaymentBehavior};
use crate::model::subscription::ProrationBehavior;
use crate::values::errors::{ApiError, Result};
use crate::world::find_running;

pub fn pause(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let bill = read_pause(&mut call.params)?;
    call.begin()?;
    find_running(call.world, &id)?;
    pause_requests::pause(call.world, &id, bill)?;
    Ok(subscription_json::to_json(call.world, &call.world.subscription(&id)))
}

/// Reads the billing parameters of a pause or its preview.
pub fn read_pause(p: &mut Params) -> Result<BillFor> {
    p.choice("type", &[("subscription", ())])?;
    let default = BillFor::default();
    let choices = p.hash("bill_for", |inner| {
        let usage = typed(inner, "outstanding_usage_through", &[("now", true), ("none", false)])?;
        let unused = typed(inner, "unused_time_from", UnusedFrom::NAMES)?;
        Ok((usage, unused))
    })?;
    let (usage, unused) = choices.unwrap_or_default();
    let invoice =
        p.choice("invoicing_behavior", &[("invoice", true), ("pending_invoice_item", false)])?;
    Ok(BillFor {
        usage: usage.unwrap_or(default.usage),
        unused: unused.unwrap_or(default.unused),
        invoice: invoice.unwrap_or(default.invoice),
    })
}

/// Reads a hash that contains only `type`.
fn typed<T: Copy>(p: &mut Params, key: &str, choices: &[(&'static str, T)]) -> Result<Option<T>> {
    p.hash(key, |inner| {
        let name = inner.name("type");
        inner.choice("type", choices)?.ok_or_else(|| ApiError::missing_param(&name))
    })
}

pub fn resume(call: &mut Call<'_>) -> Result<Value> {
    let id = call.id();
    let p = &mut call.params;
    let anchor_now = shared::anchor_now(p, false)?.unwrap_or(true);
    let on = p
        .choice("payment_behavior", ResumePaymentBehavior::NAMES)?
        .unwrap_or(ResumePaymentBehavior::OnAttempt);
    let behavior = shared::proration_behavior(p)?.unwrap_or(ProrationBehavior::CreateProrations);
    let date = p.time("proration_date")?;
    call.begin()?;
    find_running(call.world, &id)?;
    pause_requests::resume(call.world, &id, ResumeOptions { anchor_now, behavior, date }, on)?;
    Ok(subscription_json::to_json(call.world, &call.world.subscription(&id)))
}
