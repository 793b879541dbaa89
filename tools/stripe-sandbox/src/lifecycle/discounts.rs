//! Coupons being used: the discounts that they become.

use crate::engine::money::Currency;
use crate::engine::period::{Timestamp, add_months};
use crate::http::errors::{ApiError, Result};
use crate::model::catalog::{CouponDuration, Discount, Reduction};
use crate::model::subscription::Subscription;
use crate::world::{World, find_param};

/// The discounts that replace a subscription's. Those that are new are in the world already, so that
/// they can be computed with, and are also returned, to be counted or removed again.
pub fn replace(
    world: &mut World,
    sub: &mut Subscription,
    coupons: Option<&Vec<String>>,
    now: Timestamp,
) -> Result<Vec<Discount>> {
    let Some(coupons) = coupons else { return Ok(Vec::new()) };
    let (mut ids, mut new) = (Vec::new(), Vec::new());
    for coupon in coupons {
        // `discounts[][discount]=di_…` keeps one that is there.
        if sub.discounts.contains(coupon) {
            ids.push(coupon.clone());
            continue;
        }
        let made = discount(world, coupon, &sub.customer, sub.currency, now)?;
        ids.push(made.id.clone());
        new.push(Discount { subscription: Some(sub.id.clone()), ..made });
    }
    for discount in &new {
        world.discounts.put(discount.clone());
    }
    sub.discounts = ids;
    Ok(new)
}

/// They were computed with and not used.
pub fn take_back(world: &mut World, discounts: &[Discount]) {
    for discount in discounts {
        world.discounts.remove(&discount.id);
    }
}

/// A coupon about to be used for the customer.
pub fn discount(
    world: &mut World,
    coupon: &str,
    customer: &str,
    currency: Currency,
    now: Timestamp,
) -> Result<Discount> {
    let id = world.ids.id("di");
    let coupon = find_param(&world.coupons, coupon, "discounts")?;
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
    let months = coupon.duration_in_months.filter(|_| coupon.duration == CouponDuration::Repeating);
    Ok(Discount {
        id,
        coupon: coupon.id.clone(),
        customer: Some(customer.to_owned()),
        subscription: None,
        subscription_item: None,
        invoice: None,
        start: now,
        end: months.map(|months| add_months(now, months)),
        used: false,
    })
}

pub fn count_redemption(world: &mut World, coupon: &str) {
    if let Some(mut coupon) = world.coupons.get(coupon).cloned() {
        coupon.times_redeemed += 1;
        world.coupons.put(coupon);
    }
}
