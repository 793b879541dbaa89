//! Cancellation dates, `pause_collection` with a date, and unpaid subscriptions.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{Case, at_the_middle};
use crate::support::{Form, amounts, id, stamp};

const MAY: OffsetDateTime = datetime!(2027-05-01 00:00 UTC);

fn case() -> Case {
    at_the_middle("3000", &[])
}

impl Case {
    fn set(&self, form: Form<'_>) -> Value {
        self.api.post(&format!("/v1/subscriptions/{}", self.sub), form)
    }

    fn statuses(&self) -> Vec<Value> {
        self.api.invoices(&self.sub).iter().map(|invoice| invoice["status"].clone()).collect()
    }

    fn until(&self, at: OffsetDateTime) {
        self.api.advance(&self.clock, at);
    }
}

#[test]
fn min_and_max_period_end_differ_for_mixed_intervals() {
    let case = case();
    let year = [("currency", "usd"), ("unit_amount", "36500"), ("recurring[interval]", "year")];
    let year = case.api.price("Domain", &year);
    case.set(&[("items[0][price]", &year), ("proration_behavior", "none")]);
    let first = case.set(&[("cancel_at", "min_period_end")]);
    assert_eq!((&first["cancel_at"], &first["cancel_at_period_end"]), (&stamp(MAY), &json!(false)));
    // The year is counted from the anchor, the first of April.
    let last = case.set(&[("cancel_at", "max_period_end")]);
    assert_eq!(last["cancel_at"], stamp(datetime!(2028-04-01 00:00 UTC)));
    assert_eq!(case.set(&[("cancel_at_period_end", "true")])["cancel_at"], last["cancel_at"]);
    case.set(&[("cancel_at", "min_period_end")]);
    case.until(datetime!(2027-05-01 02:00 UTC));
    let ended = case.shown();
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("canceled"), &stamp(MAY)));
    assert_eq!(case.statuses(), [json!("paid")], "no renewal");
}

#[test]
fn cancel_at_in_the_next_period_allows_one_renewal() {
    let case = case();
    let at = datetime!(2027-05-11 00:00 UTC);
    case.set(&[("cancel_at", &at.unix_timestamp().to_string())]);
    case.until(datetime!(2027-05-01 01:00 UTC));
    assert_eq!(amounts(&case.api.invoices(&case.sub)[0]), [3000]);
    case.until(at);
    assert_eq!(case.shown()["ended_at"], stamp(at));
    assert_eq!((case.statuses().len(), case.balance()), (2, json!(0)));
}

#[test]
fn immediate_cancellation_follows_prorate_and_invoice_now() {
    // 15 of 30 days of 30.00 remain.
    for (form, waiting, invoices) in [
        (vec![], vec![], 1),
        (vec![("prorate", "true")], vec![-1500], 1),
        (vec![("prorate", "true"), ("invoice_now", "true")], vec![], 2),
        (vec![("invoice_now", "true")], vec![], 1),
    ] {
        let case = case();
        case.api.delete(&format!("/v1/subscriptions/{}", case.sub), &form);
        let list = [("customer", case.customer.as_str()), ("pending", "true")];
        let list = case.api.get("/v1/invoiceitems", &list);
        let items = list["data"].as_array().unwrap().iter();
        let left: Vec<i64> = items.map(|item| item["amount"].as_i64().unwrap()).collect();
        assert_eq!((left, case.statuses().len()), (waiting, invoices), "{form:?}");
    }
}

#[test]
fn cancellation_stops_retries_of_open_invoices() {
    let case = case();
    case.use_card("pm_card_chargeCustomerFail");
    case.until(datetime!(2027-05-01 01:00 UTC));
    assert_eq!(case.shown()["status"], "past_due");
    case.api.delete(&format!("/v1/subscriptions/{}", case.sub), &[]);
    let open = case.api.invoices(&case.sub).remove(0);
    assert_eq!((&open["status"], &open["auto_advance"]), (&json!("open"), &json!(false)));
    assert_eq!(open["next_payment_attempt"], Value::Null);
    case.use_new_default("pm_card_visa");
    case.until(datetime!(2027-05-04 01:00 UTC));
    assert_eq!(case.api.invoices(&case.sub)[0]["attempt_count"], 1);
}

impl Case {
    /// Sets the customer's card, because an ended subscription accepts none.
    fn use_new_default(&self, card: &str) {
        let path = format!("/v1/payment_methods/{card}/attach");
        let attached = id(&self.api.post(&path, &[("customer", &self.customer)]));
        let form = [("invoice_settings[default_payment_method]", attached.as_str())];
        self.api.post(&format!("/v1/customers/{}", self.customer), &form);
    }
}

