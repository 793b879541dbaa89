//! Measures how response times grow with the account's invoices, the table's keys and the catalogue's prices.

use serde::Serialize;
use serde_json::{Value, json};
use shared::Scope;

use crate::error::{Error, Result};
use crate::keys::Keys;
use crate::process::Running;
use crate::stage::{Stage, event};
use crate::stats::median;
use crate::subject::{Kind, Subject, function};

const DAY: u32 = 86_400;

/// Measured requests at each size.
const REQUESTS: usize = 60;

/// Requests before those: they open connections and fill caches.
const WARM_UP: usize = 5;

/// Processes at each size, if only a process's first request is measured.
const PROCESSES: usize = 15;

/// Names of the growing quantities.
pub const INVOICES: &str = "invoices of the account";
pub const KEYS: &str = "keys in the table";
pub const PRICES: &str = "prices in the catalogue";

/// Growth of a response time.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// Name of the measured request.
    pub what: &'static str,
    /// Name of the growing quantity.
    pub of: &'static str,
    pub points: Vec<Point>,
}

/// Measurement at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub size: u64,
    pub ms: f64,
    /// CPU time in microseconds, if measured.
    pub cpu_us: Option<f64>,
    /// Number of calls of Stripe.
    pub stripe_calls: usize,
}

impl Growth {
    /// Returns the time at the largest size divided by the time at the smallest.
    pub fn factor(&self) -> f64 {
        match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => last.ms / first.ms,
            _ => f64::NAN,
        }
    }
}

/// Measures all growths. The catalogue comes last because it replaces the plans.
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

