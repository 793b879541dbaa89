//! Tests of the catalog file's validation.

use super::*;
use crate::catalog::desired::{CancelMode, Charge, Portal, Price};
use crate::catalog::parse::parse;

const SHIPPED: &str = include_str!("../../../../catalog.toml");

fn price<'a>(catalog: &'a Catalog, key: &str) -> &'a Price {
    catalog
        .plans
        .iter()
        .flat_map(|plan| &plan.prices)
        .find(|price| price.lookup_key == key)
        .expect(key)
}

fn usd() -> Currency {
    "usd".parse().expect("a currency")
}

#[test]
fn shipped_catalog_has_the_documented_plans() {
    let catalog = parse(SHIPPED).expect("valid");
    let tiers: Vec<&str> = catalog.plans.iter().map(|plan| plan.tier.as_str()).collect();
    assert_eq!(tiers, ["hobby", "starter", "pro", "agency", "dedicated"]);
    for (tier, month, year) in [
        ("hobby", 0, 0),
        ("starter", 1_000, 10_000),
        ("pro", 3_500, 35_000),
        ("agency", 9_900, 99_000),
    ] {
        let fee =
            |interval: &str| price(&catalog, &format!("cantila_{tier}_{interval}")).charges[&usd()];
        assert_eq!(
            (fee("month"), fee("year")),
            (Charge::Flat(month.into()), Charge::Flat(year.into())),
            "{tier}"
        );
    }
    let dedicated = catalog.plans.last().expect("five plans");
    assert_eq!(dedicated.contact.as_deref(), Some("sales@cantila.example"));
    assert!(dedicated.prices.is_empty());
    assert_eq!(catalog.plans.iter().map(|plan| plan.prices.len()).sum::<usize>(), 4 * 2 * 6);
}

#[test]
fn unit_prices_are_exact_and_a_year_includes_twelve_months() {
    let catalog = parse(SHIPPED).expect("valid");
    for (meter, unit) in
        [("cpu", "1.2"), ("ram", "0.6"), ("egress", "4"), ("storage", "1.8"), ("database", "18")]
    {
        let charge = |interval: &str| {
            price(&catalog, &format!("cantila_pro_{interval}_{meter}")).charges[&usd()]
        };
        let (
            Charge::Beyond { included: month, unit: a },
            Charge::Beyond { included: year, unit: b },
        ) = (charge("month"), charge("year"))
        else {
            panic!("{meter} has an allowance");
        };
        assert_eq!((a.to_string().as_str(), b, year), (unit, a, 12 * month), "{meter}");
    }
}

#[test]
fn allowances_grow_with_the_tier() {
    let catalog = parse(SHIPPED).expect("valid");
    for meter in &catalog.meters {
        let included: Vec<u64> = ["hobby", "starter", "pro", "agency"]
            .iter()
            .map(|tier| {
                match price(&catalog, &format!("cantila_{tier}_month_{}", meter.name)).charges
                    [&usd()]
                {
                    Charge::Beyond { included, .. } => included,
                    Charge::Flat(_) => 0,
                }
            })
            .collect();
        assert!(included.is_sorted_by(|a, b| a < b), "{} {included:?}", meter.name);
    }
}

/// Returns a file with five lines before the plan, so that tests know the line of a fault.
fn small(overage: &str, plan: &str) -> String {
    format!(
        "currency = \"usd\"\nmeters = [{{ name = \"cpu\", event_name = \"e\", display_name = \"CPU\", unit = \"h\" }}]\n[overage]\n{overage}\n[[plans]]\n{plan}\n"
    )
}

const PRO: &str = "tier = \"pro\"\nname = \"Pro\"\ndescription = \"d\"";

#[test]
fn meter_without_an_allowance_is_charged_from_the_first_unit() {
    let catalog = parse(&small(
        "cpu.usd = \"0.012\"",
        &format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = 0"),
    ))
    .expect("valid");
    assert_eq!(
        price(&catalog, "cantila_pro_month_cpu").charges[&usd()],
        Charge::Flat(Decimal::new(12, 1))
    );
    assert_eq!(catalog.plans[0].prices.len(), 2, "no yearly price");
}

#[test]
fn metered_price_is_on_its_meters_product_unless_the_file_says_otherwise() {
    let plan = format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = 0");
    let file = small("cpu.usd = \"0.012\"", &plan);
    let named = |name: &str| Some(name.to_owned());
    let own = (
        Owner::Meter("cpu".to_owned()),
        Labels { plan: named("pro"), meter: named("cpu"), unit: None },
    );
    let older = (
        Owner::Plan("pro".to_owned()),
        Labels { plan: None, meter: named("cpu"), unit: named("h") },
    );
    for (line, (product, labels), products) in [
        ("", &own, 2),
        ("meter_products = true\n", &own, 2),
        ("meter_products = false\n", &older, 1),
    ] {
        let catalog = parse(&format!("{line}{file}")).expect("valid");
        let usage = price(&catalog, "cantila_pro_month_cpu");
        assert_eq!((&usage.product, &usage.labels), (product, labels), "{line}");
        assert_eq!(catalog.products().len(), products, "{line}");
    }
    let wrong = parse(&format!("meter_products = 1\n{file}")).expect_err("a fault");
    assert_eq!(wrong, ["1:18: expected true or false, found a number"]);
}

