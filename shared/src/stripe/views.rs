//! The slices of Stripe's objects that we read.
//!
//! A field that is not optional here is one without which no right answer can be given; a Stripe
//! answer that lacks it is refused. Amounts are minor units, moments are Unix seconds, both as
//! Stripe sends them. Field documentation: <https://docs.stripe.com/api>.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::respond::{Currency, Timestamp};

/// One page of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct List<T> {
    /// Newest first, for objects; in their order, for parts of one.
    pub data: Vec<T>,
    /// Whether more follow.
    pub has_more: bool,
}

/// What a list can be continued after.
pub trait Listed {
    /// Stripe's id.
    fn id(&self) -> &str;
}

macro_rules! listed {
    ($($view:ty),+) => { $(impl Listed for $view { fn id(&self) -> &str { &self.id } })+ };
}
listed!(CheckoutSession, Invoice, Line, Price, Product, Subscription, SubscriptionItem);

/// Anything of which the id is enough.
#[derive(Clone, Debug, Deserialize)]
pub struct Id {
    pub id: String,
}

/// An object, or its id where it was not expanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

impl Expandable<Id> {
    /// The id, expanded or not.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => &object.id,
        }
    }
}

impl<T> Expandable<T> {
    /// The object, if it was expanded.
    #[must_use]
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// A subscription's status. An unknown one fails the answer: what it entitles to is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Canceled,
    Unpaid,
    Paused,
}

impl SubscriptionStatus {
    /// Whether the subscription has ended for good.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
        }
    }
}

/// How a subscription's invoices are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionMethod {
    ChargeAutomatically,
    SendInvoice,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Subscription {
    pub id: String,
    pub status: SubscriptionStatus,
    pub currency: Currency,
    pub created: Timestamp,
    pub collection_method: CollectionMethod,
    pub items: List<SubscriptionItem>,
    pub trial_end: Option<Timestamp>,
    pub cancel_at: Option<Timestamp>,
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub cancellation_details: Option<CancellationDetails>,
    pub status_details: Option<StatusDetails>,
    pub pause_collection: Option<PauseCollection>,
    pub pending_update: Option<PendingUpdate>,
    pub schedule: Option<Expandable<Schedule>>,
    pub latest_invoice: Option<Expandable<Invoice>>,
    pub default_payment_method: Option<Expandable<Id>>,
    pub default_source: Option<Expandable<Id>>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub test_clock: Option<Expandable<TestClock>>,
}

