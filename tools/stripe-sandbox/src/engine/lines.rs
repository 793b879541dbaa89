//! Invoice lines of a subscription item: for a period ahead, a trial, or past usage.

use rust_decimal::Decimal;

use crate::model::catalog::{Price, Product};
use crate::model::invoice::{Line, Origin};
use crate::model::subscription::{Item, Subscription};
use crate::model::usage::Unbilled;
use crate::values::money::Currency;
use crate::values::period::{Interval, Timestamp, Unit};
use crate::values::pricing::Charge;

/// Objects that a line about one item refers to.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub subscription: &'a Subscription,
    pub item: &'a Item,
    pub price: &'a Price,
    pub product: &'a Product,
}

impl Context<'_> {
    fn currency(&self) -> Currency {
        self.subscription.currency
    }

    pub fn interval(&self) -> Interval {
        self.price.recurring.as_ref().expect("subscription items have recurring prices").interval
    }

    /// Returns the lines of a whole period; none for a metered item.
    pub fn period_ahead(&self, period: (Timestamp, Timestamp)) -> Vec<Line> {
        match self.item.quantity {
            Some(quantity) => self.charges(Decimal::from(quantity), period),
            None => Vec::new(),
        }
    }

    /// Returns the lines for usage of a past period.
    pub fn usage(&self, used: Decimal, unbilled: Unbilled, to: Timestamp) -> Vec<Line> {
        let mut lines = self.charges(used, (unbilled.from, to));
        for line in &mut lines {
            line.metered = Some(unbilled);
        }
        lines
    }

    pub fn trial(&self, period: (Timestamp, Timestamp)) -> Line {
        let quantity = Decimal::from(self.item.quantity.unwrap_or(1));
        let description = format!("Trial period for {}", self.product.name);
        Line { quantity: Some(quantity), ..self.line(0, description, period) }
    }

    /// Returns the price of a whole period at present, before discounts.
    pub fn full_amount(&self) -> i64 {
        let quantity = Decimal::from(self.item.quantity.unwrap_or_default());
        let amount = self.price.amount_in(self.currency()).expect("checked when the item was made");
        amount.total(self.price.packaged(quantity), self.currency())
    }

    fn charges(&self, quantity: Decimal, period: (Timestamp, Timestamp)) -> Vec<Line> {
        let amount = self.price.amount_in(self.currency()).expect("checked when the item was made");
        let charges = amount.charge(self.price.packaged(quantity), self.currency());
        charges.iter().map(|charge| self.charge_line(charge, period)).collect()
    }

    fn charge_line(&self, charge: &Charge, period: (Timestamp, Timestamp)) -> Line {
        let price = self.currency().format(charge.unit);
        let tier = charge.tier.map(|tier| format!("Tier {tier} ")).unwrap_or_default();
        let unit = self.product.unit_label.as_ref().filter(|_| self.price.is_metered());
        let unit = unit.map(|label| format!(" {label}")).unwrap_or_default();
        let quantity = charge.quantity.normalize();
        let description = format!(
            "{quantity}{unit} × {} ({tier}at {price} / {})",
            self.product.name,
            interval_name(self.interval())
        );
        Line {
            quantity: Some(charge.quantity),
            unit: Some(charge.unit),
            ..self.line(charge.amount, description, period)
        }
    }

    /// Returns a line with the fields that all lines of this item share.
    pub fn line(&self, amount: i64, description: String, period: (Timestamp, Timestamp)) -> Line {
        let tax_rates = if self.item.tax_rates.is_empty() {
            &self.subscription.default_tax_rates
        } else {
            &self.item.tax_rates
        };
        Line {
            id: String::new(),
            amount,
            description: Some(description),
            quantity: None,
            unit: None,
            price: Some((self.price.id.clone(), self.product.id.clone())),
            period,
            origin: Origin::SubscriptionItem {
                subscription: self.subscription.id.clone(),
                item: self.item.id.clone(),
                invoice_item: None,
            },
            proration: false,
            credit: false,
            credited: None,
            metered: None,
            discountable: true,
            item_discounts: self.item.discounts.clone(),
            tax_rates: tax_rates.clone(),
            metadata: self.subscription.metadata.clone(),
            discount_amounts: Vec::new(),
            taxes: Vec::new(),
        }
    }
}

fn interval_name(interval: Interval) -> String {
    let unit = match interval.unit {
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Year => "year",
    };
    if interval.count == 1 { unit.to_owned() } else { format!("every {} {unit}s", interval.count) }
}