/// Measures the events in turn, so that other load on the machine affects all sizes alike.
fn in_turn(stage: &Stage, running: &mut Running, events: &[(u64, Value)]) -> Result<Vec<Point>> {
    let mut times = vec![(Vec::new(), Vec::new()); events.len()];
    for round in 0..WARM_UP + REQUESTS {
        for ((_, event), (wall, cpu)) in events.iter().zip(&mut times) {
            let before = running.cpu_nanos()?;
            let (took, _) = running.invoke(event)?;
            let nanos = std::time::Duration::from_nanos(running.cpu_nanos()? - before);
            if round >= WARM_UP {
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

fn id(object: &Value) -> Result<String> {
    let id = object["id"].as_str().map(str::to_owned);
    id.map_or_else(|| Error::wrong(format!("no id in {object}")), Ok)
}

fn price(stage: &Stage, form: &str) -> Result<String> {
    id(&stage.stripe("POST", "/v1/prices", form)?)
}

/// Measures the first page of ten invoices, and one in the middle of the list.
fn invoices(stage: &Stage) -> Result<Vec<Growth>> {
    let product = id(&stage.stripe("POST", "/v1/products", "name=Daily")?)?;
    let daily = format!("product={product}&currency=usd&unit_amount=500&recurring[interval]=day");
    let daily = price(stage, &daily)?;
    let card = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa";
    let mut accounts = Vec::new();
    // Each account gets an invoice a day since its start. Accounts with more invoices start earlier.
    for (size, days) in [(10_000, 9_000), (1_000, 900), (100, 90), (10, 9)] {
        let customer = id(&stage.stripe("POST", "/v1/customers", card)?)?;
        let form = format!("customer={customer}&items[0][price]={daily}");
        stage.stripe("POST", "/v1/subscriptions", &form)?;
        accounts.push((size, stage.create_account(&format!("with-{size}-invoices"), &customer)?));
        let seconds = json!({ "advance_seconds": DAY * days });
        stage.stripe("POST", "/_sandbox/clock", &seconds.to_string())?;
    }
    // Stripe finalizes a renewal's invoice after an hour.
    let hours = json!({ "advance_seconds": 2 * 3_600 });
    stage.stripe("POST", "/_sandbox/clock", &hours.to_string())?;
    accounts.reverse();
    let function = function("invoices");
    let mut running = start(stage, "invoices")?;
    // With a status filter, a page takes one request to Stripe.
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

/// Returns the cursor of the middle of the list.
fn middle(running: &mut Running, key: &str, size: u64) -> Result<String> {
    let (mut cursor, mut seen) = (String::new(), 0);
    while seen < size / 2 {
        let step = (size / 2 - seen).min(100);
        let query = format!("limit={step}&status=paid{cursor}");
        let (_, response) = running.invoke(&event(function("invoices"), key, &query, ""))?;
        let Some(next) = response.json()["nextCursor"].as_str().map(str::to_owned) else {
            return Error::wrong(format!("fewer than {size} invoices: {}", response.body));
        };
        cursor = format!("&cursor={next}");
        seen += step;
    }
    Ok(cursor.trim_start_matches("&cursor=").to_owned())
}

/// Measures the authentication of a process's first request, by the response's `server-timing`.
fn keys(stage: &Stage) -> Result<Growth> {
    let function = function("invoices");
    let key = stage.key("metered", Scope::Read)?;
    let event = event(function, &key, "limit=1", "");
    let mut keys = Keys::new(stage.dynamodb(), &stage.about().table)?;
    stage.aws.set_cache(false);
    let mut points = Vec::new();
    for count in [1, 1_000, 100_000, 1_000_000_u64] {
        let size = keys.fill(count)?;
        let mut times = Vec::new();
        for _ in 0..PROCESSES {
            let (_, response) = start(stage, "invoices")?.invoke(&event)?;
            times.push(auth_ms(response.header("server-timing"))?);
        }
        points.push(Point { size, ms: median(&times), cpu_us: None, stripe_calls: 0 });
    }
    stage.aws.set_cache(true);
    Ok(Growth { what: "looking a key up", of: KEYS, points })
}

/// Returns 1.2 for `total;dur=5.0, auth;dur=1.2, stripe;dur=3.1;count=1`.
fn auth_ms(header: &str) -> Result<f64> {
    let entry = header.split(", ").find_map(|entry| entry.strip_prefix("auth;dur="));
    let ms = entry.and_then(|value| value.parse().ok());
    ms.map_or_else(|| Error::wrong(format!("no duration of auth in {header:?}")), Ok)
}

/// Measures info and summary with catalogues of plans with ten prices each: two base prices, and four meters in both
/// intervals.
fn catalogue(stage: &Stage) -> Result<Vec<Growth>> {
    archive_prices(stage)?;
    let meters = stage.stripe("GET", "/v1/billing/meters", "")?;
    let meters: Vec<String> =
        meters["data"].as_array().into_iter().flatten().map(id).collect::<Result<_>>()?;
    let key = stage.key("metered", Scope::Read)?;
    let mut all = vec![Vec::new(), Vec::new()];
    let meters: Vec<(String, String)> = meters
        .into_iter()
        .enumerate()
        .map(|(index, meter)| {
            let form = format!("name=Meter {index}&metadata[cantila_meter]=grown{index}");
            Ok((meter, id(&stage.stripe("POST", "/v1/products", &form)?)?))
        })
        .collect::<Result<_>>()?;
    let (mut created, mut product) = (0, String::new());
    for size in [4, 40, 400_usize] {
        while created < size {
            let (plan, place) = (created / 10, created % 10);
            if place == 0 {
                let form = format!("name=Plan {plan}&metadata[cantila_plan]=grown{plan}");
                product = id(&stage.stripe("POST", "/v1/products", &form)?)?;
            }
            price(stage, &form(&product, plan, place, &meters))?;
            created += 1;
        }
        for (points, name) in all.iter_mut().zip(["info", "summary"]) {
            let events = [(size as u64, event(function(name), &key, "", ""))];
            points.append(&mut in_turn(stage, &mut start(stage, name)?, &events)?);
        }
    }
    let name = ["info", "summary"].into_iter();
    Ok(name.zip(all).map(|(what, points)| Growth { what, of: PRICES, points }).collect())
}

/// Returns the form of the plan's price number `place`. `meters` are the IDs of meters with their products.
fn form(product: &str, plan: usize, place: usize, meters: &[(String, String)]) -> String {
    let interval = ["month", "year"][place % 2];
    let common = format!("currency=usd&recurring[interval]={interval}");
    match place / 2 {
        0 => format!(
            "{common}&product={product}&unit_amount={}&lookup_key=cantila_grown{plan}_{interval}",
            1_000 + plan * 100
        ),
        number => {
            let (meter, product) = meters
                .get(number - 1)
                .map_or(("", ""), |(meter, product)| (meter.as_str(), product.as_str()));
            format!(
                "{common}&product={product}&unit_amount=2&recurring[usage_type]=metered\
                 &recurring[meter]={meter}&metadata[cantila_plan]=grown{plan}"
            )
        }
    }
}

/// Archives all prices.
fn archive_prices(stage: &Stage) -> Result<()> {
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
    fn auth_ms_reads_the_header() {
        let header = "total;dur=5.0, auth;dur=1.2, stripe;dur=3.1;count=1";
        assert!((auth_ms(header).expect("a duration") - 1.2).abs() < 1e-9);
        assert!(auth_ms("total;dur=5.0").is_err());
    }

    #[test]
    fn plan_has_two_base_prices_and_each_meter_in_both_intervals() {
        let meters = ["m1", "m2", "m3", "m4"];
        let meters = meters.map(|meter| (meter.to_owned(), format!("prod_{meter}")));
        let forms: std::collections::BTreeSet<_> =
            (0..10).map(|place| form("prod_1", 7, place, &meters)).collect();
        assert_eq!(forms.len(), 10);
        let with = |part: &str| forms.iter().filter(|form| form.contains(part)).count();
        assert_eq!(
            (with("lookup_key=cantila_grown7_"), with("metered"), with("=prod_m3&")),
            (2, 8, 2)
        );
    }
}
