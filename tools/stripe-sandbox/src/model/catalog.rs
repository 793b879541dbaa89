//! Products, prices, meters, coupons and tax rates.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Entity, Metadata, string_enum};
use crate::values::money::Currency;
use crate::values::period::{Interval, Timestamp};
use crate::values::pricing::{Amount, Packages};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    pub id: String,
    pub name: String,
    pub active: bool,
    pub description: Option<String>,
    pub unit_label: Option<String>,
    pub url: Option<String>,
    pub statement_descriptor: Option<String>,
    pub tax_code: Option<String>,
    pub images: Vec<String>,
    pub marketing_features: Vec<String>,
    pub default_price: Option<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Product {
    /// Returns an active product without optional fields.
    pub fn new(id: String, name: String, now: Timestamp) -> Self {
        Self {
            id,
            name,
            active: true,
            description: None,
            unit_label: None,
            url: None,
            statement_descriptor: None,
            tax_code: None,
            images: Vec::new(),
            marketing_features: Vec::new(),
            default_price: None,
            metadata: Metadata::new(),
            created: now,
            updated: now,
        }
    }
}

impl Entity for Product {
    const KIND: &'static str = "product";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec!["all".into(), format!("active={}", self.active)]
    }
}

string_enum!(UsageType { Licensed = "licensed", Metered = "metered" });
string_enum!(TaxBehavior { Exclusive = "exclusive", Inclusive = "inclusive", Unspecified = "unspecified" });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recurring {
    pub interval: Interval,
    pub usage: UsageType,
    pub meter: Option<String>,
    pub trial_period_days: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Price {
    pub id: String,
    pub product: String,
    pub active: bool,
    pub currency: Currency,
    pub amount: Amount,
    pub tax_behavior: TaxBehavior,
    /// Amounts in further currencies. The price's own currency is not among them.
    pub options: BTreeMap<Currency, (Amount, TaxBehavior)>,
    pub recurring: Option<Recurring>,
    pub packages: Option<Packages>,
    pub nickname: Option<String>,
    pub lookup_key: Option<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
}

impl Price {
    pub fn amount_in(&self, currency: Currency) -> Option<&Amount> {
        if currency == self.currency {
            Some(&self.amount)
        } else {
            self.options.get(&currency).map(|(amount, _)| amount)
        }
    }

    /// Returns the billed quantity: packages, if the price has `transform_quantity`.
    pub fn packaged(&self, quantity: Decimal) -> Decimal {
        self.packages.map_or(quantity, |packages| packages.count(quantity))
    }

    /// Returns the meter of a metered price.
    pub fn meter(&self) -> Option<&str> {
        self.recurring.as_ref().and_then(|recurring| recurring.meter.as_deref())
    }

    pub fn is_metered(&self) -> bool {
        self.recurring.as_ref().is_some_and(|recurring| recurring.usage == UsageType::Metered)
    }
}

impl Entity for Price {
    const KIND: &'static str = "price";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec!["all".into(), format!("product={}", self.product)];
        keys.extend(self.lookup_key.iter().map(|key| format!("lookup_key={key}")));
        keys
    }
}

string_enum!(Aggregation { Count = "count", Last = "last", Sum = "sum" });

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meter {
    pub id: String,
    pub display_name: String,
    pub event_name: String,
    pub aggregation: Aggregation,
    pub customer_key: String,
    pub value_key: String,
    pub active: bool,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub deactivated_at: Option<Timestamp>,
}

impl Entity for Meter {
    const KIND: &'static str = "billing meter";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = vec!["all".into(), format!("active={}", self.active)];
        if self.active {
            keys.push(format!("event_name={}", self.event_name));
        }
        keys
    }
}

string_enum!(CouponDuration { Forever = "forever", Once = "once", Repeating = "repeating" });

/// Amount or percentage that a coupon takes off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reduction {
    Percent(Decimal),
    /// In the coupon's own currency and in others.
    Amount {
        currency: Currency,
        amounts: BTreeMap<Currency, i64>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Coupon {
    pub id: String,
    pub name: Option<String>,
    pub reduction: Reduction,
    pub duration: CouponDuration,
    pub duration_in_months: Option<i64>,
    pub max_redemptions: Option<i64>,
    pub times_redeemed: i64,
    pub redeem_by: Option<Timestamp>,
    /// Deleted coupons stay in the table for the discounts that were created from them.
    pub deleted: bool,
    /// Products that the coupon is limited to; empty means all.
    pub applies_to: Vec<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
}

impl Coupon {
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.redeem_by.is_none_or(|by| now <= by)
            && self.max_redemptions.is_none_or(|max| self.times_redeemed < max)
    }
}

impl Entity for Coupon {
    const KIND: &'static str = "coupon";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec!["all".into()]
    }
}

/// Code that customers can redeem for a coupon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PromotionCode {
    pub id: String,
    pub code: String,
    pub coupon: String,
    pub active: bool,
    /// The only customer who can redeem it.
    pub customer: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub max_redemptions: Option<i64>,
    pub times_redeemed: i64,
    /// Only for customers who have not paid an invoice yet.
    pub first_time: bool,
    pub metadata: Metadata,
    pub created: Timestamp,
}

impl PromotionCode {
    /// Returns whether the code can be redeemed: it and its coupon are within their dates and
    /// redemption limits.
    pub fn is_active(&self, coupon: &Coupon, now: Timestamp) -> bool {
        self.active
            && coupon.is_valid(now)
            && self.expires_at.is_none_or(|end| now < end)
            && self.max_redemptions.is_none_or(|max| self.times_redeemed < max)
    }
}

impl Entity for PromotionCode {
    const KIND: &'static str = "promotion code";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        let code = self.code.to_lowercase();
        vec!["all".into(), format!("coupon={}", self.coupon), format!("code={code}")]
    }
}

/// Entry of the `discounts` parameter: a coupon or code to redeem, or an existing discount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RequestedDiscount {
    Coupon(String),
    PromotionCode(String),
    Discount(String),
}

/// Coupon applied to a subscription, an item or an invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Discount {
    pub id: String,
    pub coupon: String,
    pub promotion_code: Option<String>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub subscription_item: Option<String>,
    pub invoice: Option<String>,
    pub invoice_item: Option<String>,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    /// A `once` coupon has been used on an invoice.
    pub used: bool,
}

impl Discount {
    pub fn applies_at(&self, at: Timestamp) -> bool {
        !self.used && self.end.is_none_or(|end| at < end)
    }
}

impl Entity for Discount {
    const KIND: &'static str = "discount";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaxRate {
    pub id: String,
    pub display_name: String,
    pub percentage: Decimal,
    pub inclusive: bool,
    pub active: bool,
    pub description: Option<String>,
    pub jurisdiction: Option<String>,
    pub country: Option<String>,
    pub state: Option<String>,
    pub tax_type: Option<String>,
    pub metadata: Metadata,
    pub created: Timestamp,
}

impl Entity for TaxRate {
    const KIND: &'static str = "tax rate";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec!["all".into()]
    }
}
