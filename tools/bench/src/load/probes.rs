//! Everything beside the reads: an outage, changes through the API, changes at Stripe and how soon they show, and the
//! counts of Stripe's requests.

use std::time::{Duration, Instant};

use devstack::http::{self, Response};
use devstack::{About, Account, Stack};
use serde_json::{Value, json};
use tokio::time::{interval, sleep};

use super::Phases;
use super::series::Series;
use crate::error::{Error, Result};
use crate::keys::call;

const LIMIT: Duration = Duration::from_secs(30);

/// Account that is read.
pub type Reader = Account;

/// The sandbox.
#[derive(Clone)]
pub struct Stripe {
    url: String,
    bearer: String,
}

/// Results beside the series.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    /// Seconds from a change at Stripe until a GET shows it.
    pub visible: Vec<f64>,
    /// POSTs outside the outage, and those of them that succeeded.
    pub posts: (u32, u32),
    /// POSTs during the outage, and those of them that failed as they must.
    pub posts_in_outage: (u32, u32),
}

impl Stripe {
    pub fn of(about: &About) -> Self {
        Self { url: about.stripe_url.clone(), bearer: format!("Bearer {}", about.stripe_key) }
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let url = format!("{}{path}", self.url);
        let headers = [("authorization", self.bearer.as_str())];
        let sent = http::send(method, &url, &headers, body, LIMIT);
        match sent.await.map_err(Error::Wrong)? {
            response if response.status < 300 => Ok(response.json()),
            Response { status, body, .. } => {
                Error::wrong(format!("{method} {url}: {status} {body}"))
            }
        }
    }

    /// Calls the sandbox's own API.
    pub async fn sandbox(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.send(method, &format!("/_sandbox{path}"), &body.to_string()).await
    }

    /// Creates subscribers on no test clock, each with an account and keys.
    pub async fn accounts(&self, stack: &Stack, count: usize) -> Result<Vec<Account>> {
        let found = self.send("GET", "/v1/prices?lookup_keys[]=cantila_pro_month", "").await?;
        let price = &found["data"][0]["id"];
        let known = self.customers().await?.len();
        let population = json!({ "customers": count, "price": price });
        self.sandbox("POST", "/population", &population).await?;
        let mut customers = self.customers().await?;
        customers.truncate(customers.len() - known);
        let mut accounts = Vec::new();
        for (number, customer) in customers.iter().enumerate() {
            accounts.push(stack.create_account(&format!("load-{number}"), Some(customer)).await?);
        }
        Ok(accounts)
    }

    /// Returns the customers' IDs, newest first.
    async fn customers(&self) -> Result<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        loop {
            let after = ids.last().map(|id| format!("&starting_after={id}")).unwrap_or_default();
            let page = self.send("GET", &format!("/v1/customers?limit=100{after}"), "").await?;
            let data = page["data"].as_array().into_iter().flatten();
            ids.extend(data.filter_map(|customer| customer["id"].as_str().map(str::to_owned)));
            if page["has_more"] != true {
                return Ok(ids);
            }
        }
    }
}

/// Runs all of it until the end of the phases.
pub async fn run(
    stripe: &Stripe,
    stack: &Stack,
    accounts: &[Account],
    phases: Phases,
) -> Result<(Probes, Series)> {
    let api = &stack.about().api_url;
    let started = Instant::now();
    let (watched, writers) = accounts.split_first().expect("the accounts were created");
    let (series, (), visible, (posts, posts_in_outage)) = tokio::try_join!(
        count(stripe, started, phases),
        disturb(stripe, stack, started, phases),
        watch(stripe, api, watched, started, phases),
        change(api, writers, started, phases),
    )?;
    Ok((Probes { visible, posts, posts_in_outage }, series))
}

