//! What a catalogue file may say, and what of it is refused where.

use super::super::file::parse;
use super::super::wanted::{Cancel, Charge, Portal, Price};
use super::*;

const SHIPPED: &str = include_str!("../../../../catalog.toml");

fn price<'a>(catalogue: &'a Catalogue, key: &str) -> &'a Price {
    catalogue
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
fn the_shipped_catalogue_has_the_documented_plans() {
    let catalogue = parse(SHIPPED).expect("sound");
    let tiers: Vec<&str> = catalogue.plans.iter().map(|plan| plan.tier.as_str()).collect();
    assert_eq!(tiers, ["hobby", "starter", "pro", "agency", "dedicated"]);
    for (tier, month, year) in [
        ("hobby", 0, 0),
        ("starter", 1_000, 10_000),
        ("pro", 3_500, 35_000),
        ("agency", 9_900, 99_000),
    ] {
        let fee = |interval: &str| {
            price(&catalogue, &format!("cantila_{tier}_{interval}")).charges[&usd()]
        };
        assert_eq!(
            (fee("month"), fee("year")),
            (Charge::Flat(month.into()), Charge::Flat(year.into())),
            "{tier}"
        );
    }
    let dedicated = catalogue.plans.last().expect("five plans");
    assert_eq!(dedicated.contact.as_deref(), Some("sales@cantila.example"));
    assert!(dedicated.prices.is_empty());
    assert_eq!(catalogue.plans.iter().map(|plan| plan.prices.len()).sum::<usize>(), 4 * 2 * 6);
}

