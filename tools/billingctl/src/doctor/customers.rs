//! Checks that the customers of all accounts exist in Stripe.

use aws_config::SdkConfig;
use serde_json::json;
use shared::aws::table::Account;
use shared::stripe::views::{Id, List};
use shared::{Stripe, StripeError};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::report::Report;
use super::secrets::StackKeys;
use super::settings::Settings;
use crate::aws::table::Table;
use crate::error::Result;
use crate::stripe::{self, CustomerState};

const CHECK: &str = "accounts.customers";

/// Largest number of customers that are read one by one because Stripe's list lacks them.
const MAX_LOOKUPS: usize = 50;

/// Accounts whose customer does not exist, as `acme (cus_1)`.
#[derive(Debug, Default)]
struct Findings {
    /// Number of accounts with a customer.
    linked: usize,
    deleted: Vec<String>,
    /// Customers that Stripe does not know in this Stripe account and mode.
    unknown: Vec<String>,
    /// Number of customers that the list lacks and that were not read.
    unchecked: usize,
}

/// Checks the customers with the key of the GET functions.
pub(super) async fn check(
    sdk: Option<&SdkConfig>,
    settings: &Settings,
    keys: &StackKeys,
    report: &mut Report,
) -> Result<()> {
    let (Some(sdk), Some(read)) = (sdk, &keys.read) else {
        report.skip(CHECK, "not checked", keys.advice);
        return Ok(());
    };
    let accounts = match Table::named(sdk, &settings.table).accounts().await {
        Ok(accounts) => accounts,
        Err(error) => {
            let advice = "see the checks of the table above";
            report.skip(CHECK, format!("the accounts cannot be listed: {error}"), advice);
            return Ok(());
        }
    };
    match find(&stripe::client(read, "the read key")?, &accounts).await {
        Ok(findings) => add(&findings, report),
        Err(error) => {
            let advice = "see the checks of the read key above";
            report.skip(CHECK, format!("the customers cannot be read: {error}"), advice);
        }
    }
    Ok(())
}

async fn find(stripe: &Stripe, accounts: &[Account]) -> std::result::Result<Findings, StripeError> {
    let linked =
        accounts.iter().filter_map(|account| Some((account, account.customer.as_deref()?)));
    let mut missing: Vec<(&Account, &str)> = linked.collect();
    let mut findings = Findings { linked: missing.len(), ..Findings::default() };
    let mut query = json!({ "limit": 100 });
    while !missing.is_empty() {
        let page = RequestBuilder::new(StripeMethod::Get, "/customers").query(&query);
        let page: List<Id> = stripe.send_built(page, None).await?;
        missing.retain(|(_, customer)| !page.data.iter().any(|listed| listed.id == *customer));
        let Some(last) = page.data.last().filter(|_| page.has_more) else { break };
        query["starting_after"] = json!(last.id);
    }
    findings.unchecked = missing.len().saturating_sub(MAX_LOOKUPS);
    // Stripe's list leaves out customers on test clocks.
    for (account, customer) in missing.into_iter().take(MAX_LOOKUPS) {
        let found = format!("{} ({customer})", account.handle);
        match stripe::customer_state(stripe, customer).await? {
            CustomerState::Existing => {}
            CustomerState::Deleted => findings.deleted.push(found),
            CustomerState::Unknown => findings.unknown.push(found),
        }
    }
    Ok(findings)
}

fn add(findings: &Findings, report: &mut Report) {
    let Findings { linked, deleted, unknown, unchecked } = findings;
    let group = |name: &str, accounts: &[String]| {
        (!accounts.is_empty()).then(|| format!("{name}: {}", accounts.join(", ")))
    };
    let deleted = group("deleted in Stripe", deleted);
    let unknown = group("not in this Stripe account and mode", unknown);
    let found: Vec<&str> = [&unknown, &deleted].into_iter().filter_map(Option::as_deref).collect();
    let found = found.join("; ");
    if unknown.is_some() {
        let advice = "link these accounts to customers of this Stripe account and mode with `billingctl accounts link --replace`, or unlink them";
        report.fail(CHECK, found, advice);
    } else if deleted.is_some() {
        let advice = "the next checkout of such an account creates another customer; to use an existing one, run `billingctl accounts link --replace`";
        report.warn(CHECK, found, advice);
    } else if *unchecked > 0 {
        let found = format!(
            "{unchecked} of {linked} customers are not in Stripe's list and were not read one by one"
        );
        let advice = "customers on test clocks are not listed; check an account with `billingctl accounts show`";
        report.skip(CHECK, found, advice);
    } else {
        report.pass(CHECK, format!("all {linked} exist"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn unknown_customers_fail_deleted_ones_warn() {
        let (none, acme, other) =
            (vec![], vec!["acme (cus_1)".to_owned()], vec!["other (cus_2)".to_owned()]);
        for (deleted, unknown, unchecked, verdict, found) in [
            (&none, &none, 0, Verdict::Pass, "all 90 exist"),
            (&acme, &none, 9, Verdict::Warn, "deleted in Stripe: acme (cus_1)"),
            (
                &none,
                &none,
                40,
                Verdict::Skipped,
                "40 of 90 customers are not in Stripe's list and were not read one by one",
            ),
            (
                &acme,
                &other,
                0,
                Verdict::Fail,
                "not in this Stripe account and mode: other (cus_2); deleted in Stripe: acme (cus_1)",
            ),
        ] {
            let findings = Findings {
                linked: 90,
                deleted: deleted.clone(),
                unknown: unknown.clone(),
                unchecked,
            };
            let mut report = Report::default();
            add(&findings, &mut report);
            let line = &report.lines()[0];
            assert_eq!((line.verdict, &*line.found), (verdict, found));
        }
    }
}
