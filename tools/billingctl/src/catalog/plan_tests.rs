//! What is planned for which file, tried on a model of Stripe.

use super::super::diff;
use super::super::file::parse;
use super::super::model::perform;
use super::super::now::PortalConfiguration;
use super::super::report::{self, Action};
use super::*;

/// The changes as words, without what is kept.
fn words(todo: &Todo) -> Vec<String> {
    let entries = report::entries(todo, &Now::default()).into_iter();
    entries.filter(|entry| entry.action != Action::Keep).map(|entry| entry.line()).collect()
}

/// The plan as people see it.
fn shown(file: &str, now: &Now) -> String {
    let todo = plan(&catalogue(file), now).expect("no conflict");
    let mut entries = report::entries(&todo, now);
    for entry in entries.iter_mut().filter(|entry| entry.action == Action::Archive) {
        entry.subscriptions = Some(12);
    }
    diff::text(&todo, &entries)
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
    let replaced = |key: &str, id: &str| format!("archived price {key} ({id})");
    let gone = replaced;
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
    assert_eq!(
        words(&todo),
        [
            "archived price cantila_pro_month (price_3)",
            "archived price cantila_pro_month_cpu (price_4)",
            "archived product pro (prod_1)",
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
    assert_eq!(words(&todo), ["archived price without a lookup key (price_stray)"]);
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

#[test]
fn a_plan_is_shown_like_a_diff() {
    let file = FILE
        .replace("35.00", "36.00")
        .replace("cpu = 10", "cpu = 20")
        .replace("\"Pro\"", "\"Pro!\"")
        .replace("month =", "year = { usd = \"360.00\" }\nmonth =")
        + "[portal]\nheadline = \"H\"\ninvoice_history = true\npayment_method_update = true\nsubscription_cancel = \"off\"\n";
    let mut now = applied();
    now.prices[0].metered = None;
    let without: String = file.replace("tier = \"dedicated\"", "tier = \"metal\"");
    let expected = "\
~ product pro (prod_1)
    name                  \"Pro\" → \"Pro!\"
+ product metal
    name                  \"Dedicated\"
    description           \"d\"
    contact               \"sales\"
~ price cantila_pro_month: replaces price_3
    amount                35.00 USD → 36.00 USD
    + a new price is made, and takes the lookup key with it
    - price_3 is archived; 12 subscriptions stay on it
~ price cantila_pro_month_cpu: replaces price_4
    included              10 → 20
    + a new price is made, and takes the lookup key with it
    - price_4 is archived; 12 subscriptions stay on it
+ price cantila_pro_year
    amount                360.00 USD
+ price cantila_pro_year_cpu
    included              240
    unit_amount           0.012 USD
    meter                 \"cpu\"
    unit                  \"h\"
- product dedicated (prod_2)
    not in the file: archived; who has it keeps it
+ portal configuration
    headline              \"H\"
    invoice_history       on
    payment_method_update on
    subscription_cancel   off
    subscription_update   off

4 to make, 2 to replace, 1 to update, 1 to archive, 1 as they should be";
    assert_eq!(shown(&without, &now), expected);
    assert_eq!(shown(FILE, &applied()), "no differences: Stripe holds this catalogue (5 objects)");
}

#[test]
fn a_lookup_key_of_something_else_is_not_taken_from_it() {
    let mut now = applied();
    now.foreign.push(Foreign {
        lookup_key: "cantila_pro_month".to_owned(),
        price: "price_x".to_owned(),
        product: "prod_x".to_owned(),
    });
    let conflict = plan(&catalogue(FILE), &now).expect_err("a conflict").to_string();
    assert!(
        ["cantila_pro_month", "price_x", "prod_x"].iter().all(|name| conflict.contains(name)),
        "{conflict}"
    );
}

#[test]
fn the_portal_is_made_adopted_changed_and_kept() {
    let file = format!(
        "{FILE}[portal]\ninvoice_history = true\npayment_method_update = true\nsubscription_cancel = \"off\"\n"
    );
    let todo = |now: &Now| words(&plan(&catalogue(&file), now).expect("no conflict"));
    assert_eq!(todo(&applied()), ["created portal configuration"]);
    let wanted = catalogue(&file).portal.expect("there");
    let mut now = applied();
    now.portals.push(PortalConfiguration {
        id: "bpc_1".to_owned(),
        active: true,
        is_default: true,
        is_ours: false,
        portal: wanted,
    });
    assert_eq!(todo(&now), ["updated portal configuration (bpc_1)"], "it gets our mark");
    now.portals[0].is_ours = true;
    assert_eq!(todo(&now), Vec::<String>::new());
    now.portals[0].portal.subscription_update = true;
    assert_eq!(todo(&now), ["updated portal configuration (bpc_1)"]);
    now.portals[0].portal.subscription_update = false;
    now.portals[0].active = false;
    assert_eq!(todo(&now), ["updated portal configuration (bpc_1)"]);
    assert_eq!(words(&plan(&catalogue(FILE), &now).expect("no conflict")), Vec::<String>::new());
}
