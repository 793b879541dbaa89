//! What is planned, tried on a model of Stripe.

use proptest::prelude::*;
use rust_decimal::Decimal;
use shared::respond::Currency;

use super::super::file::parse;
use super::super::wanted::Charge;
use super::*;

/// What Stripe would hold after the changes; new things get ids that count on.
fn perform(mut now: Now, todo: &Todo) -> Now {
    let (mut meters, mut products) = (todo.meters.clone(), todo.products.clone());
    for change in &todo.changes {
        let serial = now.meters.len() + now.products.len() + now.prices.len();
        match change.clone() {
            Change::CreateMeter(meter) => {
                meters.insert(meter.name, format!("mtr_{serial}"));
                let (event_name, display_name) = (meter.event_name, meter.display_name);
                now.meters.push(MeterNow {
                    id: format!("mtr_{serial}"),
                    event_name,
                    display_name,
                    active: true,
                    sums: true,
                });
            }
            Change::UpdateMeter { id, meter, rename, reactivate } => {
                let found =
                    now.meters.iter_mut().find(|found| found.id == id).expect("a known meter");
                found.active |= reactivate;
                if rename {
                    found.display_name = meter.display_name;
                }
            }
            Change::CreateProduct(plan) => {
                products.insert(plan.tier.clone(), format!("prod_{serial}"));
                now.products.push(product(&format!("prod_{serial}"), plan));
            }
            Change::UpdateProduct { id, plan } => {
                let found =
                    now.products.iter_mut().find(|found| found.id == id).expect("a known product");
                *found = product(&id, plan);
            }
            Change::ArchiveProduct { id, .. } => {
                now.products
                    .iter_mut()
                    .find(|found| found.id == id)
                    .expect("a known product")
                    .active = false;
            }
            Change::CreatePrice(new) => {
                let meter =
                    new.price.metered.as_ref().map(|metered| meters[&metered.meter].clone());
                for other in now
                    .prices
                    .iter_mut()
                    .filter(|other| other.lookup_key.as_ref() == Some(&new.price.lookup_key))
                {
                    other.lookup_key = None;
                }
                now.prices.push(price(
                    &format!("price_{serial}"),
                    &products[&new.tier],
                    new.price,
                    meter,
                ));
            }
            Change::UpdatePrice { id, price } => {
                let found =
                    now.prices.iter_mut().find(|found| found.id == id).expect("a known price");
                (found.active, found.metered) = (true, price.metered);
            }
            Change::ArchivePrice { id, .. } => {
                now.prices.iter_mut().find(|found| found.id == id).expect("a known price").active =
                    false;
            }
            Change::KeepMeter { .. } | Change::KeepProduct { .. } | Change::KeepPrice { .. } => {}
        }
    }
    now
}

fn product(id: &str, plan: Plan) -> ProductNow {
    let description = Some(plan.description);
    ProductNow {
        id: id.to_owned(),
        tier: plan.tier,
        name: plan.name,
        description,
        contact: plan.contact,
        active: true,
    }
}

fn price(id: &str, product: &str, price: Price, meter: Option<String>) -> PriceNow {
    let terms =
        Terms { interval: price.interval, meter, currency: price.currency, charges: price.charges };
    PriceNow {
        id: id.to_owned(),
        product: product.to_owned(),
        lookup_key: Some(price.lookup_key),
        active: true,
        metered: price.metered,
        terms: Some(terms),
    }
}

/// The changes as words, without what is kept.
fn words(todo: &Todo) -> Vec<String> {
    let entries = todo.changes.iter().map(|change| (change, change.entry(None)));
    let changes = entries.filter(|(_, entry)| entry.action != super::super::report::Action::Keep);
    changes.map(|(change, entry)| change.line(&entry, false)).collect()
}

const FILE: &str = r#"
currency = "usd"
meters = [{ name = "cpu", event_name = "cpu", display_name = "CPU", unit = "h" }]
[overage]
cpu = { usd = "0.012" }
[[plans]]
tier = "pro"
name = "Pro"
description = "d"
month = { usd = "35.00" }
included = { cpu = 10 }
[[plans]]
tier = "dedicated"
name = "Dedicated"
description = "d"
contact = "sales"
"#;

fn catalogue(text: &str) -> Catalogue {
    parse(text).expect("sound")
}

/// What Stripe holds once `FILE` was applied to it: mtr_0, prod_1, prod_2, price_3, price_4.
fn applied() -> Now {
    perform(Now::default(), &plan(&catalogue(FILE), &Now::default()).expect("no conflict"))
}