#[test]
fn pause_collection_does_not_affect_earlier_invoices() {
    let case = case();
    case.use_card("pm_card_chargeCustomerFail");
    case.until(datetime!(2027-05-01 01:00 UTC));
    let until = datetime!(2027-06-15 00:00 UTC);
    case.set(&[
        ("pause_collection[behavior]", "mark_uncollectible"),
        ("pause_collection[resumes_at]", &until.unix_timestamp().to_string()),
    ]);
    // The renewal of May is retried after 3 days regardless.
    case.use_card("pm_card_visa");
    case.until(datetime!(2027-05-04 01:00 UTC));
    assert_eq!(case.statuses()[0], "paid");
    case.until(datetime!(2027-06-01 01:00 UTC));
    let forgiven = case.api.invoices(&case.sub).remove(0);
    assert_eq!(
        (&forgiven["status"], &forgiven["amount_due"]),
        (&json!("uncollectible"), &json!(3000))
    );
    assert_eq!(forgiven["status_details"]["uncollectible"]["reason"], "subscription_paused");
    case.until(until);
    assert_eq!(case.shown()["pause_collection"], Value::Null);
    case.until(datetime!(2027-07-01 01:00 UTC));
    let statuses = case.statuses();
    assert_eq!(statuses, ["paid", "uncollectible", "paid", "paid"].map(|status| json!(status)));
    assert_eq!(case.shown()["status"], "active");
}

#[test]
fn drafts_kept_by_pause_collection_are_not_collected_later() {
    let case = case();
    case.set(&[("pause_collection[behavior]", "keep_as_draft")]);
    case.until(datetime!(2027-05-01 02:00 UTC));
    let kept = case.api.invoices(&case.sub).remove(0);
    assert_eq!((&kept["status"], &kept["auto_advance"]), (&json!("draft"), &json!(false)));
    case.set(&[("pause_collection", "")]);
    case.until(datetime!(2027-06-01 01:00 UTC));
    assert_eq!(case.statuses(), ["paid", "draft", "paid"].map(|status| json!(status)));
    case.api.post(&format!("/v1/invoices/{}/pay", id(&kept)), &[]);
    assert_eq!(case.statuses()[1], "paid");
}

/// Returns a subscription whose renewal of May has failed four times, on the 1st, 4th, 9th and 16th
/// at one o'clock.
fn unpaid() -> Case {
    let case = case();
    case.use_card("pm_card_chargeCustomerFail");
    for at in [
        datetime!(2027-05-01 01:00 UTC),
        datetime!(2027-05-04 01:00 UTC),
        datetime!(2027-05-09 01:00 UTC),
        datetime!(2027-05-16 00:59:59 UTC),
    ] {
        case.until(at);
        assert_eq!(case.shown()["status"], "past_due", "{at}");
    }
    case.until(datetime!(2027-05-16 01:00 UTC));
    assert_eq!(case.shown()["status"], "unpaid");
    case
}

#[test]
fn unpaid_subscription_accumulates_drafts_and_recovers_with_the_newest() {
    let case = unpaid();
    case.until(datetime!(2027-06-02 00:00 UTC));
    case.until(datetime!(2027-07-02 00:00 UTC));
    assert_eq!(case.statuses(), ["draft", "draft", "open", "paid"].map(|status| json!(status)));
    case.use_card("pm_card_visa");
    case.until(datetime!(2027-07-20 00:00 UTC));
    assert_eq!(case.shown()["status"], "unpaid", "a card alone pays nothing");

    let [july, june, may, _] = case.api.invoices(&case.sub).try_into().unwrap();
    case.api.post(&format!("/v1/invoices/{}/finalize", id(&june)), &[("auto_advance", "false")]);
    case.api.post(&format!("/v1/invoices/{}/void", id(&june)), &[]);
    case.api.post(&format!("/v1/invoices/{}/mark_uncollectible", id(&may)), &[]);
    assert_eq!(case.shown()["status"], "unpaid", "the newest one counts");
    // Finalized with auto_advance, it is collected an hour later.
    let open =
        case.api.post(&format!("/v1/invoices/{}/finalize", id(&july)), &[("auto_advance", "true")]);
    assert_eq!(open["next_payment_attempt"], stamp(datetime!(2027-07-20 01:00 UTC)));
    case.until(datetime!(2027-07-20 01:00 UTC));
    assert_eq!(case.shown()["status"], "active");
    assert_eq!(
        case.statuses(),
        ["paid", "void", "uncollectible", "paid"].map(|status| json!(status))
    );
    case.until(datetime!(2027-08-01 01:00 UTC));
    assert_eq!(
        (amounts(&case.api.invoices(&case.sub)[0]), case.statuses()[0].clone()),
        (vec![3000], json!("paid"))
    );
}

#[test]
fn unpaid_subscription_can_be_canceled() {
    let case = unpaid();
    case.until(datetime!(2027-06-02 00:00 UTC));
    case.api.delete(&format!("/v1/subscriptions/{}", case.sub), &[]);
    case.until(datetime!(2027-07-02 00:00 UTC));
    assert_eq!(case.statuses(), ["draft", "open", "paid"].map(|status| json!(status)));
}
