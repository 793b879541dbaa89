//! The subscription that a process of summary last saw makes it faster and never changes its response.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::lone::Lone;
use crate::posts::{Payer, Start, with};
use crate::stripe::text;

cases![
    known_subscription_takes_one_round_trip,
    changed_subscription_gets_the_response_of_a_new_process,
];

fn ask(function: &mut Lone<'_>, payer: &Payer) -> Response {
    let response = function.get(&[("authorization", &format!("Bearer {}", payer.account.key))]);
    assert_eq!(response.status, 200, "{}", response.body);
    response
}

/// Returns the number of calls of Stripe, from `server-timing`.
fn calls(response: &Response) -> u32 {
    let timing = response.header("server-timing");
    let count = timing.split("count=").nth(1).expect("a count of calls");
    let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn known_subscription_takes_one_round_trip(harness: &Harness) {
    let payer = harness.payer("foreseen", Start::on("pro"));
    let mut function = Lone::start(harness, "summary", &[]);
    let first = ask(&mut function, &payer);
    let list = json!({ "path": "/v1/subscriptions", "method": "GET" });
    let late = with(&with(&list, "kind", "latency"), "delay_ms", 500);
    let _late = harness.break_stripe(&late);
    let again = ask(&mut function, &payer);
    // Newest first: Stripe responded to the preview before the delayed list.
    let answered = harness.sandbox("GET", "/requests", &Value::Null);
    let answered = answered["requests"].as_array().expect("a list");
    let newest = |path: &str| {
        let is_it = |entry: &Value| entry["path"].as_str().is_some_and(|at| at.contains(path));
        answered.iter().position(is_it).expect("it was asked for")
    };
    assert!(newest("create_preview") > newest("/subscriptions"), "{answered:#?}");
    assert_eq!((calls(&again), &again.body), (calls(&first), &first.body));
}

fn changed_subscription_gets_the_response_of_a_new_process(harness: &Harness) {
    let payer = harness.payer("foreseen-otherwise", Start::on("pro"));
    let mut function = Lone::start(harness, "summary", &[]);
    let same = calls(&ask(&mut function, &payer));
    let as_a_new_one = |function: &mut Lone<'_>| {
        let response = ask(function, &payer);
        assert_eq!(response.body, ask(&mut Lone::start(harness, "summary", &[]), &payer).body);
        (response.json()["plan"].clone(), calls(&response))
    };
    // An ended subscription is not stored; the next one is.
    let path = format!("/subscriptions/{}", payer.subscription);
    let key = format!("Bearer {}", harness.about().stripe_key);
    let url = format!("{}/v1{path}", harness.about().stripe_url);
    harness.exchange("DELETE", &url, &[("authorization", &key)], "");
    let (plan, _) = as_a_new_one(&mut function);
    assert_eq!(plan, "hobby");
    let prices = harness.prices("agency", "month");
    let names: Vec<_> = (0..prices.len()).map(|index| format!("items[{index}][price]")).collect();
    let mut form = vec![("customer", &*payer.customer.id)];
    form.extend(names.iter().zip(&prices).map(|(name, price)| (&**name, &**price)));
    let second = text(&harness.stripe_post("/subscriptions", &form), "id");
    assert_eq!(as_a_new_one(&mut function), (Value::from("agency"), same));
    // Replaced between two requests: the preview of the stored subscription is discarded.
    let url = format!("{}/v1/subscriptions/{second}", harness.about().stripe_url);
    harness.exchange("DELETE", &url, &[("authorization", &key)], "");
    harness.stripe_post("/subscriptions", &form);
    let (plan, count) = as_a_new_one(&mut function);
    assert_eq!(plan, "agency");
    assert!(count > same, "the stored subscription was not previewed");
}
