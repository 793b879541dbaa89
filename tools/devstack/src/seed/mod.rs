//! The accounts that every stack begins with, one for each state that an account can be in.
//!
//! They come about as a customer's account does: through `billingctl` and Stripe's API, with test
//! clocks for what takes weeks. So the same code seeds the sandbox and Stripe's real test mode.

mod events;
mod plans;
mod story;
mod tales;

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use shared::https::Https;
use shared::respond::Timings;
use shared::secrets::{Secrets, StripeKeys};
use shared::stripe::Transport;
use shared::{Scope, Stripe};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Error;
use crate::about::{Account, Keys};
use crate::operator::Operator;
pub(crate) use events::admit_the_events_keys;
use story::Story;
use tales::TALES;

/// Stripe's real clocks take a while to advance.
const LIMIT: Duration = Duration::from_mins(10);

/// Makes the accounts.
pub(crate) struct Seeder {
    stripe: Stripe,
    operator: Arc<Operator>,
    now: i64,
    run: String,
}

impl Seeder {
    /// With the key that may do everything: the functions' own may not do what seeding does.
    pub(crate) fn new(
        stripe_url: &str,
        secret_key: &str,
        operator: Operator,
    ) -> Result<Self, Error> {
        let base = shared::config::stripe_base(stripe_url)
            .ok_or_else(|| Error::Keys(format!("{stripe_url} is no address for Stripe")))?;
        let keys = StripeKeys::new(secret_key.into(), None)
            .ok_or_else(|| Error::Keys("the Stripe key has not the form of one".to_owned()))?;
        let secrets = Secrets::given(keys, "the local stack");
        let stripe = Stripe::new(
            Arc::new(Transport::new(Https::new(), base)),
            Arc::new(secrets),
            Arc::new(Timings::start()),
            Instant::now() + LIMIT,
        );
        let now = OffsetDateTime::now_utc();
        // Idempotency keys must differ from those of every earlier stack: test mode remembers them.
        let run = format!("{:x}", now.unix_timestamp_nanos());
        Ok(Self { stripe, operator: Arc::new(operator), now: now.unix_timestamp(), run })
    }

    /// All accounts, in the table's order. Their stories are lived at the same time.
    pub(crate) async fn seed(&self) -> Result<Vec<Account>, Error> {
        let mut set = JoinSet::new();
        for (index, tale) in TALES.iter().enumerate() {
            let story = Story::new(self.stripe.clone(), tale.name, self.now, &self.run);
            let operator = Arc::clone(&self.operator);
            set.spawn(async move {
                let customer = (tale.live)(story).await?;
                // A sub-account waits for its parent's id.
                let account = match tale.parent {
                    None => Some(account(&operator, tale.name, customer.as_deref(), None).await?),
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
        for (index, customer, made) in done {
            let tale = &TALES[index];
            let parent = accounts
                .iter()
                .find(|account| Some(account.name.as_str()) == tale.parent)
                .map(|parent| parent.id.clone());
            accounts.push(match made {
                Some(account) => account,
                None => {
                    account(&self.operator, tale.name, customer.as_deref(), parent.as_deref())
                        .await?
                }
            });
        }
        Ok(accounts)
    }
}

/// One line about an account, for the summary.
pub(crate) fn about(name: &str) -> &'static str {
    TALES.iter().find(|tale| tale.name == name).map_or("", |tale| tale.about)
}

/// The account itself and its keys, by `billingctl`.
pub(crate) async fn account(
    operator: &Operator,
    name: &str,
    customer: Option<&str>,
    parent: Option<&str>,
) -> Result<Account, Error> {
    let made = operator.create_account(name, customer, parent).await?;
    let key = |scope| operator.create_key(&made.id, scope);
    let (read, deploy, admin) =
        tokio::try_join!(key(Scope::Read), key(Scope::Deploy), key(Scope::Admin))?;
    Ok(Account {
        name: name.to_owned(),
        id: made.id,
        handle: made.handle,
        customer: customer.map(str::to_owned),
        parent: parent.map(str::to_owned),
        keys: Keys { read, deploy, admin },
    })
}
