//! For tests: a model of what Stripe holds, and of what changes do to it.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use rust_decimal::Decimal;
use shared::stripe::views::Interval;

use super::now::{
    Meter as MeterNow, Now, PortalConfiguration as PortalNow, Price as PriceNow,
    Product as ProductNow, Terms,
};
use super::plan::{Change, NewPrice, Todo, plan};
use super::wanted::{Catalogue, Charge, Meter, Metered, Plan, Portal, Price};

/// What Stripe would hold after the changes; new things get ids that count on.
pub(super) fn perform(now: Now, todo: &Todo) -> Now {
    perform_within_a_day(now, todo, &mut HashSet::new())
}

/// The same for a Stripe that has answered before with what was `made`, and answers so again.
fn perform_within_a_day(now: Now, todo: &Todo, made: &mut HashSet<String>) -> Now {
    let (meters, products) = (todo.meters.clone(), todo.products.clone());
    let mut model = Model { now, made, meters, products };
    for change in &todo.changes {
        model.perform(change.clone());
    }
    model.now
}

struct Model<'a> {
    now: Now,
    made: &'a mut HashSet<String>,
    meters: HashMap<String, String>,
    products: HashMap<String, String>,
}

impl Model<'_> {
    fn perform(&mut self, change: Change) {
        match change {
            Change::CreateMeter(meter) => self.create_meter(meter),
            Change::UpdateMeter { id, meter, rename, reactivate } => {
                let found = self.meter(&id);
                found.active |= reactivate;
                if rename {
                    found.display_name = meter.display_name;
                }
            }
            Change::CreateProduct(plan) => {
                let id = self.id("prod");
                self.products.insert(plan.tier.clone(), id.clone());
                self.now.products.push(product(id, plan));
            }
            Change::UpdateProduct { id, plan } => *self.product(&id) = product(id.clone(), plan),
            Change::ArchiveProduct { id, .. } => self.product(&id).active = false,
            Change::CreatePrice(new) => self.create_price(new),
            Change::UpdatePrice { id, price } => {
                let found = self.price(&id);
                (found.active, found.metered) = (true, price.metered);
            }
            Change::ArchivePrice { id, .. } => self.price(&id).active = false,
            Change::CreatePortal(portal) => {
                let id = self.id("bpc");
                let (active, is_default, is_ours) = (true, false, true);
                self.now.portals.push(PortalNow { id, active, is_default, is_ours, portal });
            }
            Change::UpdatePortal { id, portal } => {
                let found = self.now.portals.iter_mut().find(|found| found.id == id);
                let found = found.expect("a known configuration");
                (found.active, found.is_ours, found.portal) = (true, true, portal);
            }
            Change::KeepMeter { .. }
            | Change::KeepProduct { .. }
            | Change::KeepPrice { .. }
            | Change::KeepPortal { .. } => {}
        }
    }

    fn create_meter(&mut self, meter: Meter) {
        let id = self.id("mtr");
        self.meters.insert(meter.name, id.clone());
        let (event_name, display_name) = (meter.event_name, meter.display_name);
        self.now.meters.push(MeterNow { id, event_name, display_name, active: true, sums: true });
    }

    fn create_price(&mut self, new: NewPrice) {
        // A replay of Stripe's first answer makes nothing.
        if !self.made.insert(format!("{new:?}")) {
            return;
        }
        let id = self.id("price");
        let price = new.price;
        let meter = price.metered.as_ref().map(|metered| self.meters[&metered.meter].clone());
        let (interval, currency, charges) = (price.interval, price.currency, price.charges);
        let lookup_key = Some(price.lookup_key);
        // `transfer_lookup_key`
        for other in self.now.prices.iter_mut().filter(|other| other.lookup_key == lookup_key) {
            other.lookup_key = None;
        }
        self.now.prices.push(PriceNow {
            id,
            product: self.products[&new.tier].clone(),
            lookup_key,
            active: true,
            metered: price.metered,
            terms: Some(Terms { interval, meter, currency, charges }),
        });
    }

    fn id(&self, prefix: &str) -> String {
        let now = &self.now;
        format!("{prefix}_{}", now.meters.len() + now.products.len() + now.prices.len())
    }

    fn meter(&mut self, id: &str) -> &mut MeterNow {
        self.now.meters.iter_mut().find(|meter| meter.id == id).expect("a known meter")
    }

    fn product(&mut self, id: &str) -> &mut ProductNow {
        self.now.products.iter_mut().find(|product| product.id == id).expect("a known product")
    }

    fn price(&mut self, id: &str) -> &mut PriceNow {
        self.now.prices.iter_mut().find(|price| price.id == id).expect("a known price")
    }
}

fn product(id: String, plan: Plan) -> ProductNow {
    let description = Some(plan.description);
    ProductNow {
        id,
        tier: plan.tier,
        name: plan.name,
        description,
        contact: plan.contact,
        active: true,
    }
}

/// For each meter of a price its allowance and its unit price in tenths.
type Meters = BTreeMap<u32, (u64, i64)>;

/// For each interval the base fee, whether there is one in euro too, and the meters.
type Sold = BTreeMap<&'static str, (i64, bool, Meters)>;

/// Few names and few amounts, so that two catalogues have much in common.
fn some_catalogue() -> impl Strategy<Value = Catalogue> {
    let meters = prop::collection::btree_map(0_u32..3, (0_u64..2, 1_i64..3), 0..3);
    let interval = prop::sample::select(vec!["month", "year"]);
    let sold = prop::collection::btree_map(interval, (0_i64..3, any::<bool>(), meters), 0..3);
    let plans = prop::collection::btree_map(0_u32..3, (sold, 0_u32..2), 0..4);
    (plans, 0_u32..3).prop_map(|(plans, wording)| Catalogue {
        meters: (0..3).map(|n| some_meter(n, wording)).collect(),
        plans: plans.into_iter().map(|(n, (sold, wording))| some_plan(n, &sold, wording)).collect(),
        portal: (wording > 0)
            .then(|| Portal { headline: Some(format!("H{wording}")), ..Portal::default() }),
    })
}

