//! Whether an answer takes longer where there is more: invoices of the account, keys in the table, prices
//! in the catalogue.

use serde::Serialize;
use serde_json::{Value, json};
use shared::Scope;

use crate::error::{Error, Result};
use crate::process::Running;
use crate::stage::{Stage, event};
use crate::stats::median;
use crate::subject::{Kind, Subject, function};

const DAY: u32 = 86_400;

/// Requests at each size.
const REQUESTS: usize = 60;

/// Processes at each size, where only a process's first request is meant.
const PROCESSES: usize = 15;

/// What there can be more and more of.
pub const INVOICES: &str = "invoices of the account";
pub const KEYS: &str = "keys in the table";
pub const PRICES: &str = "prices in the catalogue";

/// How one thing grows with another.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// What is measured.
    pub what: &'static str,
    /// What there is more and more of.
    pub of: &'static str,
    pub points: Vec<Point>,
}

/// One size.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub size: u64,
    pub ms: f64,
    /// Microseconds on a processor, where that can be told apart.
    pub cpu_us: Option<f64>,
    /// Calls of Stripe.
    pub stripe_calls: usize,
}

impl Growth {
    /// How many times as long the largest takes as the smallest.
    pub fn times(&self) -> f64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => last.ms / first.ms,
            _ => f64::NAN,
        }
    }
}

/// All of it. The catalogue comes last: what it leaves is not what anything else is measured with.
pub fn measure(stage: &Stage, progress: fn(&str)) -> Result<Vec<Growth>> {
    progress("growth: invoices of an account");
    let mut all = invoices(stage)?;
    progress("growth: keys in the table");
    all.push(keys(stage)?);
    progress("growth: prices in the catalogue");
    all.extend(catalogue(stage)?);
    Ok(all)
}

fn start(stage: &Stage, name: &str) -> Result<Running> {
    Running::start(stage, &Subject { kind: Kind::Ours, function: function(name) })
}

/// Asks in turn, so that whatever else the machine does falls on all sizes alike.
fn in_turn(stage: &Stage, running: &mut Running, events: &[(u64, Value)]) -> Result<Vec<Point>> {
    let mut times = vec![(Vec::new(), Vec::new()); events.len()];
    for round in 0..REQUESTS + 5 {
        for ((_, event), (wall, cpu)) in events.iter().zip(&mut times) {
            let before = running.cpu_nanos()?;
            let (took, _) = running.invoke(event)?;
            let nanos = std::time::Duration::from_nanos(running.cpu_nanos()? - before);
            // The first ones open connections and fill caches.
            if round >= 5 {
                wall.push(took.as_secs_f64() * 1e3);
                cpu.push(nanos.as_secs_f64() * 1e6);
            }
        }
    }
    let mut points = Vec::new();
    for ((size, event), (wall, cpu)) in events.iter().zip(&times) {
        let (_, newest) = stage.stripe_calls("")?;
        running.invoke(event)?;
        let stripe_calls = stage.stripe_calls(&newest)?.0.len();
        let (ms, cpu_us) = (median(wall), Some(median(cpu)));
        points.push(Point { size: *size, ms, cpu_us, stripe_calls });
    }
    Ok(points)
}

fn id(made: &Value) -> Result<String> {
    let id = made["id"].as_str().map(str::to_owned);
    id.map_or_else(|| Error::wrong(format!("no id in {made}")), Ok)
}

fn price(stage: &Stage, form: &str) -> Result<String> {
    id(&stage.stripe("POST", "/v1/prices", form)?)
}

/// A page of ten at the start of the list, and one in the middle.
fn invoices(stage: &Stage) -> Result<Vec<Growth>> {
    let product = id(&stage.stripe("POST", "/v1/products", "name=Daily")?)?;
    let daily = format!("product={product}&currency=usd&unit_amount=500&recurring[interval]=day");
    let daily = price(stage, &daily)?;
    let card = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa";
    let mut accounts = Vec::new();
    // An invoice a day: each account has those of the days since it began.
    for (size, days) in [(10_000, 9_000), (1_000, 900), (100, 90), (10, 9)] {
        let customer = id(&stage.stripe("POST", "/v1/customers", card)?)?;
        let form = format!("customer={customer}&items[0][price]={daily}");
        stage.stripe("POST", "/v1/subscriptions", &form)?;
        accounts.push((size, stage.create_account(&format!("with-{size}-invoices"), &customer)?));
        let seconds = json!({ "advance_seconds": DAY * days });
        stage.stripe("POST", "/_sandbox/clock", &seconds.to_string())?;
    }
    // A renewal's invoice is a draft for an hour.
    let hours = json!({ "advance_seconds": 2 * 3_600 });
    stage.stripe("POST", "/_sandbox/clock", &hours.to_string())?;
    accounts.reverse();
    let function = function("invoices");
    let mut running = start(stage, "invoices")?;
    // With a status Stripe is asked for a page and no more, whatever there is.
    let page = "limit=10&status=paid";
    let first = |key: &str| event(function, key, page, "");
    let firsts: Vec<_> =
        accounts.iter().map(|(size, account)| (*size, first(&account.keys.read))).collect();
    let mut middles = Vec::new();
    for (size, account) in accounts.iter().filter(|(size, _)| *size > 10) {
        let cursor = middle(&mut running, &account.keys.read, *size)?;
        let query = format!("{page}&cursor={cursor}");
        middles.push((*size, event(function, &account.keys.read, &query, "")));
    }
    let of = INVOICES;
    Ok(vec![
        Growth { what: "first page", of, points: in_turn(stage, &mut running, &firsts)? },
        Growth { what: "page in the middle", of, points: in_turn(stage, &mut running, &middles)? },
    ])
}

