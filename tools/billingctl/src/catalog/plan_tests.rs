//! What is planned for which file, tried on a model of Stripe.

use super::super::file::parse;
use super::super::model::perform;
use super::super::report::Action;
use super::*;

/// The changes as words, without what is kept.
fn words(todo: &Todo) -> Vec<String> {
    let entries = todo.changes.iter().map(|change| (change, change.entry(None)));
    let changes = entries.filter(|(_, entry)| entry.action != Action::Keep);
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

/// What Stripe holds once `FILE` was applied to it: `mtr_0`, `prod_1`, `prod_2`, `price_3`, `price_4`.
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