fn some_meter(n: u32, wording: u32) -> Meter {
    let display_name = format!("M{n} {wording}");
    Meter { name: format!("m{n}"), event_name: format!("e{n}"), display_name }
}

fn some_plan(n: u32, sold: &Sold, wording: u32) -> Plan {
    let tier = format!("t{n}");
    let mut prices = Vec::new();
    for (interval, (minor, in_euro, meters)) in sold {
        let key = format!("cantila_{tier}_{interval}");
        prices.push(some_price(
            key.clone(),
            interval,
            None,
            Charge::Flat((*minor).into()),
            *in_euro,
        ));
        for (n, (included, unit)) in meters {
            let unit = Decimal::new(*unit, 1);
            let charge = match *included {
                0 => Charge::Flat(unit),
                included => Charge::Beyond { included, unit },
            };
            let metered = Metered { meter: format!("m{n}"), unit: format!("u{wording}") };
            prices.push(some_price(
                format!("{key}_m{n}"),
                interval,
                Some(metered),
                charge,
                *in_euro,
            ));
        }
    }
    let contact = prices.is_empty().then(|| "sales".to_owned());
    Plan { name: format!("T{n} {wording}"), description: "d".to_owned(), contact, prices, tier }
}

fn some_price(
    lookup_key: String,
    interval: &str,
    metered: Option<Metered>,
    charge: Charge,
    in_euro: bool,
) -> Price {
    let currencies = ["usd", "eur"].map(|code| code.parse().expect("a currency"));
    Price {
        lookup_key,
        interval: if interval == "month" { Interval::Month } else { Interval::Year },
        metered,
        currency: currencies[0],
        charges: currencies
            .into_iter()
            .take(1 + usize::from(in_euro))
            .map(|code| (code, charge))
            .collect(),
    }
}

/// What people do to Stripe's objects by hand.
#[derive(Clone, Copy, Debug)]
enum Tampering {
    SwitchMeter,
    SwitchProduct,
    SwitchPrice,
    TakeLookupKey,
    RenameProduct,
}

fn some_tampering() -> impl Strategy<Value = (Tampering, prop::sample::Index)> {
    use Tampering::{RenameProduct, SwitchMeter, SwitchPrice, SwitchProduct, TakeLookupKey};
    let kinds = vec![SwitchMeter, SwitchProduct, SwitchPrice, TakeLookupKey, RenameProduct];
    (prop::sample::select(kinds), any::<prop::sample::Index>())
}

fn tamper(now: &mut Now, tampering: Tampering, at: prop::sample::Index) {
    fn pick<T>(things: &mut [T], at: prop::sample::Index) -> Option<&mut T> {
        if things.is_empty() { None } else { things.get_mut(at.index(things.len())) }
    }
    let (meter, product, price) =
        (pick(&mut now.meters, at), pick(&mut now.products, at), pick(&mut now.prices, at));
    match (tampering, meter, product, price) {
        (Tampering::SwitchMeter, Some(meter), _, _) => meter.active ^= true,
        (Tampering::SwitchProduct, _, Some(product), _) => product.active ^= true,
        (Tampering::RenameProduct, _, Some(product), _) => product.name.push('!'),
        (Tampering::SwitchPrice, _, _, Some(price)) => price.active ^= true,
        (Tampering::TakeLookupKey, _, _, Some(price)) => price.lookup_key = None,
        _ => {}
    }
}

fn changes(wanted: &Catalogue, now: &Now) -> Vec<Change> {
    let todo = plan(wanted, now).expect("no conflict").changes;
    let is_kept = |change: &Change| {
        matches!(
            change,
            Change::KeepMeter { .. }
                | Change::KeepProduct { .. }
                | Change::KeepPrice { .. }
                | Change::KeepPortal { .. }
        )
    };
    todo.into_iter().filter(|change| !is_kept(change)).collect()
}

/// Which of the files is applied, and what was done by hand before.
type Step = (prop::sample::Index, Vec<(Tampering, prop::sample::Index)>);

fn some_step() -> impl Strategy<Value = Step> {
    (any::<prop::sample::Index>(), prop::collection::vec(some_tampering(), 0..4))
}

proptest! {
    #[test]
    fn whatever_was_there_before_a_second_apply_changes_nothing(
        files in prop::collection::vec(some_catalogue(), 1..3),
        steps in prop::collection::vec(some_step(), 1..8),
    ) {
        let (mut now, mut made) = (Now::default(), HashSet::new());
        for (file, tamperings) in &steps {
            let wanted = file.get(&files);
            for (tampering, at) in tamperings {
                tamper(&mut now, *tampering, *at);
            }
            let todo = plan(wanted, &now).expect("no conflict");
            now = perform_within_a_day(now, &todo, &mut made);
            let left = changes(wanted, &now);
            prop_assert!(left.is_empty(), "{left:?}");
            // And what is sold is what the file says: no price more, none less, each once.
            let sold = now.prices.iter().filter(|price| price.active);
            let mut sold: Vec<_> = sold.map(|price| price.lookup_key.as_ref()).collect();
            let said = wanted.plans.iter().flat_map(|plan| &plan.prices);
            let mut said: Vec<_> = said.map(|price| Some(&price.lookup_key)).collect();
            sold.sort();
            said.sort();
            prop_assert_eq!(sold, said);
        }
    }
}
