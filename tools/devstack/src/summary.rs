//! Text that `make run` prints when the stack is up.

use std::fmt::Write as _;

use crate::about::{About, Account};
use crate::functions::{FUNCTIONS, Function};
use crate::seed;
use shared::Scope;

/// Account of the example requests, for which every endpoint has data.
const EXAMPLE: &str = "metered";

/// Returns the addresses, the accounts with their keys, and a curl command for each endpoint.
pub(crate) fn summary(about: &About, how_to_stop: &str) -> String {
    let mut text = format!(
        "\nThe billing API is up.\n\n\
         {}\
         \x20 API      {}/v1/billing\n\
         \x20 docs     {1}/docs\n\
         \x20 Stripe   {}  (key {})\n\
         \x20 AWS      {}  (DynamoDB table {}, Secrets Manager)\n\
         \x20 files    .local/stack.json (all of this), .local/log/ (one log a process)\n\n\
         Accounts and their keys\n\n",
        about.console_url.as_ref().map(|url| format!("  console  {url}\n")).unwrap_or_default(),
        about.api_url,
        about.stripe_url,
        stripe_key(about),
        about.aws_url,
        about.table,
    );
    for account in &about.accounts {
        let Account { name, id, keys, .. } = account;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<10} {} ({id})", seed::description(name));
        let _ = writeln!(
            text,
            "    read     {}\n    deploy   {}\n    admin    {}",
            keys.read, keys.deploy, keys.admin
        );
    }
    if let Some(account) = about.account(EXAMPLE) {
        let _ = writeln!(text, "\nOne request for each endpoint, as \"{EXAMPLE}\"\n");
        for function in FUNCTIONS {
            let _ = writeln!(text, "  {}", curl(about, account, function));
        }
    }
    let _ = writeln!(text, "\n{how_to_stop}");
    text
}

/// Returns the sandbox's key; the key of a real Stripe account is not printed.
fn stripe_key(about: &About) -> &str {
    if about.stripe_url.starts_with("https://") {
        "from STRIPE_SECRET_KEY"
    } else {
        &about.stripe_key
    }
}

fn curl(about: &About, account: &Account, function: &Function) -> String {
    let key = match function.scope {
        Scope::Read => &account.keys.read,
        Scope::Deploy => &account.keys.deploy,
        Scope::Admin => &account.keys.admin,
    };
    let body = function
        .sample
        .map(|body| format!(" -H 'content-type: application/json' -d '{body}'"))
        .unwrap_or_default();
    let method = if function.method == "DELETE" { " -X DELETE" } else { "" };
    format!(
        "curl -s{method} -H 'Authorization: Bearer {key}'{body} {}{}",
        about.api_url,
        function.example_path()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::about::Keys;

    fn about(stripe_url: &str) -> About {
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
    fn summary_has_a_curl_command_for_each_endpoint() {
        let text = summary(&about("http://127.0.0.1:12111"), "Ctrl-C stops it.");
        for function in FUNCTIONS {
            let line = text
                .lines()
                .find(|line| {
                    line.ends_with(&format!(":9100{}", function.example_path()))
                        && line.contains("-X DELETE") == (function.method == "DELETE")
                })
                .expect(function.name);
            let key = if function.scope == Scope::Admin { "sk_a" } else { "sk_r" };
            assert!(
                line.starts_with("  curl -s ") && line.contains(&format!("Bearer {key}'")),
                "{line}"
            );
        }
    }

    #[test]
    fn summary_does_not_print_the_key_of_a_real_stripe_account() {
        assert!(summary(&about("http://127.0.0.1:12111"), "").contains("sk_test_1"));
        assert!(!summary(&about("https://api.stripe.com"), "").contains("sk_test_1"));
    }
}