#[test]
fn unit_of_a_meters_product_has_at_most_12_characters() {
    let plan = format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = 0");
    let file = |unit: &str| {
        small("cpu.usd = \"0.012\"", &plan).replace("unit = \"h\"", &format!("unit = \"{unit}\""))
    };
    assert!(parse(&file("vCore-minute")).is_ok());
    let faults = parse(&file("vCore-minutes")).expect_err("a fault");
    let reason = "Stripe prints units of at most 12 characters on invoices; shorten this one";
    assert_eq!(faults, [format!("2:74: {reason}")]);
    assert!(parse(&format!("meter_products = false\n{}", file("vCore-minutes"))).is_ok());
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    let plan = format!(
        "{PRO}\nmonth = {{ usd = \"10\", jpy = \"1500\", kwd = \"3.050\", isk = \"1400\" }}"
    );
    let catalog = parse(&small(
        "cpu = { usd = \"1\", jpy = \"1.5\", kwd = \"0.001\", isk = \"2.5\" }",
        &plan,
    ))
    .expect("valid");
    let base = price(&catalog, "cantila_pro_month");
    for (code, minor) in [("usd", 1_000), ("jpy", 1_500), ("kwd", 3_050), ("isk", 140_000)] {
        assert_eq!(
            base.charges[&code.parse().expect("a currency")],
            Charge::Flat(minor.into()),
            "{code}"
        );
    }
    assert_eq!(base.currency, usd());
}

#[test]
fn invalid_values_are_refused_with_line_and_reason() {
    let cpu = "cpu.usd = \"0.012\"";
    let cases = [
        (small(cpu, &format!("{PRO}\nprice = 3")), 9, "unknown field `price`"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = 10.5")),
            9,
            "expected an amount in quotes, for example \"10.00\", found a number",
        ),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = 10")),
            9,
            "expected an amount in quotes, for example \"10.00\", found a number",
        ),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"10.005\"")),
            9,
            "more decimals than the 2 of usd",
        ),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"-1.00\"")), 9, "is not an amount"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"1e3\"")), 9, "is not an amount"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"1_000\"")), 9, "is not an amount"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"\"")), 9, "is not an amount"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"1000000.00\"")),
            9,
            "more than Stripe can charge",
        ),
        (small(cpu, &format!("{PRO}\nmonth.dollars = \"1\"")), 9, "is not a currency"),
        (small(cpu, &format!("{PRO}\nmonth.xyz = \"1\"")), 9, "is not a currency"),
        (small(cpu, &format!("{PRO}\nmonth.eur = \"1\"")), 4, "no amount in eur"),
        (small(cpu, &format!("{PRO}\nmonth = {{}}")), 9, "no amount in usd"),
        (
            small("", &format!("{PRO}\nmonth = {{ usd = \"1\", isk = \"0.50\" }}")),
            9,
            "not an amount that Stripe can charge in isk",
        ),
        (
            small("", &format!("{PRO}\nmonth = {{ usd = \"1\", kwd = \"0.005\" }}")),
            9,
            "not an amount that Stripe can charge in kwd",
        ),
        (
            small("", &format!("{PRO}\nmonth = {{ usd = \"1\", jpy = \"0.5\" }}")),
            9,
            "more decimals than the 0 of jpy",
        ),
        (small(cpu, PRO), 6, "nobody can buy it"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"1\"\ncontact = \"x\"")),
            10,
            "a contact is sales-led",
        ),
        (small(cpu, &format!("{PRO}\nincluded.cpu = 1\ncontact = \"x\"")), 10, "includes no units"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"1\"\nincluded.gpu = 1")),
            10,
            "there is no meter \"gpu\"",
        ),
        (
            small("", &format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = 1")),
            10,
            "has no amount for \"cpu\"",
        ),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = -1")), 10, "0 or more"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = 99999999999")),
            10,
            "can include at most",
        ),
        (small("gpu.usd = \"1\"", PRO), 4, "there is no meter \"gpu\""),
        (small("cpu.usd = \"0.000000000000001\"", PRO), 4, "more decimals than Stripe accepts"),
        (
            small(cpu, &format!("{PRO}\ncontact = \"x\"\n[[plans]]\n{PRO}\ncontact = \"x\"")),
            11,
            "two plans have the tier \"pro\"",
        ),
        (small(cpu, "tier = \"Pro\"\nname = \"Pro\"\ndescription = \"d\""), 6, "is not a name"),
        (
            small(cpu, "tier = \"pro\"\nname = \" \"\ndescription = \"d\"\ncontact = \"x\""),
            7,
            "1 to 250 characters",
        ),
        (small(cpu, "tier = \"pro\"\nname = \"Pro\""), 5, "missing field `description`"),
        ("currency = \"USD\"\nplans = []".to_owned(), 1, "is not a currency"),
        ("currency = \"usd\"\nplans = [".to_owned(), 2, ""),
    ];
    for (text, line, reason) in cases {
        let faults = parse(&text).expect_err(&text);
        let is_it =
            |fault: &String| fault.starts_with(&format!("{line}:")) && fault.contains(reason);
        assert!(faults.iter().any(is_it), "{line}: {reason} in {faults:?} for\n{text}");
    }
}