#[test]
fn unit_prices_are_exact_in_minor_units_and_a_year_includes_twelve_months() {
    let catalogue = parse(SHIPPED).expect("sound");
    for (meter, unit) in
        [("cpu", "1.2"), ("ram", "0.6"), ("egress", "4"), ("storage", "1.8"), ("database", "18")]
    {
        let charge = |interval: &str| {
            price(&catalogue, &format!("cantila_pro_{interval}_{meter}")).charges[&usd()]
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
    let catalogue = parse(SHIPPED).expect("sound");
    for meter in &catalogue.meters {
        let included: Vec<u64> = ["hobby", "starter", "pro", "agency"]
            .iter()
            .map(|tier| {
                match price(&catalogue, &format!("cantila_{tier}_month_{}", meter.name)).charges
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

/// Five lines before the plan, so that a test can say where a fault is.
fn small(overage: &str, plan: &str) -> String {
    format!(
        "currency = \"usd\"\nmeters = [{{ name = \"cpu\", event_name = \"e\", display_name = \"CPU\", unit = \"h\" }}]\n[overage]\n{overage}\n[[plans]]\n{plan}\n"
    )
}

const PRO: &str = "tier = \"pro\"\nname = \"Pro\"\ndescription = \"d\"";

#[test]
fn a_meter_without_an_allowance_is_charged_from_the_first_unit() {
    let catalogue = parse(&small(
        "cpu.usd = \"0.012\"",
        &format!("{PRO}\nmonth.usd = \"1\"\nincluded.cpu = 0"),
    ))
    .expect("sound");
    assert_eq!(
        price(&catalogue, "cantila_pro_month_cpu").charges[&usd()],
        Charge::Flat(Decimal::new(12, 1))
    );
    assert_eq!(catalogue.plans[0].prices.len(), 2, "not sold by the year");
}

#[test]
fn amounts_are_read_in_the_currencys_own_decimals() {
    let plan = format!(
        "{PRO}\nmonth = {{ usd = \"10\", jpy = \"1500\", kwd = \"3.050\", isk = \"1400\" }}"
    );
    let catalogue = parse(&small(
        "cpu = { usd = \"1\", jpy = \"1.5\", kwd = \"0.001\", isk = \"2.5\" }",
        &plan,
    ))
    .expect("sound");
    let base = price(&catalogue, "cantila_pro_month");
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
fn what_makes_no_sense_is_refused_with_its_line_and_the_reason() {
    let cpu = "cpu.usd = \"0.012\"";
    let cases = [
        (small(cpu, &format!("{PRO}\nprice = 3")), 9, "unknown field `price`"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = 10.5")),
            9,
            "expected an amount in quotes, such as \"10.00\", found a number",
        ),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = 10")),
            9,
            "expected an amount in quotes, such as \"10.00\", found a number",
        ),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"10.005\"")),
            9,
            "more decimals than the 2 of usd",
        ),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"-1.00\"")), 9, "is no amount"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"1e3\"")), 9, "is no amount"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"1_000\"")), 9, "is no amount"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"\"")), 9, "is no amount"),
        (
            small(cpu, &format!("{PRO}\nmonth.usd = \"1000000.00\"")),
            9,
            "more than Stripe charges at once",
        ),
        (small(cpu, &format!("{PRO}\nmonth.dollars = \"1\"")), 9, "is no currency"),
        (small(cpu, &format!("{PRO}\nmonth.xyz = \"1\"")), 9, "is no currency"),
        (small(cpu, &format!("{PRO}\nmonth.eur = \"1\"")), 4, "no amount in eur"),
        (small(cpu, &format!("{PRO}\nmonth = {{}}")), 9, "no amount in usd"),
        (
            small("", &format!("{PRO}\nmonth = {{ usd = \"1\", isk = \"0.50\" }}")),
            9,
            "no amount that Stripe charges in isk",
        ),
        (
            small("", &format!("{PRO}\nmonth = {{ usd = \"1\", kwd = \"0.005\" }}")),
            9,
            "no amount that Stripe charges in kwd",
        ),
        (
            small("", &format!("{PRO}\nmonth = {{ usd = \"1\", jpy = \"0.5\" }}")),
            9,
            "more decimals than the 0 of jpy",
        ),
        (small(cpu, PRO), 6, "nobody could buy it"),
        (small(cpu, &format!("{PRO}\nmonth.usd = \"1\"\ncontact = \"x\"")), 10, "sold by people"),
        (small(cpu, &format!("{PRO}\nincluded.cpu = 1\ncontact = \"x\"")), 10, "nothing included"),
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
            "can be included",
        ),
        (small("gpu.usd = \"1\"", PRO), 4, "there is no meter \"gpu\" to charge for"),
        (small("cpu.usd = \"0.000000000000001\"", PRO), 4, "more decimals than Stripe takes"),
        (
            small(cpu, &format!("{PRO}\ncontact = \"x\"\n[[plans]]\n{PRO}\ncontact = \"x\"")),
            11,
            "two plans with the tier \"pro\"",
        ),
        (small(cpu, "tier = \"Pro\"\nname = \"Pro\"\ndescription = \"d\""), 6, "is no name"),
        (
            small(cpu, "tier = \"pro\"\nname = \" \"\ndescription = \"d\"\ncontact = \"x\""),
            7,
            "1 to 250 characters",
        ),
        (small(cpu, "tier = \"pro\"\nname = \"Pro\""), 5, "missing field `description`"),
        ("currency = \"USD\"\nplans = []".to_owned(), 1, "is no currency"),
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
fn every_fault_of_a_file_is_said_at_once_with_line_and_column() {
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
        "1:12: \"xyz\" is no currency of Stripe's",
        "2:1: unknown field `colour`",
        "3:11: missing field `display_name`",
        "3:40: an event name is letters",
        "5:11: expected an amount in quotes",
        "6:1: there is no meter \"gpu\"",
        "9:8: expected text in quotes, found a number",
        "11:13: \"1.005\" has more decimals",
        "12:16: expected a whole number",
        "14:8: there are two plans with the tier \"pro\"",
        "19:12: this has to be 1 to 250",
        "20:19: expected true or false, found text",
        "22:23: \"later\" is not one of",
        "23:23: the portal cannot change plans",
        "24:22: \"http://a.example\" is no https URL",
        "25:29: \"email\" is here twice",
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
fn what_breaks_tomls_own_rules_is_said_beside_the_rest() {
    let faults =
        parse("currency = \"usd\"\ncurrency = \"eur\"\nname = \nplans = 3\n").expect_err("faults");
    for start in ["2:1: ", "3:", "4:9: expected an array"] {
        assert!(faults.iter().any(|fault| fault.starts_with(start)), "{start} in {faults:#?}");
    }
}

#[test]
fn one_offer_under_two_names_is_a_fault_and_two_offers_at_one_price_are_not() {
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
    assert_eq!(
        faults,
        ["12:8: \"b\" costs and includes just what \"a\" does; one of them is too many"]
    );
    assert!(two("1", 2).is_ok());
    assert!(two("2", 1).is_ok());
}

#[test]
fn the_portal_is_read_as_it_is_written_and_absent_where_it_is() {
    let plans = "currency = \"usd\"\nplans = []\n";
    assert_eq!(parse(plans).expect("sound").portal, None);
    let portal = "[portal]\ninvoice_history = true\npayment_method_update = false\n";
    for (cancel, expected) in [
        ("off", None),
        ("at_period_end", Some(Cancel::AtPeriodEnd)),
        ("immediately", Some(Cancel::Immediately)),
    ] {
        let text = format!(
            "{plans}{portal}subscription_cancel = \"{cancel}\"\nheadline = \"H\"\ncustomer_update = [\"name\", \"email\"]\n"
        );
        let portal = parse(&text).expect("sound").portal.expect("there");
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