#[test]
fn an_empty_stripe_gets_everything_in_the_order_in_which_it_is_needed() {
    let todo = plan(&catalogue(FILE), &Now::default()).expect("no conflict");
    assert_eq!(
        words(&todo),
        [
            "created meter cpu",
            "created product pro",
            "created product dedicated",
            "created price cantila_pro_month",
            "created price cantila_pro_month_cpu",
        ]
    );
}

#[test]
fn a_changed_file_changes_only_what_differs() {
    let stays = "existing subscribers stay on it";
    let replaced = |key: &str, id: &str| format!("archived price {key} ({id}): replaced; {stays}");
    let gone =
        |key: &str, id: &str| format!("archived price {key} ({id}): not in the file; {stays}");
    let cases: [(&str, &str, Vec<String>); 11] = [
        ("", "", vec![]),
        (
            "35.00",
            "36.00",
            vec![
                "created price cantila_pro_month".to_owned(),
                replaced("cantila_pro_month", "price_3"),
            ],
        ),
        ("35.00", "35.0", vec![]),
        ("0.012", "0.0120", vec![]),
        (
            "0.012",
            "0.013",
            vec![
                "created price cantila_pro_month_cpu".to_owned(),
                replaced("cantila_pro_month_cpu", "price_4"),
            ],
        ),
        (
            "cpu = 10",
            "cpu = 11",
            vec![
                "created price cantila_pro_month_cpu".to_owned(),
                replaced("cantila_pro_month_cpu", "price_4"),
            ],
        ),
        ("included = { cpu = 10 }", "", vec![gone("cantila_pro_month_cpu", "price_4")]),
        (
            "unit = \"h\"",
            "unit = \"hour\"",
            vec!["updated price cantila_pro_month_cpu (price_4)".to_owned()],
        ),
        ("\"Pro\"", "\"Pro!\"", vec!["updated product pro (prod_1)".to_owned()]),
        ("\"sales\"", "\"someone\"", vec!["updated product dedicated (prod_2)".to_owned()]),
        ("\"CPU\"", "\"Processors\"", vec!["updated meter cpu (mtr_0)".to_owned()]),
    ];
    for (from, to, expected) in cases {
        let todo =
            plan(&catalogue(&FILE.replacen(from, to, usize::from(!from.is_empty()))), &applied())
                .expect("no conflict");
        assert_eq!(words(&todo), expected, "{from} to {to}");
    }
}

#[test]
fn a_plan_that_left_the_file_is_archived_with_its_prices_and_sold_again_when_it_is_back() {
    let without: String = FILE.split("[[plans]]").take(1).collect::<String>()
        + "[[plans]]"
        + FILE.split("[[plans]]").nth(2).expect("two plans");
    let todo = plan(&catalogue(&without), &applied()).expect("no conflict");
    let stays = "not in the file; existing subscribers stay on it";
    assert_eq!(
        words(&todo),
        [
            format!("archived price cantila_pro_month (price_3): {stays}"),
            format!("archived price cantila_pro_month_cpu (price_4): {stays}"),
            format!("archived product pro (prod_1): {stays}"),
        ]
    );
    let back = plan(&catalogue(FILE), &perform(applied(), &todo)).expect("no conflict");
    assert_eq!(
        words(&back),
        [
            "updated product pro (prod_1)",
            "updated price cantila_pro_month (price_3)",
            "updated price cantila_pro_month_cpu (price_4)",
        ]
    );
}

#[test]
fn a_price_that_was_made_by_hand_on_a_plan_is_archived() {
    let mut now = applied();
    let mut stray = now.prices[0].clone();
    (stray.id, stray.lookup_key) = ("price_stray".to_owned(), None);
    now.prices.push(stray);
    let todo = plan(&catalogue(FILE), &now).expect("no conflict");
    assert_eq!(
        words(&todo),
        [
            "archived price without a lookup key (price_stray): not in the file; existing subscribers stay on it"
        ]
    );
}

#[test]
fn going_back_to_an_old_amount_names_the_price_that_charged_it_before() {
    let dearer = catalogue(&FILE.replace("35.00", "36.00"));
    let now = perform(applied(), &plan(&dearer, &applied()).expect("no conflict"));
    let todo = plan(&catalogue(FILE), &now).expect("no conflict");
    let new = todo.changes.iter().find_map(|change| match change {
        Change::CreatePrice(new) => Some(new),
        _ => None,
    });
    let new = new.expect("a new price");
    assert_eq!(
        (new.replaces.as_deref(), new.equals.as_slice()),
        (Some("price_5"), &["price_3".to_owned()][..])
    );
}

