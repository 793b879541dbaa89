//! Seeds every stack with accounts, one for each billing state.
//!
//! Creates them through `billingctl` and Stripe's API, with test clocks for the weeks of their histories, so that the
//! same code seeds the sandbox and Stripe's test mode.

mod accounts;
mod history;
mod keys;
mod plans;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use shared::aws::https::Https;
use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::stripe::{CallLog, Transport, base_url};
use shared::{Scope, Stripe};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Error;
use crate::about::{Account, Keys};
use crate::operator::Operator;
use accounts::{FIXTURES, Fixture};
use history::History;

/// Deadline of all requests to Stripe; the clocks of its test mode advance slowly.
const LIMIT: Duration = Duration::from_mins(10);

/// Creates the accounts.
pub(crate) struct Seeder {
    stripe: Stripe,
    operator: Arc<Operator>,
    now: i64,
    run: String,
}

impl Seeder {
    /// Takes Stripe's secret key, because the functions' keys lack the permissions for seeding.
    pub(crate) fn new(
        stripe_url: &str,
        secret_key: &str,
        operator: Operator,
    ) -> Result<Self, Error> {
        let base = base_url(stripe_url)
            .ok_or_else(|| Error::Keys(format!("{stripe_url} is not a URL for Stripe")))?;
        let keys = StripeKeys::new(secret_key.into(), None)
            .ok_or_else(|| Error::Keys("the Stripe key is malformed".to_owned()))?;
        let secret = StripeSecret::given(keys, "the local stack");
        let stripe = Stripe::new(
            Arc::new(Transport::new(Https::new(), base)),
            Arc::new(secret),
            Arc::new(CallLog::default()),
            Instant::now() + LIMIT,
        );
        let now = OffsetDateTime::now_utc();
        // Part of the idempotency keys, which must differ from those of earlier stacks: test mode stores them.
        let run = format!("{:x}", now.unix_timestamp_nanos());
        Ok(Self { stripe, operator: Arc::new(operator), now: now.unix_timestamp(), run })
    }

    /// Creates all accounts concurrently and returns them in the fixtures' order.
    pub(crate) async fn seed(&self) -> Result<Vec<Account>, Error> {
        let mut set = JoinSet::new();
        for (index, fixture) in FIXTURES.iter().enumerate() {
            let name = fixture.name;
            let history = History::new(self.stripe.clone(), name, self.now, &self.run);
            let operator = Arc::clone(&self.operator);
            set.spawn(async move {
                let customer = (fixture.build)(history).await?;
                // A sub-account is created after its parent, whose ID it needs.
                let account = match fixture.parent {
                    None => {
                        Some(create_fixture(&operator, fixture, customer.as_deref(), None).await?)
                    }
                    Some(_) => None,
                };
                Ok::<_, Error>((index, customer, account))
            });
        }
        let mut done = Vec::new();
        while let Some(outcome) = set.join_next().await {
            done.push(outcome.unwrap_or_else(|error| resume_unwind(error.into_panic()))?);
        }
        done.sort_by_key(|(index, ..)| *index);
        self.with_sub_accounts(done).await
    }

    async fn with_sub_accounts(
        &self,
        done: Vec<(usize, Option<String>, Option<Account>)>,
    ) -> Result<Vec<Account>, Error> {
        let mut accounts: Vec<Account> = Vec::new();
        for (index, customer, created) in done {
            let fixture = &FIXTURES[index];
            let parent = accounts
                .iter()
                .find(|account| Some(account.name.as_str()) == fixture.parent)
                .map(|parent| parent.id.clone());
            let (customer, parent) = (customer.as_deref(), parent.as_deref());
            accounts.push(match created {
                Some(account) => account,
                None => create_fixture(&self.operator, fixture, customer, parent).await?,
            });
        }
        Ok(accounts)
    }
}

/// Returns the description of a seeded account.
pub(crate) fn description(name: &str) -> &'static str {
    let fixture = FIXTURES.iter().find(|fixture| fixture.name == name);
    fixture.map_or("", |fixture| fixture.description)
}

/// Creates the account of a fixture, without its keys.
async fn create_fixture(
    operator: &Operator,
    fixture: &Fixture,
    customer: Option<&str>,
    parent: Option<&str>,
) -> Result<Account, Error> {
    let account = operator.create_account(fixture.name, customer, parent).await?;
    Ok(Account {
        name: fixture.name.to_owned(),
        id: account.id,
        handle: account.handle,
        customer: customer.map(str::to_owned),
        parent: parent.map(str::to_owned),
        keys: fixture.keys.keys(),
    })
}

/// Imports the development keys of the seeded accounts. Existing keys stay as they are.
pub(crate) async fn import_keys(operator: &Operator, accounts: &[Account]) -> Result<(), Error> {
    operator.import_keys(keys::import_lines(accounts)?).await
}

/// Returns whether the accounts are those of the fixtures, with the same keys.
pub(crate) fn has_fixtures(accounts: &[Account]) -> bool {
    let found = accounts.iter().map(|account| (account.name.as_str(), account.keys.clone()));
    found.eq(FIXTURES.iter().map(|fixture| (fixture.name, fixture.keys.keys())))
}

/// Creates another account, with new keys.
pub(crate) async fn create_account(
    operator: &Operator,
    name: &str,
    customer: Option<&str>,
) -> Result<Account, Error> {
    let account = operator.create_account(name, customer, None).await?;
    let key = |scope| operator.create_key(&account.id, scope);
    let (read, deploy, admin) =
        tokio::try_join!(key(Scope::Read), key(Scope::Deploy), key(Scope::Admin))?;
    Ok(Account {
        name: name.to_owned(),
        id: account.id,
        handle: account.handle,
        customer: customer.map(str::to_owned),
        parent: None,
        keys: Keys { read, deploy, admin },
    })
}

/// Returns accounts of all fixtures, for tests.
#[cfg(test)]
pub(crate) fn sample_accounts() -> Vec<Account> {
    let account = |fixture: &Fixture| Account {
        name: fixture.name.to_owned(),
        id: format!("acc_{}", fixture.name),
        handle: fixture.name.to_owned(),
        customer: None,
        parent: None,
        keys: fixture.keys.keys(),
    };
    FIXTURES.iter().map(account).collect()
}
