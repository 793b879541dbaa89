//! Test model of Stripe: applies changes to a state.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use rust_decimal::Decimal;
use shared::stripe::views::Interval;

use super::actual::{
    Meter as ActualMeter, PortalConfiguration, Price as ActualPrice, Product as ActualProduct,
    StripeState, Terms,
};
use super::desired::{Catalog, Charge, Labels, Meter, Owner, Plan, Portal, Price, Product};
use super::planner::{Change, Changeset, NewPrice, plan_changes};

/// Returns the state after the changes. New objects get consecutive IDs.
pub(super) fn apply(state: StripeState, changeset: &Changeset) -> StripeState {
    apply_with_replays(state, changeset, &mut HashSet::new())
}

/// Returns the state after the changes if Stripe replays the creations in `created`.
fn apply_with_replays(
    state: StripeState,
    changeset: &Changeset,
    created: &mut HashSet<String>,
) -> StripeState {
    let (meters, products) = (changeset.meters.clone(), changeset.products.clone());
    let mut model = Model { state, created, meters, products };
    for change in &changeset.changes {
        model.apply(change.clone());
    }
    model.state
}

struct Model<'a> {
    state: StripeState,
    created: &'a mut HashSet<String>,
    meters: HashMap<String, String>,
    products: HashMap<Owner, String>,
}