#[test]
fn a_deactivated_meter_is_used_again_and_one_that_counts_otherwise_is_a_conflict() {
    let mut now = applied();
    now.meters[0].active = false;
    assert_eq!(
        words(&plan(&catalogue(FILE), &now).expect("no conflict")),
        ["updated meter cpu (mtr_0)"]
    );
    now.meters[0].sums = false;
    assert_eq!(
        plan(&catalogue(FILE), &now)
            .expect("no conflict")
            .changes
            .iter()
            .filter(|change| matches!(change, Change::CreateMeter(_)))
            .count(),
        1
    );
    now.meters[0].active = true;
    let conflict = plan(&catalogue(FILE), &now).expect_err("a conflict").to_string();
    assert!(conflict.contains("mtr_0"), "{conflict}");
}

#[test]
fn two_products_for_one_plan_are_a_conflict_unless_one_is_archived() {
    let mut now = applied();
    let second = ProductNow { id: "prod_9".to_owned(), ..now.products[0].clone() };
    now.products.insert(0, second);
    let conflict = plan(&catalogue(FILE), &now).expect_err("a conflict").to_string();
    assert!(conflict.contains("prod_9") && conflict.contains("prod_1"), "{conflict}");
    now.products[0].active = false;
    assert_eq!(words(&plan(&catalogue(FILE), &now).expect("no conflict")), Vec::<String>::new());
}

fn code(code: &str) -> Currency {
    code.parse().expect("a currency")
}

/// Few names and few amounts, so that two catalogues have much in common.
fn some_catalogue() -> impl Strategy<Value = Catalogue> {
    let metered = prop::collection::btree_map(0_u32..3, (0_u64..2, 1_i64..3), 0..3);
    let sold = prop::collection::btree_map(
        prop::sample::select(vec!["month", "year"]),
        (0_i64..3, any::<bool>(), metered),
        0..3,
    );
    let plans = prop::collection::btree_map(0_u32..3, (sold, 0_u32..2), 0..4);
    (plans, 0_u32..2).prop_map(|(plans, wording)| Catalogue {
        meters: (0..3)
            .map(|n| Meter {
                name: format!("m{n}"),
                event_name: format!("e{n}"),
                display_name: format!("M{n} {wording}"),
            })
            .collect(),
        plans: plans.into_iter().map(|(n, (sold, wording))| some_plan(n, &sold, wording)).collect(),
    })
}

type Sold = std::collections::BTreeMap<
    &'static str,
    (i64, bool, std::collections::BTreeMap<u32, (u64, i64)>),
>;

fn some_plan(n: u32, sold: &Sold, wording: u32) -> Plan {
    use shared::stripe::views::Interval;
    let tier = format!("t{n}");
    let mut prices = Vec::new();
    for (interval, (minor, in_euro, metered)) in sold {
        let currencies = || [code("usd"), code("eur")].into_iter().take(1 + usize::from(*in_euro));
        let with = |name: Option<&u32>, charge: Charge| Price {
            lookup_key: format!(
                "cantila_{tier}_{interval}{}",
                name.map(|n| format!("_m{n}")).unwrap_or_default()
            ),
            interval: if *interval == "month" { Interval::Month } else { Interval::Year },
            metered: name.map(|n| super::super::wanted::Metered {
                meter: format!("m{n}"),
                unit: format!("u{wording}"),
            }),
            currency: code("usd"),
            charges: currencies().map(|code| (code, charge)).collect(),
        };
        prices.push(with(None, Charge::Flat((*minor).into())));
        for (name, (included, unit)) in metered {
            let unit = Decimal::new(*unit, 1);
            let charge = if *included == 0 {
                Charge::Flat(unit)
            } else {
                Charge::Beyond { included: *included, unit }
            };
            prices.push(with(Some(name), charge));
        }
    }
    let contact = prices.is_empty().then(|| "sales".to_owned());
    Plan { name: format!("T{n} {wording}"), description: "d".to_owned(), contact, prices, tier }
}

proptest! {
    #[test]
    fn whatever_was_there_before_a_second_apply_changes_nothing(history in prop::collection::vec(some_catalogue(), 1..5)) {
        let mut now = Now::default();
        for wanted in &history {
            now = perform(now.clone(), &plan(wanted, &now).expect("no conflict"));
            prop_assert_eq!(words(&plan(wanted, &now).expect("no conflict")), Vec::<String>::new());
        }
        // And what is sold is what the last file says: no price more, none less, each once.
        let last = history.last().expect("one at least");
        let mut sold: Vec<_> = now.prices.iter().filter(|price| price.active).filter_map(|price| price.lookup_key.clone()).collect();
        let mut wanted: Vec<_> = last.plans.iter().flat_map(|plan| &plan.prices).map(|price| price.lookup_key.clone()).collect();
        sold.sort();
        wanted.sort();
        prop_assert_eq!(now.prices.iter().filter(|price| price.active).count(), sold.len());
        prop_assert_eq!(sold, wanted);
    }
}