/// Counts Stripe's requests in each second.
async fn count(stripe: &Stripe, started: Instant, phases: Phases) -> Result<Series> {
    let mut series = Series::default();
    let mut newest = None;
    let mut each = interval(Duration::from_secs(1));
    while started.elapsed().as_secs() < phases.end {
        each.tick().await;
        let log = stripe.sandbox("GET", "/requests", &Value::Null).await?;
        let entries = log["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
        let id = |entry: &Value| entry["request_id"].as_str().unwrap_or_default().to_owned();
        // Requests from before the run do not count.
        let known = newest.unwrap_or_else(|| entries.first().map(id).unwrap_or_default());
        let second = series.second(started.elapsed().as_secs());
        let is_of_api =
            |entry: &&Value| entry["path"].as_str().is_some_and(|path| path.starts_with("/v1/"));
        for entry in entries.iter().take_while(|entry| id(entry) != known).filter(is_of_api) {
            second.stripe_calls += 1;
            second.stripe_refused += u32::from(entry["status"] == 429);
        }
        newest = Some(entries.first().map(id).unwrap_or(known));
    }
    Ok(series)
}

async fn until(started: Instant, second: u64) {
    sleep(Duration::from_secs(second).saturating_sub(started.elapsed())).await;
}

/// Takes Stripe down and up again, and then ends all stored reads.
async fn disturb(stripe: &Stripe, stack: &Stack, started: Instant, phases: Phases) -> Result<()> {
    until(started, phases.down).await;
    let fault = json!({ "kind": "hang_up", "path": "/v1/", "count": 10_000_000 });
    stripe.sandbox("POST", "/faults", &fault).await?;
    until(started, phases.up).await;
    stripe.sandbox("DELETE", "/faults", &Value::Null).await?;
    until(started, phases.anew).await;
    let update = json!({
        "TableName": stack.about().table,
        "Key": { "pk": { "S": "FOLLOW" }, "sk": { "S": "WATERMARK" } },
        "UpdateExpression": "ADD epoch :one",
        "ExpressionAttributeValues": { ":one": { "N": "1" } },
    });
    call(stack.dynamodb(), "UpdateItem", &update).map(drop)
}

/// Changes a customer's balance at Stripe again and again, and returns how long each change took to show.
async fn watch(
    stripe: &Stripe,
    api: &str,
    account: &Account,
    started: Instant,
    phases: Phases,
) -> Result<Vec<f64>> {
    let bearer = format!("Bearer {}", account.keys.read);
    let url = format!("{api}/v1/billing/summary");
    let customer = account.customer.as_deref().unwrap_or_default();
    let mut visible = Vec::new();
    for number in 1.. {
        if started.elapsed().as_secs() + 15 > phases.down {
            break;
        }
        let changed = format!("/v1/customers/{customer}");
        stripe.send("POST", &changed, &format!("balance=-{number}")).await?;
        let (at, wanted) = (Instant::now(), format!("0.{number:02}"));
        while at.elapsed() < LIMIT {
            let sent = http::send("GET", &url, &[("authorization", &bearer)], "", LIMIT).await;
            if sent.is_ok_and(|response| response.json()["balance"] == *wanted) {
                visible.push(at.elapsed().as_secs_f64());
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(visible)
}

/// Changes plans through the API: a preview, then the change. Returns the counts outside the outage and in it.
async fn change(
    api: &str,
    accounts: &[Account],
    started: Instant,
    phases: Phases,
) -> Result<((u32, u32), (u32, u32))> {
    let (mut usual, mut in_outage) = ((0, 0), (0, 0));
    let mut each = interval(Duration::from_secs(4));
    for number in 0.. {
        each.tick().await;
        let second = started.elapsed().as_secs();
        if second + 5 > phases.end {
            break;
        }
        let account = &accounts[number % accounts.len()];
        let bearer = format!("Bearer {}", account.keys.admin);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let plan = if (number / accounts.len()).is_multiple_of(2) { "agency" } else { "pro" };
        let body = json!({ "plan": plan }).to_string();
        for path in ["plan-change/preview", "plan-change"] {
            let url = format!("{api}/v1/billing/{path}");
            let status = http::send("POST", &url, &headers, &body, LIMIT).await.map(|it| it.status);
            let is_down = (phases.down..phases.up).contains(&second);
            let (all, expected) = if is_down {
                (&mut in_outage, status == Ok(503))
            } else {
                // After an outage, a change may find that it is on the plan already.
                (&mut usual, matches!(status, Ok(200 | 409)))
            };
            all.0 += 1;
            all.1 += u32::from(expected);
        }
    }
    Ok((usual, in_outage))
}
