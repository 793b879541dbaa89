//! Tests of the planner on a model of Stripe.

use super::*;
use crate::catalog::actual::PortalConfiguration;
use crate::catalog::parse::parse;
use crate::catalog::plan_text;
use crate::catalog::report::{self, Action};
use crate::catalog::stripe_model::apply;

/// Returns the changes as lines of progress, without kept objects.
fn lines(changeset: &Changeset) -> Vec<String> {
    let entries = report::entries(changeset, &StripeState::default()).into_iter();
    entries.filter(|entry| entry.action != Action::Keep).map(|entry| entry.progress()).collect()
}

/// Returns the plan as `catalog plan` prints it.
fn printed(file: &str, actual: &StripeState) -> String {
    let changeset = plan_changes(&catalog(file), actual).expect("no conflict");
    let mut entries = report::entries(&changeset, actual);
    for entry in entries.iter_mut().filter(|entry| entry.action == Action::Archive) {
        entry.subscriptions = Some(12);
    }
    plan_text::format(&changeset, &entries)
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

fn catalog(text: &str) -> Catalog {
    parse(text).expect("valid")
}

/// Returns the state after `FILE` was applied: `mtr_0`, `prod_1`, `prod_2`, `prod_3`, `price_4`, `price_5`.
fn applied() -> StripeState {
    let empty = StripeState::default();
    let changeset = plan_changes(&catalog(FILE), &empty).expect("no conflict");
    apply(empty, &changeset)
}

#[test]
fn empty_stripe_gets_objects_before_those_that_refer_to_them() {
    let changeset = plan_changes(&catalog(FILE), &StripeState::default()).expect("no conflict");
    assert_eq!(
        lines(&changeset),
        [
            "created meter cpu",
            "created product pro",
            "created product dedicated",
            "created meter product cpu",
            "created price cantila_pro_month",
            "created price cantila_pro_month_cpu",
        ]
    );
}

#[test]
fn changed_file_changes_only_the_objects_that_differ() {
    let replaced = |key: &str, id: &str| format!("archived price {key} ({id})");
    let removed = replaced;
    let cases: [(&str, &str, Vec<String>); 11] = [
        ("", "", vec![]),
        (
            "35.00",
            "36.00",
            vec![
                "created price cantila_pro_month".to_owned(),
                replaced("cantila_pro_month", "price_4"),
            ],
        ),
        ("35.00", "35.0", vec![]),
        ("0.012", "0.0120", vec![]),
        (
            "0.012",
            "0.013",
            vec![
                "created price cantila_pro_month_cpu".to_owned(),
                replaced("cantila_pro_month_cpu", "price_5"),
            ],
        ),
        (
            "cpu = 10",
            "cpu = 11",
            vec![
                "created price cantila_pro_month_cpu".to_owned(),
                replaced("cantila_pro_month_cpu", "price_5"),
            ],
        ),
        (
            "included = { cpu = 10 }",
            "",
            vec![
                removed("cantila_pro_month_cpu", "price_5"),
                "archived meter product cpu (prod_3)".to_owned(),
            ],
        ),
        ("unit = \"h\"", "unit = \"hour\"", vec!["updated meter product cpu (prod_3)".to_owned()]),
        ("\"Pro\"", "\"Pro!\"", vec!["updated product pro (prod_1)".to_owned()]),
        ("\"sales\"", "\"someone\"", vec!["updated product dedicated (prod_2)".to_owned()]),
        (
            "\"CPU\"",
            "\"Processors\"",
            vec![
                "updated meter cpu (mtr_0)".to_owned(),
                "updated meter product cpu (prod_3)".to_owned(),
            ],
        ),
    ];
    for (from, to, expected) in cases {
        let changeset = plan_changes(
            &catalog(&FILE.replacen(from, to, usize::from(!from.is_empty()))),
            &applied(),
        )
        .expect("no conflict");
        assert_eq!(lines(&changeset), expected, "{from} to {to}");
    }
}

#[test]
fn removed_plan_is_archived_and_a_returning_plan_is_activated() {
    let without: String = FILE.split("[[plans]]").take(1).collect::<String>()
        + "[[plans]]"
        + FILE.split("[[plans]]").nth(2).expect("two plans");
    let changeset = plan_changes(&catalog(&without), &applied()).expect("no conflict");
    assert_eq!(
        lines(&changeset),
        [
            "archived price cantila_pro_month (price_4)",
            "archived price cantila_pro_month_cpu (price_5)",
            "archived product pro (prod_1)",
            "archived meter product cpu (prod_3)",
        ]
    );
    let back = plan_changes(&catalog(FILE), &apply(applied(), &changeset)).expect("no conflict");
    assert_eq!(
        lines(&back),
        [
            "updated product pro (prod_1)",
            "updated meter product cpu (prod_3)",
            "updated price cantila_pro_month (price_4)",
            "updated price cantila_pro_month_cpu (price_5)",
        ]
    );
}

#[test]
fn price_from_the_dashboard_is_archived() {
    let mut state = applied();
    let mut stray = state.prices[0].clone();
    (stray.id, stray.lookup_key) = ("price_stray".to_owned(), None);
    state.prices.push(stray);
    let changeset = plan_changes(&catalog(FILE), &state).expect("no conflict");
    assert_eq!(lines(&changeset), ["archived price without a lookup key (price_stray)"]);
}

#[test]
fn price_with_a_previous_amount_names_the_previous_price() {
    let dearer = catalog(&FILE.replace("35.00", "36.00"));
    let state = apply(applied(), &plan_changes(&dearer, &applied()).expect("no conflict"));
    let changeset = plan_changes(&catalog(FILE), &state).expect("no conflict");
    let new = changeset.changes.iter().find_map(|change| match change {
        Change::CreatePrice(new) => Some(new),
        _ => None,
    });
    let new = new.expect("a new price");
    assert_eq!(
        (new.replaces.as_deref(), new.equals.as_slice()),
        (Some("price_6"), &["price_4".to_owned()][..])
    );
}

#[test]
fn inactive_meter_is_reactivated_and_meter_with_another_formula_is_a_conflict() {
    let mut state = applied();
    state.meters[0].active = false;
    assert_eq!(
        lines(&plan_changes(&catalog(FILE), &state).expect("no conflict")),
        ["updated meter cpu (mtr_0)"]
    );
    state.meters[0].sums = false;
    assert_eq!(
        plan_changes(&catalog(FILE), &state)
            .expect("no conflict")
            .changes
            .iter()
            .filter(|change| matches!(change, Change::CreateMeter(_)))
            .count(),
        1
    );
    state.meters[0].active = true;
    let conflict = plan_changes(&catalog(FILE), &state).expect_err("a conflict").to_string();
    assert!(conflict.contains("mtr_0"), "{conflict}");
}

#[test]
fn two_active_products_of_one_plan_are_a_conflict() {
    let mut state = applied();
    let second = ActualProduct { id: "prod_9".to_owned(), ..state.products[0].clone() };
    state.products.insert(0, second);
    let conflict = plan_changes(&catalog(FILE), &state).expect_err("a conflict").to_string();
    assert!(conflict.contains("prod_9") && conflict.contains("prod_1"), "{conflict}");
    state.products[0].active = false;
    assert_eq!(
        lines(&plan_changes(&catalog(FILE), &state).expect("no conflict")),
        Vec::<String>::new()
    );
}

/// Returns the state after the catalog was applied without products of meters, as older versions did:
/// `mtr_0`, `prod_1`, `prod_2`, `price_3`, `price_4`.
fn applied_before() -> StripeState {
    let before = FILE.replace("currency = \"usd\"", "currency = \"usd\"\nmeter_products = false");
    let empty = StripeState::default();
    let changeset = plan_changes(&catalog(&before), &empty).expect("no conflict");
    let state = apply(empty, &changeset);
    let again = plan_changes(&catalog(&before), &state).expect("no conflict");
    assert_eq!(lines(&again), Vec::<String>::new());
    state
}

#[test]
fn older_catalog_gets_products_of_meters_and_keeps_its_base_prices() {
    let expected = "\
+ meter product cpu
    name                  \"CPU\"
    unit_label            \"h\"
~ price cantila_pro_month_cpu: replaces price_4
    plan                  none → \"pro\"
    unit                  \"h\" → none
    product               plan pro → meter cpu
    + a new price is created and takes the lookup key
    - price_4 is archived; 12 subscriptions stay on it

1 to create, 1 to replace, 0 to update, 0 to archive, 4 unchanged";
    assert_eq!(printed(FILE, &applied_before()), expected);
    let changeset = plan_changes(&catalog(FILE), &applied_before()).expect("no conflict");
    let state = apply(applied_before(), &changeset);
    let again = plan_changes(&catalog(FILE), &state).expect("no conflict");
    assert_eq!(lines(&again), Vec::<String>::new());
}

#[test]
fn labels_of_a_price_are_those_of_the_file() {
    let mut state = applied();
    state.prices[0].labels.plan = Some("agency".to_owned());
    state.prices[1].labels.plan = None;
    let changeset = plan_changes(&catalog(FILE), &state).expect("no conflict");
    let expected = [
        "updated price cantila_pro_month (price_4)",
        "updated price cantila_pro_month_cpu (price_5)",
    ];
    assert_eq!(lines(&changeset), expected);
    let again = plan_changes(&catalog(FILE), &apply(state, &changeset)).expect("no conflict");
    assert_eq!(lines(&again), Vec::<String>::new());
}

#[test]
fn stray_price_is_archived_if_it_names_a_plan() {
    let archived = ["archived price without a lookup key (price_stray)"];
    for (product, plan, expected) in [
        ("prod_3", None, &archived[..0]),
        ("prod_3", Some("pro"), &archived[..]),
        ("prod_of_another_program", Some("pro"), &archived[..]),
        ("prod_1", None, &archived[..]),
    ] {
        let mut state = applied();
        let mut stray = state.prices[1].clone();
        (stray.id, stray.lookup_key) = ("price_stray".to_owned(), None);
        stray.product = product.to_owned();
        stray.labels.plan = plan.map(str::to_owned);
        state.prices.push(stray);
        let changeset = plan_changes(&catalog(FILE), &state).expect("no conflict");
        assert_eq!(lines(&changeset), expected, "{product} {plan:?}");
    }
}

#[test]
fn plan_is_printed_as_a_diff() {
    let file = FILE
        .replace("35.00", "36.00")
        .replace("cpu = 10", "cpu = 20")
        .replace("\"Pro\"", "\"Pro!\"")
        .replace("month =", "year = { usd = \"360.00\" }\nmonth =")
        + "[portal]\nheadline = \"H\"\ninvoice_history = true\npayment_method_update = true\nsubscription_cancel = \"off\"\n";
    let state = applied();
    let without: String = file.replace("tier = \"dedicated\"", "tier = \"metal\"");
    let expected = "\
~ product pro (prod_1)
    name                  \"Pro\" → \"Pro!\"
+ product metal
    name                  \"Dedicated\"
    description           \"d\"
    contact               \"sales\"
~ price cantila_pro_month: replaces price_4
    amount                35.00 USD → 36.00 USD
    + a new price is created and takes the lookup key
    - price_4 is archived; 12 subscriptions stay on it
~ price cantila_pro_month_cpu: replaces price_5
    included              10 → 20
    + a new price is created and takes the lookup key
    - price_5 is archived; 12 subscriptions stay on it
+ price cantila_pro_year
    amount                360.00 USD
+ price cantila_pro_year_cpu
    included              240
    unit_amount           0.012 USD
    plan                  \"pro\"
    meter                 \"cpu\"
- product dedicated (prod_2)
    not in the file: archived; existing subscriptions keep it
+ portal configuration
    headline              \"H\"
    invoice_history       on
    payment_method_update on
    subscription_cancel   off
    subscription_update   off

4 to create, 2 to replace, 1 to update, 1 to archive, 2 unchanged";
    assert_eq!(printed(&without, &state), expected);
    assert_eq!(printed(FILE, &applied()), "no differences: Stripe holds this catalog (6 objects)");
}

#[test]
fn lookup_key_of_a_foreign_price_is_a_conflict() {
    let mut state = applied();
    state.foreign.push(ForeignPrice {
        lookup_key: "cantila_pro_month".to_owned(),
        price: "price_x".to_owned(),
        product: "prod_x".to_owned(),
    });
    let conflict = plan_changes(&catalog(FILE), &state).expect_err("a conflict").to_string();
    assert!(
        ["cantila_pro_month", "price_x", "prod_x"].iter().all(|name| conflict.contains(name)),
        "{conflict}"
    );
}

#[test]
fn portal_is_created_adopted_updated_or_kept() {
    let file = format!(
        "{FILE}[portal]\ninvoice_history = true\npayment_method_update = true\nsubscription_cancel = \"off\"\n"
    );
    let changes =
        |actual: &StripeState| lines(&plan_changes(&catalog(&file), actual).expect("no conflict"));
    assert_eq!(changes(&applied()), ["created portal configuration"]);
    let desired = catalog(&file).portal.expect("there");
    let mut state = applied();
    state.portals.push(PortalConfiguration {
        id: "bpc_1".to_owned(),
        active: true,
        is_default: true,
        is_managed: false,
        portal: desired,
    });
    assert_eq!(
        changes(&state),
        ["updated portal configuration (bpc_1)"],
        "it becomes the managed one"
    );
    state.portals[0].is_managed = true;
    assert_eq!(changes(&state), Vec::<String>::new());
    state.portals[0].portal.subscription_update = true;
    assert_eq!(changes(&state), ["updated portal configuration (bpc_1)"]);
    state.portals[0].portal.subscription_update = false;
    state.portals[0].active = false;
    assert_eq!(changes(&state), ["updated portal configuration (bpc_1)"]);
    assert_eq!(
        lines(&plan_changes(&catalog(FILE), &state).expect("no conflict")),
        Vec::<String>::new()
    );
}
