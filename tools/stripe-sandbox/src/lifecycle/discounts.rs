//! Coupons and promotion codes being used: the discounts that they become.

use crate::model::catalog::{Coupon, CouponDuration, Discount, PromotionCode, Redeem, Reduction};
use crate::model::invoice::Status as InvoiceStatus;
use crate::model::subscription::Subscription;
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{Timestamp, add_months};
use crate::world::{World, find_param};

/// Who redeems, and the discounts that were made for it so far.
///
/// They are in the world at once, so that they can be computed with. Whoever redeems has to say in
/// the end whether they were used: `count`, or `take_back`.
pub struct Redeemer {
    customer: String,
    currency: Currency,
    now: Timestamp,
    made: Vec<Discount>,
}

impl Redeemer {
    pub fn new(customer: &str, currency: Currency, now: Timestamp) -> Redeemer {
        Redeemer { customer: customer.to_owned(), currency, now, made: Vec::new() }
    }

    pub fn of(sub: &Subscription, now: Timestamp) -> Redeemer {
        Redeemer::new(&sub.customer, sub.currency, now)
    }

    /// The ids of the discounts for what is `wanted`; of those that are `present` some may be kept.
    pub fn redeem(
        &mut self,
        world: &mut World,
        wanted: &[Redeem],
        present: &[String],
        own: impl Fn(Discount) -> Discount,
    ) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for wanted in wanted {
            let (coupon, code) = match wanted {
                Redeem::Discount(id) if present.contains(id) => {
                    ids.push(id.clone());
                    continue;
                }
                Redeem::Discount(id) => {
                    return Err(ApiError::no_such_param("discount", id, "discounts"));
                }
                Redeem::Coupon(id) => (id.clone(), None),
                Redeem::PromotionCode(id) => (self.coupon_of(world, id)?, Some(id.clone())),
            };
            let discount = self.discount(world, &coupon, code)?;
            let discount = own(discount);
            ids.push(discount.id.clone());
            world.discounts.put(discount.clone());
            self.made.push(discount);
        }
        Ok(ids)
    }

    /// The coupon behind a promotion code that this customer may use now.
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

    /// They were used: coupons and codes count that.
    pub fn count(self, world: &mut World) {
        for discount in &self.made {
            count_redemption(world, discount);
        }
    }

    /// They were computed with and not used.
    pub fn take_back(self, world: &mut World) {
        for discount in &self.made {
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

/// The discounts of the whole subscription, if others are asked for.
pub fn replace_discounts(
    world: &mut World,
    sub: &mut Subscription,
    wanted: Option<&[Redeem]>,
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

/// A waiting change has come into force: what it holds and the subscription did not is used now.
pub fn count_new(world: &mut World, before: &Subscription, after: &Subscription) {
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