#[test]
fn all_faults_are_reported_with_line_and_column() {
    let text = "\
currency = \"xyz\"
colour = 1
meters = [{ name = \"cpu\", event_name = \"e e\", unit = \"h\" }]
[overage]
cpu.usd = 0.012
gpu.usd = \"1\"
[[plans]]
tier = \"pro\"
name = 3
description = \"d\"
month.usd = \"1.005\"
included.cpu = -1
[[plans]]
tier = \"pro\"
name = \"Pro\"
description = \"d\"
year.usd = \"1\"
[portal]
headline = \"\"
invoice_history = \"yes\"
payment_method_update = true
subscription_cancel = \"later\"
subscription_update = true
privacy_policy_url = \"http://a.example\"
customer_update = [\"email\", \"email\", \"hat\"]
";
    let starts = [
        "1:12: \"xyz\" is not a currency of Stripe",
        "2:1: unknown field `colour`",
        "3:11: missing field `display_name`",
        "3:40: an event name must consist of letters",
        "5:11: expected an amount in quotes",
        "6:1: there is no meter \"gpu\"",
        "9:8: expected text in quotes, found a number",
        "11:13: \"1.005\" has more decimals",
        "12:16: expected a whole number",
        "14:8: two plans have the tier \"pro\"",
        "19:12: the text must have 1 to 250",
        "20:19: expected true or false, found text",
        "22:23: \"later\" is not one of",
        "23:23: the portal cannot change plans",
        "24:22: \"http://a.example\" is not an https URL",
        "25:29: \"email\" is listed twice",
        "25:38: \"hat\" is not one of",
    ];
    let faults = parse(text).expect_err("seventeen faults");
    for start in starts {
        assert!(faults.iter().any(|fault| fault.starts_with(start)), "{start} in {faults:#?}");
    }
    let lines: Vec<u32> = faults
        .iter()
        .map(|fault| fault.split(':').next().expect("a line").parse().expect("a number"))
        .collect();
    assert!(lines.is_sorted(), "{faults:#?}");
}

#[test]
fn syntax_errors_are_reported_with_other_faults() {
    let faults =
        parse("currency = \"usd\"\ncurrency = \"eur\"\nname = \nplans = 3\n").expect_err("faults");
    for start in ["2:1: ", "3:", "4:9: expected an array"] {
        assert!(faults.iter().any(|fault| fault.starts_with(start)), "{start} in {faults:#?}");
    }
}

#[test]
fn two_plans_with_equal_prices_and_allowances_are_a_fault() {
    let cpu = "cpu.usd = \"0.012\"";
    let two = |month: &str, cpus: u32| {
        let plan = |tier: &str, month: &str, cpus: u32| {
            format!(
                "tier = \"{tier}\"\nname = \"N\"\ndescription = \"d\"\nmonth.usd = \"{month}\"\nincluded.cpu = {cpus}\n"
            )
        };
        parse(&small(cpu, &format!("{}[[plans]]\n{}", plan("a", "1", 1), plan("b", month, cpus))))
    };
    let faults = two("1.00", 1).expect_err("alike");
    assert_eq!(faults, ["12:8: \"b\" costs and includes the same as \"a\"; remove one of them"]);
    assert!(two("1", 2).is_ok());
    assert!(two("2", 1).is_ok());
}

#[test]
fn portal_is_optional_and_read_with_all_its_fields() {
    let plans = "currency = \"usd\"\nplans = []\n";
    assert_eq!(parse(plans).expect("valid").portal, None);
    let portal = "[portal]\ninvoice_history = true\npayment_method_update = false\n";
    for (cancel, expected) in [
        ("off", None),
        ("at_period_end", Some(CancelMode::AtPeriodEnd)),
        ("immediately", Some(CancelMode::Immediately)),
    ] {
        let text = format!(
            "{plans}{portal}subscription_cancel = \"{cancel}\"\nheadline = \"H\"\ncustomer_update = [\"name\", \"email\"]\n"
        );
        let portal = parse(&text).expect("valid").portal.expect("there");
        assert_eq!(
            portal,
            Portal {
                headline: Some("H".to_owned()),
                invoice_history: true,
                subscription_cancel: expected,
                customer_update: ["email", "name"].map(str::to_owned).into(),
                ..Portal::default()
            }
        );
    }
}
