//! `bench stored`: what a stored read costs, beside one that asks Stripe.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::error::Result;
use crate::keys::call;
use crate::process::Running;
use crate::report::Table;
use crate::stage::{Stage, event};
use crate::stats::median;
use crate::subject::{Kind, Subject, function};
use crate::{document, progress};

const GETS: [&str; 4] = ["summary", "info", "invoices", "dunning"];

/// Stripe's time for a response, as Stripe takes it for a list.
const DELAY: Duration = Duration::from_millis(200);

/// Times of each measurement.
const ROUNDS: usize = 11;

/// Requests of a process between two of those.
const REQUESTS: usize = 20;

const BEGIN: &str =
    "<!-- `bench stored --write` writes what follows, up to the next comment. -->\n";
const END: &str = "<!-- Here the stored reads end. -->\n";

/// Arguments of `bench stored`
#[derive(Args)]
pub struct StoredArguments {
    /// Update the table of docs/performance.md
    #[arg(long)]
    write: bool,
}

/// Costs of one endpoint, in milliseconds if not said otherwise.
#[derive(Default)]
struct Costs {
    cold: Vec<f64>,
    miss: Vec<f64>,
    hit: Vec<f64>,
    miss_cpu: Vec<f64>,
    hit_cpu: Vec<f64>,
    /// Calls of Stripe and of AWS.
    miss_calls: (usize, usize),
    hit_calls: (usize, usize),
    peak_kib: u64,
}

/// Measures the four GETs.
pub fn run(arguments: &StoredArguments) -> Result<ExitCode> {
    let stage = Stage::start("stored", None, progress)?;
    let key = subscriber(&stage)?;
    let mut all = Vec::new();
    for name in GETS {
        progress(&format!("measuring {name}"));
        all.push((name, measure(&stage, name, &key)?));
    }
    let table = table(&all);
    println!("{}", table.plain());
    if arguments.write {
        document::replace("performance.md", (BEGIN, END), &format!("{}\n", table.markdown()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates a subscriber on no test clock, with metered prices, and returns its account's key.
fn subscriber(stage: &Stage) -> Result<String> {
    let card = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa";
    let customer = stage.stripe("POST", "/v1/customers", card)?;
    let customer = customer["id"].as_str().unwrap_or_default();
    let prices = stage.stripe("GET", "/v1/prices?active=true&limit=100", "")?;
    let is_of_plan = |price: &&Value| {
        price["lookup_key"].as_str().is_some_and(|key| key.starts_with("cantila_pro_month"))
    };
    let prices = prices["data"].as_array().into_iter().flatten().filter(is_of_plan);
    let items = prices.enumerate().map(|(number, price)| {
        format!("&items[{number}][price]={}", price["id"].as_str().unwrap_or_default())
    });
    let form = format!("customer={customer}{}", items.collect::<String>());
    stage.stripe("POST", "/v1/subscriptions", &form)?;
    Ok(stage.create_account("stored", customer)?.keys.read)
}

/// Ends the validity of all stored reads.
fn forget(stage: &Stage) -> Result<()> {
    let update = json!({
        "TableName": stage.about().table,
        "Key": { "pk": { "S": "CATALOG" }, "sk": { "S": "generation" } },
        "UpdateExpression": "ADD #number :one",
        "ExpressionAttributeNames": { "#number": "number" },
        "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    call(stage.dynamodb(), "UpdateItem", &update).map(drop)
}

fn measure(stage: &Stage, name: &str, key: &str) -> Result<Costs> {
    let subject = Subject { kind: Kind::Ours, function: function(name) };
    let event = event(subject.function, key, "", "");
    let mut costs = Costs::default();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    for _ in 0..ROUNDS {
        forget(stage)?;
        stage.delay_stripe(Some(DELAY))?;
        let mut running = Running::start(stage, &subject)?;
        let (first, _) = running.invoke(&event)?;
        costs.cold.push(ms(running.ready + first));
        forget(stage)?;
        costs.miss.push(ms(running.invoke(&event)?.0));
        costs.hit.push(ms(running.invoke(&event)?.0));
        stage.delay_stripe(None)?;
        let cpu = |running: &Running| running.cpu_nanos();
        for _ in 0..REQUESTS {
            forget(stage)?;
            for times in [&mut costs.miss_cpu, &mut costs.hit_cpu] {
                let before = cpu(&running)?;
                running.invoke(&event)?;
                times.push(ms(Duration::from_nanos(cpu(&running)? - before)));
            }
        }
        forget(stage)?;
        costs.miss_calls = calls(stage, &mut running, &event)?;
        costs.hit_calls = calls(stage, &mut running, &event)?;
        costs.peak_kib = costs.peak_kib.max(running.peak_kib()?);
    }
    Ok(costs)
}

/// Returns a request's numbers of calls of Stripe and of AWS.
fn calls(stage: &Stage, running: &mut Running, event: &Value) -> Result<(usize, usize)> {
    let (_, newest) = stage.stripe_calls("")?;
    stage.aws.take_calls();
    running.invoke(event)?;
    Ok((stage.stripe_calls(&newest)?.0.len(), stage.aws.take_calls().len()))
}

#[expect(clippy::cast_precision_loss)]
fn table(all: &[(&str, Costs)]) -> Table {
    let head = [
        "",
        "cold, ms",
        "miss, ms",
        "hit, ms",
        "miss, CPU ms",
        "hit, CPU ms",
        "miss: calls of Stripe, AWS",
        "hit",
        "peak, MiB",
    ];
    let mut table = Table::new(&head);
    for (name, costs) in all {
        let calls = |(stripe, aws): (usize, usize)| format!("{stripe}, {aws}");
        table.row(vec![
            format!("`{name}`"),
            format!("{:.0}", median(&costs.cold)),
            format!("{:.0}", median(&costs.miss)),
            format!("{:.1}", median(&costs.hit)),
            format!("{:.2}", median(&costs.miss_cpu)),
            format!("{:.2}", median(&costs.hit_cpu)),
            calls(costs.miss_calls),
            calls(costs.hit_calls),
            format!("{:.1}", costs.peak_kib as f64 / 1024.0),
        ]);
    }
    table
}
