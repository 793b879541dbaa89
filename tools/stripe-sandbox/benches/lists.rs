//! Latency of lists and previews with much data: one account with 10,000 invoices, among 100,000
//! customers with a subscription each. Over HTTP, on one connection.
//!
//! `cargo bench -p stripe-sandbox` fails if a request exceeds its budget. On a busy machine
//! wall-clock time includes waiting for a processor, so CPU time counts there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;
use stripe_sandbox::{Config, Running, Sandbox};

const BUDGET: Duration = Duration::from_millis(5);
/// Without a budget: a page of 100 serializes 100 objects, and a date filter reads the whole list.
const UNBUDGETED: &[&str] =
    &["its invoices, first 100", "its invoices, 100 after 5,000", "its oldest invoices by date"];
const INVOICES: u32 = 10_000;
const CUSTOMERS: u32 = 100_000;
const RUNS: usize = 300;
const DAY: u32 = 86_400;

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(running: &Running) -> Client {
        let stream = TcpStream::connect(running.address).expect("it listens");
        stream.set_nodelay(true).expect("a socket has options");
        Client { stream: BufReader::new(stream) }
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer sk_test_sandbox\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).expect("a connection");
        let (mut line, mut length, mut status) = (String::new(), 0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a head");
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a number");
            }
            if status.is_empty() {
                status.clone_from(&line);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut response = vec![0; length];
        self.stream.read_exact(&mut response).expect("a body");
        assert!(
            status.contains(" 200 "),
            "{method} {path}: {}",
            String::from_utf8_lossy(&response)
        );
        response
    }

    fn json(&mut self, method: &str, path: &str, body: &str) -> Value {
        serde_json::from_slice(&self.send(method, path, body)).expect("JSON")
    }

    fn id(&mut self, path: &str, form: &str) -> String {
        self.json("POST", path, form)["id"].as_str().expect("an id").to_owned()
    }
}

/// The account with many invoices, and one of the many customers.
struct Places {
    customer: String,
    /// An invoice in the middle of its list.
    deep: String,
    subscription: String,
    item: String,
    dearer: String,
}

fn set_up(client: &mut Client) -> Places {
    let product = client.id("/v1/products", "name=Pro");
    let mut price = |interval: &str, amount: u32| {
        let form = format!(
            "product={product}&currency=usd&unit_amount={amount}&recurring[interval]={interval}"
        );
        client.id("/v1/prices", &form)
    };
    let (daily, monthly, dearer) = (price("day", 500), price("month", 1000), price("month", 2500));
    let card = "payment_method=pm_card_visa&invoice_settings[default_payment_method]=pm_card_visa";
    let customer = client.id("/v1/customers", card);
    client.id("/v1/subscriptions", &format!("customer={customer}&items[0][price]={daily}"));
    timed("10,000 daily renewals", || {
        let pass = format!("{{\"advance_seconds\": {}}}", DAY * (INVOICES - 1));
        client.send("POST", "/_sandbox/clock", &pass)
    });
    timed("100,000 customers with subscriptions", || {
        let population = format!("{{\"customers\": {CUSTOMERS}, \"price\": \"{monthly}\"}}");
        client.send("POST", "/_sandbox/population", &population)
    });
    let mut deep = String::new();
    for _ in 0..INVOICES / 200 {
        let page = format!("/v1/invoices?customer={customer}&limit=100{deep}");
        let page = client.json("GET", &page, "");
        deep = format!("&starting_after={}", page["data"][99]["id"].as_str().expect("100 each"));
    }
    let many = client.json("GET", "/v1/subscriptions?limit=100", "");
    let sub = &many["data"][50];
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let (subscription, item) = (text(&sub["id"]), text(&sub["items"]["data"][0]["id"]));
    Places { customer, deep, subscription, item, dearer }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) {
    let started = Instant::now();
    work();
    println!("{what}: {:.1?}", started.elapsed());
}

struct Measured {
    median: Duration,
    p99: Duration,
    /// CPU time of one request, client and sandbox together; None if it cannot be measured.
    cpu: Option<Duration>,
}

impl Measured {
    fn is_over(&self) -> bool {
        self.cpu.map_or(self.median, |cpu| cpu.min(self.median)) >= BUDGET
    }
}

/// Returns the CPU time of all threads of this process.
fn on_cpu() -> Option<Duration> {
    let mut sum = 0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += stat.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

fn measure(client: &mut Client, method: &str, path: &str, body: &str) -> Measured {
    let before = on_cpu();
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            client.send(method, path, body);
            started.elapsed()
        })
        .collect();
    let runs = u32::try_from(RUNS).expect("a few hundred");
    let cpu = before.zip(on_cpu()).map(|(before, after)| after.saturating_sub(before) / runs);
    times.sort_unstable();
    Measured { median: times[RUNS / 2], p99: times[RUNS * 99 / 100], cpu }
}

fn main() -> ExitCode {
    let started = Instant::now();
    let running = Sandbox::start(Config::default()).expect("a free port");
    println!("start: {:.1?}", started.elapsed());
    let mut client = Client::new(&running);
    let at = set_up(&mut client);
    let Places { customer, deep, subscription, item, dearer } = &at;
    let change = format!(
        "subscription={subscription}&subscription_details[items][0][id]={item}\
         &subscription_details[items][0][price]={dearer}\
         &subscription_details[proration_behavior]=always_invoice"
    );
    let renewal = format!("subscription={subscription}");
    let preview = "/v1/invoices/create_preview";
    let get = |what, query: String| (what, "GET", query, String::new());
    let rows = [
        get(
            "subscriptions of the account",
            format!("/v1/subscriptions?customer={customer}&status=all"),
        ),
        get(
            "the same, with latest invoice and customer",
            format!(
                "/v1/subscriptions?customer={customer}&expand[]=data.latest_invoice&expand[]=data.customer"
            ),
        ),
        get("its invoices, first 10", format!("/v1/invoices?customer={customer}")),
        get("its invoices, first 100", format!("/v1/invoices?customer={customer}&limit=100")),
        get("its invoices, 10 after 5,000", format!("/v1/invoices?customer={customer}{deep}")),
        get(
            "its invoices, 100 after 5,000",
            format!("/v1/invoices?customer={customer}&limit=100{deep}"),
        ),
        get("its open invoices", format!("/v1/invoices?customer={customer}&status=open")),
        get(
            "its oldest invoices by date",
            format!("/v1/invoices?customer={customer}&created[lt]=1800000000"),
        ),
        get("all subscriptions, first 10", "/v1/subscriptions".to_owned()),
        get("a customer by mail", "/v1/customers?email=customer-77@example.com".to_owned()),
        ("preview of a change", "POST", preview.to_owned(), change),
        ("preview of the next invoice", "POST", preview.to_owned(), renewal),
    ];
    println!("\n{:44} {:>9} {:>9} {:>9}   budget {BUDGET:?}", "", "median", "p99", "CPU");
    let mut slow = 0;
    for (what, method, path, body) in rows {
        let measured = measure(&mut client, method, &path, &body);
        let over = measured.is_over() && !UNBUDGETED.contains(&what);
        let verdict = if over { "  OVER" } else { "" };
        slow += usize::from(over);
        let Measured { median, p99, cpu } = measured;
        println!("{what:44} {median:>9.2?} {p99:>9.2?} {:>9.2?}{verdict}", cpu.unwrap_or_default());
    }
    if slow == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
