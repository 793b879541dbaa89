//! Redemption of coupons and promotion codes.

use crate::model::catalog::{
    Coupon, CouponDuration, Discount, PromotionCode, Reduction, RequestedDiscount,
};
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::subscription::Subscription;
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{Timestamp, add_months};
use crate::world::{World, find_param};

/// Creates discounts for one customer.
///
/// The discounts are stored immediately, so that amounts can be computed with them. The caller must
/// finish with `commit` or `roll_back`.
pub struct Redeemer {
    customer: String,
    currency: Currency,
    now: Timestamp,
    created: Vec<Discount>,
    /// Discounts of other items, which an item may take over.
    others: Vec<String>,
}

impl Redeemer {
    pub fn new(customer: &str, currency: Currency, now: Timestamp) -> Redeemer {
        let (created, others) = (Vec::new(), Vec::new());
        Redeemer { customer: customer.to_owned(), currency, now, created, others }
    }

    /// Creates the redeemer of a schedule's phase: an item that replaces another one may take over its discounts.
    pub fn of_phase(sub: &Subscription, now: Timestamp) -> Redeemer {
        let others = sub.items.iter().flat_map(|item| item.discounts.clone()).collect();
        Redeemer { others, ..Redeemer::of(sub, now) }
    }

    pub fn of(sub: &Subscription, now: Timestamp) -> Redeemer {
        Redeemer::new(&sub.customer, sub.currency, now)
    }

    /// Returns the discount IDs for the `wanted` entries. An entry can also name a discount in
    /// `present`, which is kept.
    pub fn redeem(
        &mut self,
        world: &mut World,
        wanted: &[RequestedDiscount],
        present: &[String],
        own: impl Fn(Discount) -> Discount,
    ) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for wanted in wanted {
            let (coupon, code) = match wanted {
                RequestedDiscount::Discount(id)
                    if present.contains(id) || self.others.contains(id) =>
                {
                    ids.push(id.clone());
                    continue;
                }
                RequestedDiscount::Discount(id) => {
                    return Err(ApiError::no_such_param("discount", id, "discounts"));
                }
                RequestedDiscount::Coupon(id) => (id.clone(), None),
                RequestedDiscount::PromotionCode(id) => {
                    (self.coupon_of(world, id)?, Some(id.clone()))
                }
            };
            let discount = self.discount(world, &coupon, code)?;
            let discount = own(discount);
            ids.push(discount.id.clone());
            world.discounts.put(discount.clone());
            self.created.push(discount);
        }
        Ok(ids)
    }

    /// Returns the coupon of a promotion code, or an error if the customer cannot redeem the code
    /// now.
    fn coupon_of(&self, world: &World, id: &str) -> Result<String> {
        let code = find_param(&world.promotion_codes, id, "discounts[promotion_code]")?;
        let coupon = find_param(&world.coupons, &code.coupon, "discounts[promotion_code]")?;
        let refuse = |why: &str| {
            Err(ApiError::invalid(format!("This promotion code cannot be redeemed because {why}."))
                .param("discounts[promotion_code]"))
        };
        if !code.is_active(coupon, self.now) {
            return refuse("it is inactive or has expired");
        }
        if code.customer.as_ref().is_some_and(|owner| *owner != self.customer) {
            return refuse("it belongs to another customer");
        }
        if code.first_time && has_paid_before(world, &self.customer) {
            return refuse("the associated customer has prior transactions");
        }
        Ok(code.coupon.clone())
    }

    fn discount(
        &self,
        world: &mut World,
        coupon: &str,
        promotion_code: Option<String>,
    ) -> Result<Discount> {
        let id = world.ids.id("di");
        let coupon = find_param(&world.coupons, coupon, "discounts")?;
        check(coupon, self.currency, self.now)?;
        let months =
            coupon.duration_in_months.filter(|_| coupon.duration == CouponDuration::Repeating);
        Ok(Discount {
            id,
            coupon: coupon.id.clone(),
            promotion_code,
            customer: Some(self.customer.clone()),
            subscription: None,
            subscription_item: None,
            invoice: None,
            invoice_item: None,
            start: self.now,
            end: months.map(|months| add_months(self.now, months)),
            used: false,
        })
    }

    /// Counts the redemptions of coupons and promotion codes.
    pub fn commit(self, world: &mut World) {
        for discount in &self.created {
            count_redemption(world, discount);
        }
    }

    /// Removes the created discounts.
    pub fn roll_back(self, world: &mut World) {
        for discount in &self.created {
            world.discounts.remove(&discount.id);
        }
    }
}

fn check(coupon: &Coupon, currency: Currency, now: Timestamp) -> Result<()> {
    if coupon.deleted {
        return Err(ApiError::no_such_param("coupon", &coupon.id, "discounts"));
    }
    if !coupon.is_valid(now) {
        return Err(
            ApiError::invalid(format!("Coupon expired: {}", coupon.id)).code("coupon_expired")
        );
    }
    if let Reduction::Amount { amounts, .. } = &coupon.reduction
        && !amounts.contains_key(&currency)
    {
        return Err(ApiError::invalid(format!(
            "The coupon {} does not support the currency {currency}.",
            coupon.id
        )));
    }
    Ok(())
}

/// Replaces the discounts of the subscription, if the request names discounts.
pub fn replace_discounts(
    world: &mut World,
    sub: &mut Subscription,
    wanted: Option<&[RequestedDiscount]>,
    redeemer: &mut Redeemer,
) -> Result<()> {
    if let Some(wanted) = wanted {
        let (id, present) = (sub.id.clone(), sub.discounts.clone());
        let own = |new| Discount { subscription: Some(id.clone()), ..new };
        sub.discounts = redeemer.redeem(world, wanted, &present, own)?;
    }
    Ok(())
}

fn has_paid_before(world: &World, customer: &str) -> bool {
    let paid = InvoiceStatus::Paid.as_str();
    world
        .invoices()
        .under(&format!("customer={customer}&status={paid}"))
        .any(|invoice| invoice.amount_paid > 0)
}

pub fn count_redemption(world: &mut World, discount: &Discount) {
    if let Some(mut coupon) = world.coupons.get(&discount.coupon).cloned() {
        coupon.times_redeemed += 1;
        world.coupons.put(coupon);
    }
    let code = discount.promotion_code.as_ref().and_then(|id| world.promotion_codes.get(id));
    if let Some(code) = code.cloned() {
        let times_redeemed = code.times_redeemed + 1;
        world.promotion_codes.put(PromotionCode { times_redeemed, ..code });
    }
}

/// Counts the redemptions of discounts that a pending update added to the subscription.
pub fn count_new_redemptions(world: &mut World, before: &Subscription, after: &Subscription) {
    let held = ids(before);
    let new = ids(after).into_iter().filter(|id| !held.contains(id));
    let new: Vec<Discount> = new.filter_map(|id| world.discounts.get(&id).cloned()).collect();
    for discount in &new {
        count_redemption(world, discount);
    }
}

fn ids(sub: &Subscription) -> Vec<String> {
    let items = sub.items.iter().flat_map(|item| &item.discounts);
    sub.discounts.iter().chain(items).cloned().collect()
}