impl Model<'_> {
    fn apply(&mut self, change: Change) {
        match change {
            Change::CreateMeter(meter) => self.create_meter(meter),
            Change::UpdateMeter { id, meter, rename, reactivate } => {
                let found = self.meter(&id);
                found.active |= reactivate;
                if rename {
                    found.display_name = meter.display_name;
                }
            }
            Change::CreateProduct(new) => {
                let id = self.id("prod");
                self.products.insert(new.owner.clone(), id.clone());
                self.state.products.push(product(id, new));
            }
            Change::UpdateProduct { id, product: new } => {
                *self.product(&id) = product(id.clone(), new);
            }
            Change::ArchiveProduct { id, .. } => self.product(&id).active = false,
            Change::CreatePrice(new) => self.create_price(new),
            Change::UpdatePrice { id, price } => {
                let found = self.price(&id);
                (found.active, found.labels) = (true, price.labels);
            }
            Change::ArchivePrice { id, .. } => self.price(&id).active = false,
            Change::CreatePortal(portal) => {
                let id = self.id("bpc");
                let (active, is_default, is_managed) = (true, false, true);
                let portal = PortalConfiguration { id, active, is_default, is_managed, portal };
                self.state.portals.push(portal);
            }
            Change::UpdatePortal { id, portal } => {
                let found = self.state.portals.iter_mut().find(|found| found.id == id);
                let found = found.expect("a known configuration");
                (found.active, found.is_managed, found.portal) = (true, true, portal);
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
        self.state.meters.push(ActualMeter {
            id,
            event_name,
            display_name,
            active: true,
            sums: true,
        });
    }

    fn create_price(&mut self, new: NewPrice) {
        // A replay creates nothing.
        if !self.created.insert(format!("{new:?}")) {
            return;
        }
        let id = self.id("price");
        let price = new.price;
        let meter = price.labels.meter.as_ref().map(|name| self.meters[name].clone());
        let (interval, currency, charges) = (price.interval, price.currency, price.charges);
        let lookup_key = Some(price.lookup_key);
        // `transfer_lookup_key`
        for other in self.state.prices.iter_mut().filter(|other| other.lookup_key == lookup_key) {
            other.lookup_key = None;
        }
        self.state.prices.push(ActualPrice {
            id,
            product: self.products[&price.product].clone(),
            lookup_key,
            active: true,
            labels: price.labels,
            terms: Some(Terms { interval, meter, currency, charges }),
        });
    }

    fn id(&self, prefix: &str) -> String {
        let state = &self.state;
        format!("{prefix}_{}", state.meters.len() + state.products.len() + state.prices.len())
    }

    fn meter(&mut self, id: &str) -> &mut ActualMeter {
        self.state.meters.iter_mut().find(|meter| meter.id == id).expect("a known meter")
    }

    fn product(&mut self, id: &str) -> &mut ActualProduct {
        self.state.products.iter_mut().find(|product| product.id == id).expect("a known product")
    }

    fn price(&mut self, id: &str) -> &mut ActualPrice {
        self.state.prices.iter_mut().find(|price| price.id == id).expect("a known price")
    }
}

fn product(id: String, product: Product) -> ActualProduct {
    let Product { owner, name, description, contact, unit_label } = product;
    ActualProduct { id, owner, name, description, contact, unit_label, active: true }
}

/// For each meter its allowance and its unit price in tenths.
type Meters = BTreeMap<u32, (u64, i64)>;

/// For each interval the base fee, whether the prices are also in euro, and the meters.
type Intervals = BTreeMap<&'static str, (i64, bool, Meters)>;

/// Generates catalogs from few names and amounts, so that two catalogs share objects.
fn some_catalog() -> impl Strategy<Value = Catalog> {
    let meters = prop::collection::btree_map(0_u32..3, (0_u64..2, 1_i64..3), 0..3);
    let interval = prop::sample::select(vec!["month", "year"]);
    let intervals = prop::collection::btree_map(interval, (0_i64..3, any::<bool>(), meters), 0..3);
    let plans = prop::collection::btree_map(0_u32..3, (intervals, 0_u32..2), 0..4);
    (plans, 0_u32..3, any::<bool>()).prop_map(|(plans, wording, meter_products)| Catalog {
        meters: (0..3).map(|n| some_meter(n, wording)).collect(),
        plans: plans
            .into_iter()
            .map(|(n, (intervals, wording))| some_plan(n, &intervals, wording, meter_products))
            .collect(),
        portal: (wording > 0)
            .then(|| Portal { headline: Some(format!("H{wording}")), ..Portal::default() }),
    })
}

fn some_meter(n: u32, wording: u32) -> Meter {
    let display_name = format!("M{n} {wording}");
    let unit = format!("u{wording}");
    Meter { name: format!("m{n}"), event_name: format!("e{n}"), display_name, unit }
}

fn some_plan(n: u32, intervals: &Intervals, wording: u32, meter_products: bool) -> Plan {
    let tier = format!("t{n}");
    let mut prices = Vec::new();
    for (interval, (minor, in_euro, meters)) in intervals {
        let key = format!("cantila_{tier}_{interval}");
        prices.push(some_price(
            key.clone(),
            Owner::Plan(tier.clone()),
            interval,
            Labels::default(),
            Charge::Flat((*minor).into()),
            *in_euro,
        ));
        for (n, (included, unit)) in meters {
            let unit = Decimal::new(*unit, 1);
            let charge = match *included {
                0 => Charge::Flat(unit),
                included => Charge::Beyond { included, unit },
            };
            let meter = format!("m{n}");
            let (product, plan, unit) = if meter_products {
                (Owner::Meter(meter.clone()), Some(tier.clone()), None)
            } else {
                (Owner::Plan(tier.clone()), None, Some(format!("u{wording}")))
            };
            prices.push(some_price(
                format!("{key}_m{n}"),
                product,
                interval,
                Labels { plan, meter: Some(meter), unit },
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
    product: Owner,
    interval: &str,
    labels: Labels,
    charge: Charge,
    in_euro: bool,
) -> Price {
    let currencies = ["usd", "eur"].map(|code| code.parse().expect("a currency"));
    Price {
        lookup_key,
        product,
        interval: if interval == "month" { Interval::Month } else { Interval::Year },
        labels,
        currency: currencies[0],
        charges: currencies
            .into_iter()
            .take(1 + usize::from(in_euro))
            .map(|code| (code, charge))
            .collect(),
    }
}

/// A change that somebody makes in Stripe's dashboard.
#[derive(Clone, Copy, Debug)]
enum DashboardEdit {
    SwitchMeter,
    SwitchProduct,
    SwitchPrice,
    TakeLookupKey,
    RenameProduct,
}

fn some_edit() -> impl Strategy<Value = (DashboardEdit, prop::sample::Index)> {
    use DashboardEdit::{RenameProduct, SwitchMeter, SwitchPrice, SwitchProduct, TakeLookupKey};
    let kinds = vec![SwitchMeter, SwitchProduct, SwitchPrice, TakeLookupKey, RenameProduct];
    (prop::sample::select(kinds), any::<prop::sample::Index>())
}

fn edit_in_dashboard(state: &mut StripeState, edit: DashboardEdit, at: prop::sample::Index) {
    fn pick<T>(objects: &mut [T], at: prop::sample::Index) -> Option<&mut T> {
        if objects.is_empty() { None } else { objects.get_mut(at.index(objects.len())) }
    }
    let (meter, product, price) =
        (pick(&mut state.meters, at), pick(&mut state.products, at), pick(&mut state.prices, at));
    match (edit, meter, product, price) {
        (DashboardEdit::SwitchMeter, Some(meter), _, _) => meter.active ^= true,
        (DashboardEdit::SwitchProduct, _, Some(product), _) => product.active ^= true,
        (DashboardEdit::RenameProduct, _, Some(product), _) => product.name.push('!'),
        (DashboardEdit::SwitchPrice, _, _, Some(price)) => price.active ^= true,
        (DashboardEdit::TakeLookupKey, _, _, Some(price)) => price.lookup_key = None,
        _ => {}
    }
}

fn changes(desired: &Catalog, actual: &StripeState) -> Vec<Change> {
    let changes = plan_changes(desired, actual).expect("no conflict").changes;
    let is_kept = |change: &Change| {
        matches!(
            change,
            Change::KeepMeter { .. }
                | Change::KeepProduct { .. }
                | Change::KeepPrice { .. }
                | Change::KeepPortal { .. }
        )
    };
    changes.into_iter().filter(|change| !is_kept(change)).collect()
}

/// The file to apply, and the edits in the dashboard before.
type Step = (prop::sample::Index, Vec<(DashboardEdit, prop::sample::Index)>);

fn some_step() -> impl Strategy<Value = Step> {
    (any::<prop::sample::Index>(), prop::collection::vec(some_edit(), 0..4))
}

proptest! {
    #[test]
    fn second_apply_changes_nothing(
        files in prop::collection::vec(some_catalog(), 1..3),
        steps in prop::collection::vec(some_step(), 1..8),
    ) {
        let (mut state, mut created) = (StripeState::default(), HashSet::new());
        for (file, edits) in &steps {
            let desired = file.get(&files);
            for (edit, at) in edits {
                edit_in_dashboard(&mut state, *edit, *at);
            }
            let changeset = plan_changes(desired, &state).expect("no conflict");
            state = apply_with_replays(state, &changeset, &mut created);
            let left = changes(desired, &state);
            prop_assert!(left.is_empty(), "{left:?}");
            // The active prices are exactly those of the file.
            let active = state.prices.iter().filter(|price| price.active);
            let mut active: Vec<_> = active.map(|price| price.lookup_key.as_ref()).collect();
            let expected = desired.plans.iter().flat_map(|plan| &plan.prices);
            let mut expected: Vec<_> = expected.map(|price| Some(&price.lookup_key)).collect();
            active.sort();
            expected.sort();
            prop_assert_eq!(active, expected);
        }
    }
}