/// The cursor that half of the invoices lie before.
fn middle(running: &mut Running, key: &str, size: u64) -> Result<String> {
    let (mut cursor, mut seen) = (String::new(), 0);
    while seen < size / 2 {
        let step = (size / 2 - seen).min(100);
        let query = format!("limit={step}&status=paid{cursor}");
        let (_, answer) = running.invoke(&event(function("invoices"), key, &query, ""))?;
        let Some(next) = answer.json()["nextCursor"].as_str().map(str::to_owned) else {
            return Error::wrong(format!("there are no {size} invoices: {}", answer.body));
        };
        cursor = format!("&cursor={next}");
        seen += step;
    }
    Ok(cursor.trim_start_matches("&cursor=").to_owned())
}

/// The look-up of a key that the process does not know yet, by the answer's own `server-timing`.
fn keys(stage: &Stage) -> Result<Growth> {
    let function = function("invoices");
    let key = stage.key("metered", Scope::Read)?;
    let event = event(function, &key, "limit=1", "");
    let table = stage.about().table.clone();
    stage.front.repeats(false);
    let mut points = Vec::new();
    for count in [1, 1_000, 100_000, 1_000_000_u64] {
        let path = format!("/_bench/keys?table={table}&count={count}");
        let size = stage.moto("POST", &path, "")?["keys"].as_u64().unwrap_or_default();
        let mut times = Vec::new();
        for _ in 0..PROCESSES {
            let (_, answer) = start(stage, "invoices")?.invoke(&event)?;
            times.push(auth_ms(answer.header("server-timing"))?);
        }
        points.push(Point { size, ms: median(&times), cpu_us: None, stripe_calls: 0 });
    }
    stage.front.repeats(true);
    Ok(Growth { what: "looking a key up", of: KEYS, points })
}

/// `auth;dur=1.2` of `total;dur=5.0, auth;dur=1.2, stripe;dur=3.1;count=1`.
fn auth_ms(header: &str) -> Result<f64> {
    let entry = header.split(", ").find_map(|entry| entry.strip_prefix("auth;dur="));
    let ms = entry.and_then(|value| value.parse().ok());
    ms.map_or_else(|| Error::wrong(format!("no time of auth in {header:?}")), Ok)
}

/// Plans of ten prices each: two base fees, and four meters in both intervals.
fn catalogue(stage: &Stage) -> Result<Vec<Growth>> {
    retire(stage)?;
    let meters = stage.stripe("GET", "/v1/billing/meters", "")?;
    let meters: Vec<String> =
        meters["data"].as_array().into_iter().flatten().map(id).collect::<Result<_>>()?;
    let key = stage.key("metered", Scope::Read)?;
    let mut all = vec![Vec::new(), Vec::new()];
    let (mut made, mut product) = (0, String::new());
    for size in [4, 40, 400_usize] {
        while made < size {
            let (plan, place) = (made / 10, made % 10);
            if place == 0 {
                let form = format!("name=Plan {plan}&metadata[cantila_plan]=grown{plan}");
                product = id(&stage.stripe("POST", "/v1/products", &form)?)?;
            }
            price(stage, &form(&product, plan, place, &meters))?;
            made += 1;
        }
        for (points, name) in all.iter_mut().zip(["info", "summary"]) {
            let events = [(size as u64, event(function(name), &key, "", ""))];
            points.append(&mut in_turn(stage, &mut start(stage, name)?, &events)?);
        }
    }
    let name = ["info", "summary"].into_iter();
    Ok(name.zip(all).map(|(what, points)| Growth { what, of: PRICES, points }).collect())
}

fn form(product: &str, plan: usize, place: usize, meters: &[String]) -> String {
    let interval = ["month", "year"][place % 2];
    let common = format!("product={product}&currency=usd&recurring[interval]={interval}");
    match place / 2 {
        0 => format!(
            "{common}&unit_amount={}&lookup_key=cantila_grown{plan}_{interval}",
            1_000 + plan * 100
        ),
        meter => format!(
            "{common}&unit_amount=2&recurring[usage_type]=metered&recurring[meter]={}",
            meters.get(meter - 1).map_or("", String::as_str)
        ),
    }
}

/// Takes every price out of the catalogue.
fn retire(stage: &Stage) -> Result<()> {
    loop {
        let page = stage.stripe("GET", "/v1/prices?active=true&limit=100", "")?;
        let prices = page["data"].as_array().cloned().unwrap_or_default();
        if prices.is_empty() {
            return Ok(());
        }
        for price in &prices {
            stage.stripe("POST", &format!("/v1/prices/{}", id(price)?), "active=false")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_auth_is_in_the_header() {
        let header = "total;dur=5.0, auth;dur=1.2, stripe;dur=3.1;count=1";
        assert!((auth_ms(header).expect("a time") - 1.2).abs() < 1e-9);
        assert!(auth_ms("total;dur=5.0").is_err());
    }

    #[test]
    fn a_plan_has_two_base_fees_and_each_meter_in_both_intervals() {
        let meters = ["m1", "m2", "m3", "m4"].map(str::to_owned);
        let forms: std::collections::BTreeSet<_> =
            (0..10).map(|place| form("prod_1", 7, place, &meters)).collect();
        assert_eq!(forms.len(), 10);
        let with = |part: &str| forms.iter().filter(|form| form.contains(part)).count();
        assert_eq!((with("lookup_key=cantila_grown7_"), with("metered"), with("=m3")), (2, 8, 2));
    }
}