impl Subscription {
    /// What time it is for this subscription: its test clock's, or ours.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let clock = self.test_clock.as_ref().and_then(Expandable::object);
        clock.map_or_else(Timestamp::now, |clock| clock.frozen_time)
    }

    /// When it is going to end, whichever way Stripe says it: at a date, or with the period.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let period_end = || self.items.data.iter().map(|item| item.current_period_end).max();
        self.cancel_at.or_else(|| self.cancel_at_period_end.then(period_end).flatten())
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionItem {
    pub id: String,
    pub current_period_start: Timestamp,
    pub current_period_end: Timestamp,
    /// None for a metered price.
    pub quantity: Option<u64>,
    pub price: Price,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CancellationDetails {
    pub reason: Option<String>,
}

/// There only while the subscription is paused.
#[derive(Clone, Debug, Deserialize)]
pub struct StatusDetails {
    pub paused: Option<Paused>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Paused {
    pub transitioned_at: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PauseCollection {
    pub behavior: String,
}

/// A change that Stripe applies once its invoice is paid.
#[derive(Clone, Debug, Deserialize)]
pub struct PendingUpdate {
    pub expires_at: Timestamp,
    pub subscription_items: Option<Vec<PendingItem>>,
    pub metadata: Option<HashMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PendingItem {
    pub price: Price,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Schedule {
    pub phases: Vec<Phase>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Phase {
    pub start_date: Timestamp,
    pub items: Vec<PhaseItem>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PhaseItem {
    pub price: Expandable<Id>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct TestClock {
    pub frozen_time: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageType {
    Licensed,
    Metered,
}

/// How often a price recurs. Plans are sold by the month and by the year.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    Day,
    Week,
    Month,
    Year,
}

impl Interval {
    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Recurring {
    pub interval: Interval,
    pub interval_count: u32,
    pub usage_type: UsageType,
    pub meter: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Price {
    pub id: String,
    pub currency: Currency,
    pub product: Expandable<Product>,
    pub lookup_key: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
    pub recurring: Option<Recurring>,
    #[serde(flatten)]
    pub amounts: Amounts,
    pub currency_options: Option<HashMap<String, Amounts>>,
}

impl Price {
    /// The product's id, expanded or not.
    #[must_use]
    pub fn product_id(&self) -> &str {
        match &self.product {
            Expandable::Id(id) => id,
            Expandable::Object(product) => &product.id,
        }
    }

    /// Whether it is charged by use.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        self.recurring.as_ref().is_some_and(|recurring| recurring.usage_type == UsageType::Metered)
    }
}

/// What a price costs in one currency. `tiers` are there only where they were expanded.
#[derive(Clone, Debug, Deserialize)]
pub struct Amounts {
    /// Minor units; null where it is sub-cent or tiered.
    pub unit_amount: Option<i64>,
    /// Minor units with up to 12 decimals.
    pub unit_amount_decimal: Option<Decimal>,
    pub tiers: Option<Vec<Tier>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Tier {
    /// Null for the last one.
    pub up_to: Option<Decimal>,
    /// Minor units with up to 12 decimals.
    pub unit_amount_decimal: Option<Decimal>,
    /// Minor units.
    pub flat_amount_decimal: Option<Decimal>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Product {
    pub id: String,
    #[serde(default)]
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub metadata: HashMap<String, String>,
}

/// A customer; of a deleted one Stripe gives no more than the id.
#[derive(Clone, Debug, Deserialize)]
pub struct Customer {
    pub id: String,
    pub currency: Option<Currency>,
    pub invoice_settings: Option<CustomerInvoiceSettings>,
    pub default_source: Option<Expandable<Id>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CustomerInvoiceSettings {
    pub default_payment_method: Option<Expandable<Id>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    Draft,
    Open,
    Paid,
    Uncollectible,
    Void,
}

impl InvoiceStatus {
    /// Those that a caller sees; drafts are Stripe's working paper.
    pub const SHOWN: [Self; 4] = [Self::Paid, Self::Open, Self::Void, Self::Uncollectible];

    /// Stripe's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Uncollectible => "uncollectible",
            Self::Void => "void",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    pub id: String,
    pub status: InvoiceStatus,
    pub number: Option<String>,
    pub currency: Currency,
    pub subtotal: i64,
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub amount_remaining: i64,
    pub starting_balance: i64,
    pub total_taxes: Option<Vec<Tax>>,
    pub attempted: bool,
    pub attempt_count: u32,
    pub next_payment_attempt: Option<Timestamp>,
    pub billing_reason: Option<String>,
    pub created: Timestamp,
    pub due_date: Option<Timestamp>,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    pub status_transitions: StatusTransitions,
    pub parent: Option<InvoiceParent>,
    pub hosted_invoice_url: Option<String>,
    pub invoice_pdf: Option<String>,
    pub lines: List<Line>,
}

impl Invoice {
    /// The id of the subscription that it bills, if it bills one.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        Some(self.parent.as_ref()?.subscription_details.as_ref()?.subscription.id())
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceParent {
    pub subscription_details: Option<InvoiceSubscription>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceSubscription {
    pub subscription: Expandable<Id>,
    /// There on previews.
    pub subscription_proration_date: Option<Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct StatusTransitions {
    pub finalized_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Tax {
    pub amount: i64,
    pub tax_behavior: TaxBehavior,
}

/// Whether a tax is on top of the amounts or already in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxBehavior {
    Exclusive,
    Inclusive,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    pub id: String,
    pub amount: i64,
    pub description: Option<String>,
    pub period: Period,
    pub quantity: Option<Decimal>,
    pub quantity_decimal: Option<Decimal>,
    pub parent: Option<LineParent>,
    pub pricing: Option<LinePricing>,
}

impl Line {
    /// The subscription item that the line bills, if it bills one.
    #[must_use]
    pub fn subscription_item(&self) -> Option<&SubscriptionItemDetails> {
        self.parent.as_ref()?.subscription_item_details.as_ref()
    }

    /// Whether it corrects for a part of a period, whichever kind of item it came from.
    #[must_use]
    pub fn is_proration(&self) -> bool {
        let Some(parent) = &self.parent else { return false };
        parent.subscription_item_details.as_ref().is_some_and(|item| item.proration)
            || parent.invoice_item_details.as_ref().is_some_and(|item| item.proration)
    }

    /// The product that the line is for, if it is for one.
    #[must_use]
    pub fn product(&self) -> Option<&str> {
        Some(&self.pricing.as_ref()?.price_details.as_ref()?.product)
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LineParent {
    pub subscription_item_details: Option<SubscriptionItemDetails>,
    pub invoice_item_details: Option<InvoiceItemDetails>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceItemDetails {
    pub proration: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SubscriptionItemDetails {
    pub subscription_item: String,
    pub proration: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LinePricing {
    pub price_details: Option<PriceDetails>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PriceDetails {
    pub product: String,
}

/// How an invoice was, or was not, paid.
#[derive(Clone, Debug, Deserialize)]
pub struct InvoicePayment {
    pub is_default: bool,
    pub payment: Payment,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Payment {
    pub payment_intent: Option<Expandable<PaymentIntent>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PaymentIntent {
    pub status: String,
    pub last_payment_error: Option<PaymentError>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PaymentError {
    pub code: Option<String>,
    pub decline_code: Option<String>,
    pub message: Option<String>,
}

/// A Checkout Session.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckoutSession {
    pub id: String,
    pub status: Option<String>,
    pub mode: String,
    /// Of an open one on Stripe's own page.
    pub url: Option<String>,
    /// Of an open one on the caller's page.
    pub client_secret: Option<String>,
    pub expires_at: Timestamp,
    #[serde(default)]
    pub metadata: Option<HashMap<String, String>>,
}

/// A Billing Portal session.
#[derive(Clone, Debug, Deserialize)]
pub struct PortalSession {
    pub url: String,
}
