//! Text that `make run` prints when the stack is up.

use crate::about::{About, Account};
use crate::seed::description;

/// Account of the example request, for which every endpoint has data.
const EXAMPLE: &str = "metered";

/// Returns the addresses, an example request, and where the rest is.
pub(crate) fn summary(about: &About, how_to_stop: &str) -> String {
    let console = about.console_url.as_ref();
    let account = |Account { name, .. }: &Account| format!("  {name:<10} {}\n", description(name));
    let accounts: String = about.accounts.iter().map(account).collect();
    let key = about.account(EXAMPLE).map_or("sk_test_…", |account| &account.keys.read);
    format!(
        "\nThe billing API is up.\n\n\
         {}\
         \x20 API      {}/v1/billing\n\
         \x20 docs     {1}/docs\n\
         \x20 Stripe   {}  (key {})\n\
         \x20 AWS      {}  (DynamoDB, Secrets Manager)\n\n\
         \x20 curl -s -H 'Authorization: Bearer {key}' {1}/v1/billing/summary\n\n\
         Accounts\n\n{}\n\
         Their keys are in .local/stack.json. `source .local/env` sets $API, $METERED_ADMIN and the like, and all that\n\
         billingctl needs. .local/log has a log for each process.\n\n\
         {how_to_stop}",
        console.map(|url| format!("  console  {url}\n")).unwrap_or_default(),
        about.api_url,
        about.stripe_url,
        stripe_key(about),
        about.aws_url,
        accounts,
    )
}

/// Returns the sandbox's key; the key of a real Stripe account is not printed.
fn stripe_key(about: &About) -> &str {
    if about.stripe_url.starts_with("https://") {
        "from STRIPE_SECRET_KEY"
    } else {
        &about.stripe_key
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::about::Keys;

    pub(crate) fn about(stripe_url: &str) -> About {
        let keys =
            Keys { read: "sk_r".to_owned(), deploy: "sk_d".to_owned(), admin: "sk_a".to_owned() };
        About {
            api_url: "http://127.0.0.1:9100".to_owned(),
            console_url: Some("http://localhost:3000".to_owned()),
            stripe_url: stripe_url.to_owned(),
            stripe_key: "sk_test_1".to_owned(),
            aws_url: "http://127.0.0.1:5055".to_owned(),
            table: "t".to_owned(),
            allowed_origins: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            accounts: vec![Account {
                name: EXAMPLE.to_owned(),
                id: "acc_1".to_owned(),
                handle: EXAMPLE.to_owned(),
                customer: None,
                parent: None,
                keys,
            }],
        }
    }

    #[test]
    fn summary_fits_a_screen_and_begins_with_the_console() {
        let text = summary(&about("http://127.0.0.1:12111"), "Ctrl-C stops it.");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[3], "  console  http://localhost:3000");
        assert!(lines.len() < 24 && lines.iter().all(|line| line.len() < 120), "{text}");
        let curl =
            "  curl -s -H 'Authorization: Bearer sk_r' http://127.0.0.1:9100/v1/billing/summary";
        assert!(lines.contains(&curl), "{text}");
    }

    #[test]
    fn summary_does_not_print_the_key_of_a_real_stripe_account() {
        assert!(summary(&about("http://127.0.0.1:12111"), "").contains("sk_test_1"));
        assert!(!summary(&about("https://api.stripe.com"), "").contains("sk_test_1"));
    }
}
